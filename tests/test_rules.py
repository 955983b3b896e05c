"""The rule pack: every rule on hand-built facts, its words, and its documentation page."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tt_cache_rules
from tt_cache_lint.model import (
    AccessorMismatch,
    Cause,
    Confidence,
    Difference,
    Event,
    EventKind,
    FactoryFacts,
    Finding,
    Held,
    OverrideThrow,
    Place,
    Related,
    Row,
    Severity,
    SharedField,
    ShortArguments,
    Slot,
    SlotKind,
    UncalledOverride,
    What,
)
from tt_cache_lint.rule import Rule, load_rules
from tt_cache_rules import _common

# id, name, severity, invariant
TABLE = """
    TTC101 resource-order                 note   I1
    TTC102 creation-in-override           error  I1
    TTC201 per-dispatch-compile-time      error  I2
    TTC202 compile-time-mutation          error  I2
    TTC301 stale-buffer-address           error  I3
    TTC302 stale-cb-address               error  I3
    TTC303 stale-scalar                   error  I3
    TTC304 arg-index-mismatch             error  I3
    TTC305 wrong-tensor                   error  I3
    TTC306 partial-core-coverage          error  I3
    TTC307 guard-mismatch                 error  I3
    TTC308 arg-out-of-range               error  I3
    TTC309 lost-update                    error  I3
    TTC310 override-throws                error  I3
    TTC401 handle-swap                    error  I4
    TTC402 handle-not-shared              error  I4
    TTC403 stale-capture                  error  I4
    TTC404 uninitialised-shared-variable  error  I4
    TTC405 missing-override               error  I4
    TTC406 narrowed-handle                error  I4
    TTC407 buffer-not-kept                error  I4
    TTC501 hash-omits                     error  I5
    TTC502 hash-includes-per-dispatch     warning I5
    TTC503 unordered-in-hash              error  I5
    TTC504 pointer-in-hash                error  I5
    TTC505 hidden-state                   warning I5
    TTC601 kernel-arg-out-of-range        error  I6
    TTC605 accessor-mismatch              error  I6
    TTC701 unbound-address                error  I5
    TTC702 uncalled-override              warning I3
    TTC801 mesh-coordinate-mismatch       error  I5
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
HEADINGS = ["What it does", "Why is this bad", "Example", "Use instead", "Known problems"]

CPP, HPP = "ops/add/add_program_factory.cpp", "ops/add/add_device_operation.hpp"
CREATE, OVERRIDE = Place(CPP, 10, end_line=80), Place(CPP, 90, end_line=120)
SET, WRITE, FIELD = Place(CPP, 60, 9), Place(CPP, 100, 9), Place(HPP, 20, 9)
GRID = tuple((x, y) for x in range(4) for y in range(4))

B = Held(0x2000, "b.buffer()->address()", ("address of tensor_args.b",), ("address of tensor_args.b",))
A = Held(0x1000, "a.buffer()->address()", ("address of tensor_args.a",), ("address of tensor_args.a",))
B_CB = Held(0x2000, "*b.buffer()", ("address of tensor_args.b",), ("address of tensor_args.b",))
TILES = Held(8, "num_tiles")
SEED = Held(7, "seed + i", ("operation_attributes.seed",), ("operation_attributes.seed",))
ROW = Row("reader_kernel_id arg 1", "(0,0)", "0x2000 #1", "0x2000 #1", "0x2000 #2", "stale")

READER_1 = Slot(SlotKind.ARG, "reader_kernel_id", 1)
WRITER_0 = Slot(SlotKind.ARG, "writer_kernel_id", 0)
CB_0 = Slot(SlotKind.CB, "c_0")

BASE = Difference(
    slot=READER_1,
    what=What.ADDRESS,
    cause=Cause.NOT_REFRESHED,
    created=B,
    found=B,
    expected=B,
    set_at=SET,
    written=None,
    override=OVERRIDE,
    cores=GRID,
    all_cores=GRID,
    when=("tensor_args.b has a value",),
    confidence=Confidence.CERTAIN,
    rows=(ROW,),
    fix=("reader_args[1] = tensor_args.b.buffer()->address();",),
)
CB = replace(BASE, slot=CB_0, what=What.CB, created=B_CB, found=B_CB, expected=B_CB)
SCALAR = replace(BASE, what=What.SCALAR, created=SEED, found=SEED, expected=SEED)


def rule(name: str) -> Rule:
    """The rule of this name, from the module that is named after it."""
    module = importlib.import_module(f"tt_cache_rules.{name.replace('-', '_')}")
    instance = getattr(module, "".join(part.capitalize() for part in name.split("-")))()
    assert isinstance(instance, Rule)
    return instance


def facts(
    *differences: Difference, events: tuple[Event, ...] = (), shared: tuple[SharedField, ...] = ()
) -> FactoryFacts:
    return FactoryFacts(
        "Add::MultiCore", "typed", CPP, 10, CREATE, OVERRIDE, differences=differences, events=events, shared=shared
    )


def check(name: str, given_facts: FactoryFacts) -> list[Finding]:
    return list(rule(name).check(given_facts))


def one(name: str, given_facts: FactoryFacts) -> Finding:
    (finding,) = check(name, given_facts)
    return finding


def everything(given_facts: FactoryFacts) -> list[Finding]:
    return [finding for _, name, _, _ in ROWS for finding in check(name, given_facts)]


# --- the pack


def test_one_module_a_rule() -> None:
    modules = {info.name for info in pkgutil.iter_modules(tt_cache_rules.__path__)}
    assert modules == {"_common", "_hash", *(name.replace("-", "_") for _, name, _, _ in ROWS)}


@pytest.mark.parametrize(("ident", "name", "severity", "invariant"), ROWS)
def test_metadata(ident: str, name: str, severity: str, invariant: str) -> None:
    got = rule(name)
    assert (got.id, got.name, got.severity.value, got.invariant) == (ident, name, severity, invariant)
    assert got.summary
    assert not got.summary.endswith(".")
    assert len(got.summary) <= 90


@pytest.mark.parametrize("name", [row[1] for row in ROWS])
def test_documentation_page(name: str) -> None:
    page = inspect.cleandoc(type(rule(name)).__doc__ or "")
    assert re.findall(r"^## (.*)$", page, re.M) == HEADINGS
    parts = dict(zip(HEADINGS, re.split(r"^## .*$", page, flags=re.M)[1:], strict=True))
    for heading, text in parts.items():
        assert len(text.strip()) > 40, heading
        fences = re.findall(r"^```(\w*)$", text, re.M)
        assert fences == (["cpp", ""] if heading in ("Example", "Use instead") else [])
    assert parts["Example"].strip() != parts["Use instead"].strip()


def test_the_helper_module_holds_no_rule() -> None:
    own = [value for _, value in inspect.getmembers(_common, inspect.isclass) if value.__module__ == _common.__name__]
    assert own == []


def test_the_pack_is_found_through_its_entry_point() -> None:
    loaded = [found for found in load_rules() if type(found).__module__.startswith("tt_cache_rules.")]
    assert [[found.id, found.name] for found in loaded] == [row[:2] for row in ROWS]


# --- which rule speaks

SPEAKER = {
    Cause.GUARD: "guard-mismatch",
    Cause.PARTIAL_CORES: "partial-core-coverage",
    Cause.OUTSIDE_KERNEL: "partial-core-coverage",
    Cause.WRONG_VALUE: "arg-index-mismatch",
    Cause.WRONG_TENSOR: "wrong-tensor",
    Cause.WRONG_HANDLE: "handle-swap",
    Cause.OUT_OF_RANGE: "arg-out-of-range",
    Cause.LOST_COPY: "lost-update",
    Cause.NOT_SHARED: "handle-not-shared",
    Cause.RUN1_CAPTURE: "stale-capture",
    Cause.NO_OVERRIDE: "missing-override",
    Cause.WRONG_COORDINATE: "mesh-coordinate-mismatch",
    Cause.FREED: "buffer-not-kept",
}
UNBOUND = {What.ADDRESS: "unbound-address", What.CB: "unbound-address", What.SCALAR: "stale-scalar"}
STALE = {What.ADDRESS: "stale-buffer-address", What.CB: "stale-cb-address", What.SCALAR: "stale-scalar"}


@pytest.mark.parametrize(("cause", "what", "written"), list(product(Cause, What, [None, WRITE])))
def test_one_rule_speaks_for_a_difference(cause: Cause, what: What, written: Place | None) -> None:
    shape = {What.ADDRESS: BASE, What.CB: CB, What.SCALAR: SCALAR}[what]
    got = everything(facts(replace(shape, cause=cause, written=written)))
    speaker = {Cause.NOT_REFRESHED: STALE, Cause.UNBOUND: UNBOUND}.get(cause, {}).get(what) or SPEAKER.get(cause)
    assert [finding.rule for finding in got] == ([speaker] if speaker else [])  # 404 and 406 read the shared fields
    for finding in got:
        assert re.match(r"[A-Z`o]", finding.message)
        assert finding.message.endswith(".")
        assert "  " not in finding.message
        assert not re.search(r"\bNone\b|``", finding.message)


def test_a_clean_factory_has_no_finding() -> None:
    assert everything(facts()) == []


@pytest.mark.parametrize("confidence", list(Confidence))
def test_confidence_and_witness_pass_through(confidence: Confidence) -> None:
    for cause in SPEAKER:
        (got,) = everything(facts(replace(BASE, cause=cause, confidence=confidence)))
        assert (got.confidence, got.when, got.rows, got.fix) == (confidence, BASE.when, BASE.rows, BASE.fix)
        assert got.severity is (Severity.WARNING if cause is Cause.OUTSIDE_KERNEL else Severity.ERROR)
        assert got.factory == "Add::MultiCore"


@pytest.mark.parametrize("cause", [cause for cause in SPEAKER if cause not in (Cause.NO_OVERRIDE, Cause.FREED)])
def test_place_and_slot_of_a_difference(cause: Cause) -> None:
    (got,) = everything(facts(replace(BASE, cause=cause, written=WRITE)))
    at_create = cause is Cause.NOT_SHARED
    assert got.place == (SET if at_create else WRITE)
    outside = cause in (Cause.OUT_OF_RANGE, Cause.OUTSIDE_KERNEL)
    made = "create() makes the kernel here" if outside else "create() sets it here"
    expected = Related(OVERRIDE, "never refreshed here") if at_create else Related(SET, made)
    assert got.related == (expected,)
    assert got.slot == "reader_kernel_id arg 1"


@given(line=st.integers(1000, 9999), shift=st.integers(1, 99))
def test_slots_and_fingerprints_hold_no_line_numbers(line: int, shift: int) -> None:
    def found(first: int) -> list[Finding]:
        at = Place(CPP, first)
        moved = [replace(BASE, cause=cause, set_at=at, written=at, override=at) for cause in SPEAKER]
        events = (Event(EventKind.KERNEL, at, "reader_kernel_id", in_override=True),)
        shared = (SharedField("num_cores", "uint32_t", at, initialised=False, read=at, harmful="CB c_0", set_at=at),)
        return everything(facts(*moved, events=events, shared=shared))

    before, after = found(line), found(line + shift)
    assert len(before) == len(SPEAKER) + 2
    assert [finding.fingerprint for finding in before] == [finding.fingerprint for finding in after]
    assert not any(str(line) in finding.slot + finding.message for finding in before)


# --- what the rules say


def test_a_value_of_another_coordinate() -> None:
    wrong = replace(
        SCALAR, cause=Cause.WRONG_COORDINATE, written=WRITE, coordinate="(0, 1)", expected=replace(SEED, number=9)
    )
    got = one("mesh-coordinate-mismatch", facts(wrong))
    assert got.message == (
        "override_runtime_arguments writes a value computed from operation_attributes.seed (`seed + i`) to "
        "`reader_kernel_id` arg 1 at coordinate (0, 1): that belongs at another coordinate. Here create() puts a value "
        "computed from operation_attributes.seed (`seed + i`) there (7 instead of 9)."
    )
    assert got.place == WRITE


def test_a_coordinate_left_out() -> None:
    got = one("mesh-coordinate-mismatch", facts(replace(BASE, cause=Cause.WRONG_COORDINATE, coordinate="(1, 3)")))
    assert got.message == (
        "override_runtime_arguments refreshes `reader_kernel_id` arg 1, the buffer address of tensor_args.b "
        "(`b.buffer()->address()`), at some coordinates of the mesh, but not at coordinate (1, 3). On a cache hit the "
        "kernel uses the first call's buffer there."
    )
    assert got.place == SET


@pytest.mark.parametrize("written", [None, WRITE])
def test_a_buffer_that_nothing_keeps(written: Place | None) -> None:
    """Whatever the override does: what has to change is in create()."""
    name = "address of a tensor that create() allocates"
    table = Held(0x3000, "table.buffer()->address()", (name,), (name,))
    made = Related(Place(CPP, 40, 9), "allocated here")
    freed = replace(BASE, cause=Cause.FREED, written=written, created=table, expected=table, related=(made,))
    got = one("buffer-not-kept", facts(freed))
    assert got.message == (
        "`reader_kernel_id` arg 1 holds the buffer address of a tensor that create() allocates "
        "(`table.buffer()->address()`), and the shared variables do not keep it: it is freed when create() returns, "
        "and the kernels of the cached program use memory that is given to others."
    )
    assert (got.place, got.related) == (SET, (made,))
    captured = one("buffer-not-kept", replace(facts(freed), infra="callback"))
    assert "the callback does not capture it" in captured.message


def test_an_override_that_nothing_calls() -> None:
    place = Place(CPP, 70, 5, 80)
    unheard = UncalledOverride(place, "its first parameter is not the Program", Confidence.LIKELY)
    got = one("uncalled-override", replace(facts(), uncalled=unheard))
    assert got.message == (
        "override_runtime_arguments is never called: its first parameter is not the Program. "
        "Nothing that it writes reaches the program."
    )
    assert (got.place, got.slot, got.confidence) == (place, "override_runtime_arguments", Confidence.LIKELY)
    unbound = replace(facts(replace(BASE, cause=Cause.UNBOUND)), infra="descriptor", uncalled=unheard)
    assert Related(place, "nothing calls this override") in one("unbound-address", unbound).related


def test_orders_of_two_programs_are_two_orders() -> None:
    """What is made for one coordinate says nothing about the order at another."""
    events = tuple(
        Event(kind, Place(CPP, line), f"kernel_{part}", part=part)
        for part in (0, 1)
        for line, kind in ((20 + part, EventKind.KERNEL), (30 + part, EventKind.ARGS))
    )
    assert check("resource-order", facts(events=events)) == []
    assert len(check("resource-order", facts(events=tuple(replace(event, part=0) for event in events)))) == 1


def test_stale_buffer_address() -> None:
    got = one("stale-buffer-address", facts(BASE))
    assert got.message == (
        "`reader_kernel_id` arg 1 holds the buffer address of tensor_args.b (`b.buffer()->address()`), but "
        "override_runtime_arguments never writes it: on a cache hit the kernel uses the first call's buffer."
    )
    assert got.place == SET
    assert got.related == (Related(OVERRIDE, "never refreshed here"),)


def test_what_one_call_fills_alike_is_one_finding() -> None:
    """A helper that is given a list puts the same address into several slots, each as stale as the others."""
    name = "address of operation_attributes.semaphore"
    held = Held(5, "semaphore.address()", (name,), (name,), semaphore=True)
    alike = [replace(BASE, slot=replace(BASE.slot, index=index), created=held, expected=held) for index in (9, 4, 7)]
    got = one("stale-buffer-address", facts(*alike))
    assert got.message == (
        "`reader_kernel_id` args 4, 7 and 9 hold the address of operation_attributes.semaphore "
        "(`semaphore.address()`), but override_runtime_arguments never writes them: on a cache hit the kernel uses the "
        "first call's semaphore."
    )
    assert got.slot == "reader_kernel_id arg 4"
    assert got.fix[-1] == "// and so on for arg 7 and arg 9"
    elsewhere = replace(alike[0], set_at=replace(SET, line=SET.line + 1))
    other = replace(alike[0], slot=replace(BASE.slot, owner="writer_kernel_id"))
    assert len(check("stale-buffer-address", facts(*alike, elsewhere, other))) == 3


def test_numbers_that_one_call_computes_are_one_finding() -> None:
    """What each of them is computed with is not told; where they are stale on other cores, the table tells it."""
    held = Held(5, "out.w", ("operation_attributes.size",), ("operation_attributes.size",))
    first = replace(BASE, what=What.SCALAR, created=held, expected=held)
    second = replace(
        first,
        slot=replace(BASE.slot, index=2),
        created=replace(held, text="out.z"),
        cores=((0, 0),),
        all_cores=((0, 0), (1, 0)),
    )
    got = one("stale-scalar", facts(first, second))
    assert got.message == (
        "`reader_kernel_id` args 1 and 2 hold values computed from operation_attributes.size, which may differ between "
        "calls that share a program, but override_runtime_arguments never writes them: on a cache hit the kernel gets "
        "the first call's value."
    )


def test_stale_address_of_a_semaphore_in_a_common_arg_on_some_cores() -> None:
    name = "address of operation_attributes.semaphore"
    held = Held(5, "attrs.semaphore.address()", (name,), (name,), semaphore=True)
    slot = Slot(SlotKind.COMMON, "writer_kernel_id", 2)
    got = one("stale-buffer-address", facts(replace(BASE, slot=slot, created=held, expected=held, cores=GRID[:4])))
    assert got.message == (
        "`writer_kernel_id` common arg 2 holds the address of operation_attributes.semaphore "
        "(`attrs.semaphore.address()`), but override_runtime_arguments never writes it (on 4 of 16 cores: (0,0)-(0,3))"
        ": on a cache hit the kernel uses the first call's semaphore."
    )
    assert got.slot == "writer_kernel_id common arg 2"


def test_stale_cb_address() -> None:
    got = one("stale-cb-address", facts(CB))
    assert got.message == (
        "CB `c_0` is placed on the buffer of tensor_args.b (`*b.buffer()`), but override_runtime_arguments never "
        "re-points it: on a cache hit the kernels use the first call's buffer."
    )
    assert got.slot == "CB c_0"


def test_stale_scalar() -> None:
    got = one("stale-scalar", facts(SCALAR))
    assert got.message == (
        "`reader_kernel_id` arg 1 holds a value computed from operation_attributes.seed (`seed + i`), which may differ "
        "between calls that share a program, but override_runtime_arguments never writes it: on a cache hit the kernel "
        "gets the first call's value."
    )


def test_arg_index_mismatch_names_where_the_value_belongs() -> None:
    d = replace(BASE, cause=Cause.WRONG_VALUE, created=TILES, expected=TILES, found=B, written=WRITE)
    got = one("arg-index-mismatch", facts(replace(d, other_slot="reader_kernel_id arg 2")))
    assert got.message == (
        "override_runtime_arguments writes the buffer address of tensor_args.b (`b.buffer()->address()`) to "
        "`reader_kernel_id` arg 1, but create() puts `num_tiles` there. "
        "In create() the value it writes goes to `reader_kernel_id` arg 2."
    )
    unknown = one("arg-index-mismatch", facts(replace(d, found=Held(None))))
    assert unknown.message.startswith("override_runtime_arguments writes another value to `reader_kernel_id` arg 1,")


def test_wrong_tensor_in_an_argument_and_in_a_circular_buffer() -> None:
    d = replace(BASE, cause=Cause.WRONG_TENSOR, found=A, written=WRITE)
    assert one("wrong-tensor", facts(d)).message == (
        "override_runtime_arguments writes the buffer address of tensor_args.a (`a.buffer()->address()`) to "
        "`reader_kernel_id` arg 1, but create() puts the buffer address of tensor_args.b (`b.buffer()->address()`) "
        "there: on a cache hit the kernel works on the wrong tensor."
    )
    found = replace(A, text="*a.buffer()")
    got = one("wrong-tensor", facts(replace(CB, cause=Cause.WRONG_TENSOR, found=found, written=WRITE)))
    assert got.message == (
        "override_runtime_arguments re-points CB `c_0` to the buffer of tensor_args.a (`*a.buffer()`), but create() "
        "places it on the buffer of tensor_args.b (`*b.buffer()`): on a cache hit the kernel works on the wrong tensor."
    )
    assert got.related == (Related(SET, "create() places it here"),)


def test_partial_core_coverage_names_the_cores() -> None:
    d = replace(BASE, cause=Cause.PARTIAL_CORES, written=WRITE, cores=tuple(core for core in GRID if core[1] < 3))
    assert one("partial-core-coverage", facts(d)).message == (
        "override_runtime_arguments refreshes `reader_kernel_id` arg 1, the buffer address of tensor_args.b "
        "(`b.buffer()->address()`), but misses 12 of 16 cores: (0,0)-(3,2). "
        "On a cache hit the kernel uses the first call's buffer there."
    )


def test_guard_mismatch_says_when() -> None:
    d = replace(BASE, cause=Cause.GUARD, written=WRITE, slot=WRITER_0, when=("bias has no value", "input is sharded"))
    assert one("guard-mismatch", facts(d)).message == (
        "override_runtime_arguments refreshes `writer_kernel_id` arg 0, the buffer address of tensor_args.b "
        "(`b.buffer()->address()`), only under a condition that create() does not have: "
        "when bias has no value and input is sharded, the kernel uses the first call's buffer on a cache hit."
    )


def test_arg_out_of_range() -> None:
    slot = Slot(SlotKind.ARG, "reader_kernel_id", 3)
    d = replace(BASE, cause=Cause.OUT_OF_RANGE, slot=slot, created=Held(None), expected=Held(None), written=WRITE)
    got = one("arg-out-of-range", facts(replace(d, all_cores=(), other_slot="reader_kernel_id arg 0")))
    assert got.message == (
        "override_runtime_arguments writes the buffer address of tensor_args.b (`b.buffer()->address()`) to "
        "`reader_kernel_id` arg 3, but create() sets no such argument: the write lands outside the kernel's arguments. "
        "In create() the value it writes goes to `reader_kernel_id` arg 0."
    )
    why = "create() sets no arguments on core (5,5)"
    idle = one("arg-out-of-range", facts(replace(d, created=Held(None, why))))
    assert f" arg 3, but {why}: the write lands outside" in idle.message
    why = "create() sets 4 arguments on core (0,0), and setting 5 in their place is refused"
    assert one("arg-out-of-range", facts(replace(d, created=Held(None, why), refused=True))).message == (
        f"override_runtime_arguments sets the runtime arguments of `reader_kernel_id`, but {why}: "
        "the call fails on a cache hit."
    )
    elsewhere = one("arg-out-of-range", facts(replace(d, cores=((5, 5),))))
    assert " arg 3 (on 1 cores: (5,5))" not in elsewhere.message
    assert " arg 3 (on core (5,5))," in elsewhere.message


def test_kernel_arg_out_of_range() -> None:
    read = Place("ops/add/kernels/reader.cpp", 7)
    slot = Slot(SlotKind.ARG, "reader_kernel_id", 3)
    short = ShortArguments(slot, 3, SET, read, ((1, 0),), ((0, 0), (1, 0)), ("the mask is present",), Confidence.LIKELY)
    got = one("kernel-arg-out-of-range", replace(facts(), short=(short,)))
    assert got.message == (
        "The kernel of `reader_kernel_id` reads argument 3, but create() sets only 3 arguments on 1 of 2 cores: "
        "(1,0): it gets padding, or what lies behind them in memory."
    )
    assert (got.place, got.slot, got.when) == (SET, "reader_kernel_id arg 3", ("the mask is present",))
    assert got.related == (Related(read, "the kernel reads it here"),)


def test_partial_core_coverage_by_create() -> None:
    read = Place("ops/add/kernels/reader.cpp", 7)
    slot = Slot(SlotKind.ARG, "reader_kernel_id", 3)
    bare = ShortArguments(slot, 0, SET, read, ((1, 0),), ((0, 0), (1, 0)), (), Confidence.LIKELY)
    given_facts = replace(facts(), short=(bare,))
    assert check("kernel-arg-out-of-range", given_facts) == []
    got = one("partial-core-coverage", given_facts)
    assert got.message == (
        "The kernel of `reader_kernel_id` runs on 1 of 2 cores: (1,0) that create() gives no runtime arguments, and "
        "reads argument 3 there: it gets what happens to lie in memory."
    )
    assert (got.place, got.slot, got.related) == (SET, slot.name, (Related(read, "the kernel reads it here"),))


def test_accessor_mismatch() -> None:
    made, used = Place("ops/add/kernels/reader.cpp", 7), Place("ops/add/kernels/reader.cpp", 9)
    wrong = AccessorMismatch(
        "reader_kernel_id", 1, "tensor_args.b", "tensor_args.a", "2", SET, made, used, (), Confidence.LIKELY
    )
    got = one("accessor-mismatch", replace(facts(), accessors=(wrong,)))
    assert got.message == (
        "The kernel of `reader_kernel_id` takes compile-time argument 1 for the beginning of the accessor of "
        "`tensor_args.b`, but create() describes `tensor_args.a` there."
    )
    assert (got.place, got.slot) == (SET, "reader_kernel_id compile-time arg 1")
    assert [r.place for r in got.related] == [made, used]
    number = one("accessor-mismatch", replace(facts(), accessors=(replace(wrong, holds=""),)))
    assert number.message.endswith("but create() puts `2` there.")


def test_override_throws() -> None:
    empty = OverrideThrow(
        WRITE, "tensor_args.b.value()", "is used while it is empty", ("tensor_args.b has no value",), Confidence.LIKELY
    )
    got = one("override-throws", replace(facts(), throws=(empty,)))
    assert got.message == (
        "override_runtime_arguments throws on a hit for inputs that create() accepts: `tensor_args.b.value()` is used "
        "while it is empty."
    )
    assert (got.place, got.when) == (WRITE, ("tensor_args.b has no value",))


def test_lost_update() -> None:
    assert one("lost-update", facts(replace(BASE, cause=Cause.LOST_COPY, written=WRITE))).message == (
        "override_runtime_arguments writes the buffer address of tensor_args.b (`b.buffer()->address()`) to a copy, "
        "not to `reader_kernel_id` arg 1 in the program: the copy is dropped, and on a cache hit the kernel uses the "
        "first call's buffer."
    )


def test_handle_swap_names_the_field_and_the_shift() -> None:
    d = replace(BASE, cause=Cause.WRONG_HANDLE, written=WRITE, field="reader_kernel_id", field_at=FIELD)
    d = replace(d, other_slot="writer_kernel_id arg 1")
    shifted = SharedField("reader_kernel_id", "KernelHandle", FIELD, "kernel handle", shifted="writer_kernel_id")
    got = one("handle-swap", facts(d, shared=(shifted,)))
    assert got.message == (
        "override_runtime_arguments puts the buffer address of tensor_args.b (`b.buffer()->address()`) into "
        "`writer_kernel_id` arg 1 instead of `reader_kernel_id` arg 1 through `shared_variables.reader_kernel_id`: "
        "on a cache hit the kernel uses the first call's buffer. create() fills `shared_variables.reader_kernel_id` "
        "with what belongs in `shared_variables.writer_kernel_id`."
    )
    assert got.related[1] == Related(FIELD, "`shared_variables.reader_kernel_id` is declared here")
    plain = one("handle-swap", facts(replace(d, field="", other_slot="")))
    assert "into another kernel or circular buffer instead of `reader_kernel_id` arg 1: on" in plain.message


def test_handle_not_shared() -> None:
    assert one("handle-not-shared", facts(replace(BASE, cause=Cause.NOT_SHARED))).message == (
        "`reader_kernel_id` arg 1 holds the buffer address of tensor_args.b (`b.buffer()->address()`), but the shared "
        "variables do not keep the handle of `reader_kernel_id`, so nothing can refresh it: on a cache hit the kernel "
        "uses the first call's buffer."
    )
    got = one("handle-not-shared", facts(replace(CB, cause=Cause.NOT_SHARED)))
    assert "do not keep the handle of CB `c_0`, so" in got.message


def test_stale_capture_with_and_without_a_write() -> None:
    d = replace(BASE, cause=Cause.RUN1_CAPTURE, field="b_buffer", field_at=FIELD)
    written = one("stale-capture", facts(replace(d, written=WRITE)))
    assert written.message == (
        "override_runtime_arguments refreshes `reader_kernel_id` arg 1 from `shared_variables.b_buffer`, which is kept "
        "from the first call, instead of with the buffer address of tensor_args.b (`b.buffer()->address()`): on a "
        "cache hit the kernel uses the first call's buffer."
    )
    assert written.place == WRITE
    silent = one("stale-capture", facts(d))
    assert silent.message == (
        "`reader_kernel_id` arg 1 should hold the buffer address of tensor_args.b (`b.buffer()->address()`), but gets "
        "what was kept from the first call in `shared_variables.b_buffer`: on a cache hit the kernel uses the first "
        "call's buffer."
    )
    assert silent.place == SET
    assert silent.related[0] == Related(OVERRIDE, "never refreshed here")
    captured = one("stale-capture", facts(replace(d, written=WRITE, field="", field_at=None)))
    assert "arg 1 with a value kept from the first call, instead" in captured.message


# --- shared variables

COUNT = SharedField(
    "num_cores",
    "uint32_t",
    FIELD,
    initialised=False,
    has_default=True,
    read=WRITE,
    set_at=SET,
    harmful="reader_kernel_id arg 1",
    confidence=Confidence.LIKELY,
    when=("a is sharded",),
)


def test_uninitialised_shared_variable_is_one_finding_a_field() -> None:
    d = replace(BASE, cause=Cause.UNINITIALISED, field="num_cores")
    got = one("uninitialised-shared-variable", facts(d, replace(d, slot=WRITER_0), shared=(COUNT,)))
    assert got.message == (
        "create() leaves `shared_variables.num_cores` at its default, but override_runtime_arguments reads it: "
        "on a cache hit `reader_kernel_id` arg 1 is not refreshed."
    )
    assert (got.place, got.slot, got.confidence) == (SET, "shared_variables.num_cores", Confidence.LIKELY)
    assert got.related == (Related(FIELD, "declared here"), Related(WRITE, "read here"))
    assert (got.when, got.rows, got.fix) == (COUNT.when, BASE.rows, BASE.fix)


def test_uninitialised_shared_variable_knows_a_shifted_list() -> None:
    taker = SharedField("writer_kernel_id", "KernelHandle", FIELD, "number", shifted="num_cores")
    got = one("uninitialised-shared-variable", facts(shared=(taker, replace(COUNT, has_default=False, set_at=None))))
    assert "leaves `shared_variables.num_cores` without a value, but" in got.message
    assert got.message.endswith("Its value seems to have gone to `shared_variables.writer_kernel_id`, by position.")
    assert got.place == CREATE


@pytest.mark.parametrize("change", [{"initialised": True}, {"read": None}, {"harmful": ""}])
def test_a_harmless_shared_variable_is_not_reported(change: dict[str, object]) -> None:
    field = replace(COUNT, **change)  # type: ignore[arg-type]
    assert everything(facts(shared=(field,))) == []


@pytest.mark.parametrize(
    ("kind", "fix"),
    [
        ("uint32_t", "tt::tt_metal::CBHandle cb_src;"),
        ("std::vector<std::uint32_t>", "std::vector<tt::tt_metal::CBHandle> cb_src;"),
        ("std::optional<tt::tt_metal::KernelHandle>", "std::optional<tt::tt_metal::CBHandle> cb_src;"),
        ("unsigned int", "tt::tt_metal::CBHandle cb_src;"),
        ("handle_t", ""),
    ],
)
def test_narrowed_handle(kind: str, fix: str) -> None:
    field = SharedField("cb_src", kind, FIELD, "circular buffer handle", narrow=True, set_at=SET, read=WRITE)
    got = one("narrowed-handle", facts(replace(CB, cause=Cause.NARROWED, field="cb_src", fix=()), shared=(field,)))
    assert got.message == (
        f"`shared_variables.cb_src` is declared as `{kind}`, but create() keeps a circular buffer handle in it, which "
        "is as wide as a pointer: the upper bits are cut off, and on a cache hit the handle names nothing."
    )
    assert (got.place, got.slot) == (FIELD, "shared_variables.cb_src")
    assert got.related == (Related(SET, "filled here"), Related(WRITE, "used here"))
    assert got.fix == ((fix,) if fix else ())
    assert check("narrowed-handle", facts(shared=(replace(field, narrow=False),))) == []


# --- nothing is refreshed


def test_missing_override_is_one_finding_with_all_slots() -> None:
    stale = replace(BASE, cause=Cause.NO_OVERRIDE)
    other = replace(CB, cause=Cause.NO_OVERRIDE, confidence=Confidence.POSSIBLE, set_at=Place(CPP, 40), fix=("x();",))
    writer = replace(stale, slot=WRITER_0, created=SEED, confidence=Confidence.LIKELY)
    got = one("missing-override", facts(other, writer, stale))
    assert got.message == (
        "override_runtime_arguments refreshes nothing, so on a cache hit CB `c_0` (the buffer of tensor_args.b), "
        "`writer_kernel_id` arg 0 (a value computed from operation_attributes.seed) and `reader_kernel_id` arg 1 "
        "(the buffer address of tensor_args.b) keep what the first call put there."
    )
    assert (got.place, got.slot, got.confidence) == (OVERRIDE, "override_runtime_arguments", Confidence.CERTAIN)
    assert got.related == (
        Related(Place(CPP, 40), "create() sets CB `c_0` here"),
        Related(SET, "create() sets `writer_kernel_id` arg 0 and `reader_kernel_id` arg 1 here"),
    )
    assert got.fix == ("x();", *BASE.fix)
    assert got.rows == (ROW,)


def test_missing_override_lists_six_places_at_most() -> None:
    stale = [
        replace(BASE, cause=Cause.NO_OVERRIDE, slot=Slot(SlotKind.ARG, "reader", i), set_at=Place(CPP, 30 + i))
        for i in range(9)
    ]
    got = one("missing-override", facts(*stale))
    assert len(got.related) == 6
    assert " and 3 more keep what" in got.message
    single = one("missing-override", facts(stale[0]))
    assert single.message.endswith(
        "`reader` arg 0 (the buffer address of tensor_args.b) keeps what the first call put there."
    )


# --- events


def event(kind: EventKind, name: str, line: int, **more: object) -> Event:
    return replace(Event(kind, Place(CPP, line), name), **more)  # type: ignore[arg-type]


K, C, R, M, S = EventKind.KERNEL, EventKind.CB, EventKind.ARGS, EventKind.COMMON_ARGS, EventKind.SEMAPHORE


@pytest.mark.parametrize(
    ("order", "noted"),
    [
        ([C, C, S, K, K, R, M], []),
        ([], []),
        ([K, R], []),
        ([K, C], [1]),
        ([K, C, C, R], [1]),
        ([C, K, R, K, R, K], [3]),
        ([C, K, R, C, K, C], [3, 4]),
        ([C, K, M, C], [3]),
        ([K, C, R, C], [1]),
        ([C, K, S, R, S], []),
    ],
)
def test_resource_order_notes_the_first_of_each_kind(order: list[EventKind], noted: list[int]) -> None:
    events = tuple(event(kind, f"x{i}", i + 10) for i, kind in enumerate(order))
    got = check("resource-order", facts(events=events))
    assert [finding.place.line - 10 for finding in got] == noted
    assert all(finding.severity is Severity.NOTE for finding in got)


def test_resource_order_words() -> None:
    events = (
        event(K, "reader_kernel_id", 10),
        event(R, "reader_kernel_id", 11),
        event(C, "c_2", 12),
        event(K, "w", 13),
    )
    late_cb, late_kernel = check("resource-order", facts(events=events))
    usual = "The usual order is circular buffers, then kernels, then runtime arguments."
    assert late_cb.message == f"create() makes CB `c_2` after kernel `reader_kernel_id`. {usual}"
    assert late_cb.slot == "CB c_2"
    assert late_cb.related == (Related(Place(CPP, 10), "this comes before it"),)
    assert late_kernel.message == (
        f"create() makes kernel `w` after the runtime arguments of `reader_kernel_id`. {usual}"
    )
    assert late_kernel.slot == "w"


def test_resource_order_is_an_error_where_it_breaks_something() -> None:
    events = (
        event(
            R, "writer_kernel_id", 10, breaks="the handle is still 0, which is the reader", confidence=Confidence.LIKELY
        ),
        event(K, "writer_kernel_id", 11),
    )
    error, note = check("resource-order", facts(events=events))
    assert error.severity is Severity.ERROR
    assert error.confidence is Confidence.LIKELY
    assert error.message == (
        "Wrong order at the runtime arguments of `writer_kernel_id`: the handle is still 0, which is the reader."
    )
    assert (note.severity, note.place.line) == (Severity.NOTE, 11)


def test_resource_order_ignores_the_override() -> None:
    events = (
        event(K, "r", 10),
        event(R, "r", 11),
        event(C, "c_0", 90, in_override=True),
        event(K, "w", 91, in_override=True),
    )
    assert check("resource-order", facts(events=events)) == []


@pytest.mark.parametrize(
    ("kind", "name", "slot", "words"),
    [
        (
            K,
            "writer_kernel_id",
            "writer_kernel_id",
            "creates kernel `writer_kernel_id`: a program that has run once is",
        ),
        (C, "c_3", "CB c_3", "creates CB `c_3`: a program that has run once is"),
        (C, "CB c_3", "CB c_3", "creates CB `c_3`: a program that has run once is"),
        (C, "", "", "creates a circular buffer: a program that has run once is"),
        (S, "done", "done", "creates semaphore `done`: a program that has run once is"),
        (EventKind.PROGRAM, "program", "program", "creates a program: a cache hit is there to reuse the program"),
    ],
)
def test_creation_in_override(kind: EventKind, name: str, slot: str, words: str) -> None:
    made = event(kind, name, 95, in_override=True, when=("a is sharded",), confidence=Confidence.POSSIBLE)
    got = one("creation-in-override", facts(events=(made, made)))
    assert words in got.message
    assert (got.slot, got.place, got.when, got.confidence) == (slot, made.place, made.when, Confidence.POSSIBLE)
    assert check("creation-in-override", facts(events=(replace(made, in_override=False),))) == []


def test_writing_arguments_in_the_override_is_no_creation() -> None:
    kinds = set(EventKind) - {K, C, S, EventKind.PROGRAM}
    events = tuple(event(kind, "x", 95, in_override=True) for kind in kinds)
    assert check("creation-in-override", facts(events=events)) == []


def test_compile_time_mutation() -> None:
    sized = event(
        EventKind.CB_SIZE, "c_0", 95, in_override=True, changes=True, old="num_tiles * tile", new="rows * tile"
    )
    got = one("compile-time-mutation", facts(events=(sized,)))
    assert got.message == (
        "override_runtime_arguments changes the total size of CB `c_0` from `num_tiles * tile` to `rows * tile` for "
        "the same inputs: from the second call on the kernels work with another size than create() gave them. Set the "
        "size that create() sets."
    )
    assert (got.slot, got.place) == ("CB c_0", sized.place)
    paged = one("compile-time-mutation", facts(events=(replace(sized, kind=EventKind.CB_PAGE_SIZE, old="", new=""),)))
    assert paged.message.startswith(
        "override_runtime_arguments changes the page size of CB `c_0` for the same inputs: "
    )


@pytest.mark.parametrize("change", [{"changes": False}, {"in_override": False}, {"kind": EventKind.CB_ADDRESS}])
def test_a_size_that_does_not_change_is_not_reported(change: dict[str, object]) -> None:
    sized = event(EventKind.CB_SIZE, "c_0", 95, in_override=True, changes=True)
    assert check("compile-time-mutation", facts(events=(replace(sized, **change),))) == []  # type: ignore[arg-type]


# --- words

CORES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), unique=True)


@given(CORES)
def test_rectangles_cover_each_core_once(cores: list[tuple[int, int]]) -> None:
    covered = [
        (x, y) for x0, y0, x1, y1 in _common.rectangles(cores) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)
    ]
    assert sorted(covered) == sorted(cores)


@pytest.mark.parametrize(
    ("cores", "all_cores", "words"),
    [
        (((0, 0),), ((0, 0),), "core (0,0)"),
        (GRID, GRID, "all 16 cores: (0,0)-(3,3)"),
        (((2, 1),), GRID, "1 of 16 cores: (2,1)"),
        (GRID[1:], GRID, "15 of 16 cores: (1,0)-(3,3), (0,1)-(0,3)"),
        (tuple((i, i) for i in range(6)), (), "6 cores: (0,0), (1,1), (2,2), (3,3), ..."),
        (((5, 5), (5, 6)), GRID, "2 cores: (5,5)-(5,6)"),
        (((5, 5),), GRID, "core (5,5)"),
    ],
)
def test_cores_in_words(cores: tuple[tuple[int, int], ...], all_cores: tuple[tuple[int, int], ...], words: str) -> None:
    assert _common.cores_words(cores, all_cores) == words


@pytest.mark.parametrize(
    ("held", "kind", "words"),
    [
        (Held(None), SlotKind.ARG, "another value"),
        (Held(0, "0"), SlotKind.ARG, "`0`"),
        (Held(3, "attrs.step", ("attrs.step",)), SlotKind.ARG, "`attrs.step`"),
        (Held(3, "", ("attrs.step",)), SlotKind.ARG, "a value computed from attrs.step"),
        (
            Held(3, "x", ("address of a", "attrs.step"), ()),
            SlotKind.ARG,
            "a value computed from the address of a and attrs.step (`x`)",
        ),
        (Held(3, "x", ("address of a", "attrs.step"), ("address of a",)), SlotKind.CB, "the buffer of a (`x`)"),
        (Held(3, "f(\n    a,\n    b)"), SlotKind.ARG, "`f( a, b)`"),
        (Held(3, "x" * 200), SlotKind.ARG, "`" + "x" * 77 + "...`"),
    ],
)
def test_held_values_in_words(held: Held, kind: SlotKind, words: str) -> None:
    assert _common.held_words(kind, held) == words


def test_shared_declarations_are_written_once_but_loops_stay_whole() -> None:
    plain = [replace(BASE, fix=("auto& args = get();", f"args[{i}] = x;")) for i in range(2)]
    assert _common.all_fixes(plain) == ("auto& args = get();", "args[0] = x;", "args[1] = x;")
    loops = [replace(BASE, fix=("for (auto c : cores) {", f"    args[{i}] = x;", "}")) for i in range(2)]
    assert _common.all_fixes(loops) == loops[0].fix + loops[1].fix


def test_the_conditions_and_places_of_the_engine_are_kept() -> None:
    extra = Related(Place(CPP, 33), "the buffer comes from here")
    assert one("stale-buffer-address", facts(replace(BASE, related=(extra,)))).related[-1] == extra


def test_arguments_outside_of_the_kernel_are_a_warning() -> None:
    d = replace(BASE, cause=Cause.OUTSIDE_KERNEL, written=WRITE, cores=((0, 0), (1, 0)))
    found = one("partial-core-coverage", facts(d))
    assert found.severity is Severity.WARNING
    assert "where the kernel does not run" in found.message
