"""Laws of the interpreter, checked with hypothesis: arithmetic, solving for inputs, sequences."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from interp_snippets import data, interp_of
from tt_cache_lint.interp import ops, solving
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Implausible, Interrupt, Thrown
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.values import Absent, Mark, Opt, Val, Value, Vec, plain
from tt_cache_lint.interp.world import World

# The same examples in every run: a failure can be seen again.
LAWS = settings(deadline=None, max_examples=80, derandomize=True)
MANY = settings(LAWS, max_examples=300)

INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
SMALL = st.integers(-100, 100)
KINDS: dict[str, Any] = {
    "uint8_t": ctypes.c_uint8,
    "uint16_t": ctypes.c_uint16,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "int8_t": ctypes.c_int8,
    "int16_t": ctypes.c_int16,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_uint64,
    "unsigned": ctypes.c_uint32,
}


def machine() -> Machine:
    return Machine(None, World(0))


# -- arithmetic ------------------------------------------------------------------------------------------------------


@LAWS
@given(INT32, INT32)
def test_division_truncates_and_modulo_follows(a: int, b: int) -> None:
    m = machine()
    assume(b)
    quotient, remainder = ops.binary(m, "/", a, b), ops.binary(m, "%", a, b)
    assert quotient == int(ctypes.c_int64(abs(a) // abs(b)).value) * (1 if (a < 0) == (b < 0) else -1)
    assert quotient * b + remainder == a
    assert abs(remainder) < abs(b)
    assert remainder == 0 or (remainder < 0) == (a < 0)


@LAWS
@given(SMALL, st.sampled_from(["/", "%"]), st.booleans())
def test_division_by_zero_never_gives_a_number(a: int, op: str, known: bool) -> None:
    zero: Value = 0 if known else Val(0, 1, "n")
    with pytest.raises(Interrupt):
        ops.binary(machine(), op, a, zero)


@LAWS
@given(st.integers(-(1 << 70), 1 << 70), st.sampled_from(sorted(KINDS)))
def test_conversion_is_that_of_the_machine(number: int, kind: str) -> None:
    expected = KINDS[kind](number).value
    assert ops.convert(machine(), number, kind) == expected
    assert plain(ops.convert(machine(), Val(number, 1, "n"), kind)) == expected


@LAWS
@given(st.floats(-1e6, 1e6), st.sampled_from(["int32_t", "uint32_t", "int64_t"]))
def test_float_to_integer_truncates(number: float, kind: str) -> None:
    assume(number >= 0 or kind != "uint32_t")
    assert ops.convert(machine(), number, kind) == int(number)


@LAWS
@given(st.integers(0, 1 << 40), st.sampled_from(sorted(KINDS)))
def test_conversion_twice_is_once(number: int, kind: str) -> None:
    m = machine()
    once = ops.convert(m, number, kind)
    assert ops.convert(m, once, kind) == once


@LAWS
@given(st.floats(width=32, allow_nan=False))
def test_float_bits(number: float) -> None:
    assert ops.float_bits(number) == ctypes.c_uint32.from_buffer(ctypes.c_float(number)).value


@LAWS
@given(SMALL, SMALL, st.sampled_from(["+", "-", "*", "<", "<=", ">", ">=", "==", "!=", "&", "|", "^"]))
def test_an_origin_changes_no_number(a: int, b: int, op: str) -> None:
    m = machine()
    bare = ops.binary(m, op, a, b)
    for left, right in ((Val(a, 1, "a"), b), (a, Val(b, 2, "b")), (Val(a, 1, "a"), Val(b, 2, "b"))):
        found = ops.binary(m, op, left, right)
        assert found.v == bare
        assert found.p == (getattr(left, "p", 0) | getattr(right, "p", 0))


@LAWS
@given(SMALL, SMALL, SMALL, SMALL)
def test_expressions_agree_with_c(tmp_path_factory: pytest.TempPathFactory, a: int, b: int, c: int, d: int) -> None:
    assume(b and c)
    text = (
        "int f(int a, int b, int c, int d) { return (a + b * c) % c - a / b + (d > a ? -d : a - 3) * (a == d) + !d; }"
    )

    def cdiv(x: int, y: int) -> int:
        return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)

    s = a + b * c
    expected = s - cdiv(s, c) * c - cdiv(a, b) + (-d if d > a else a - 3) * (a == d) + (not d)
    assert _shared_call(text, [a, b, c, d]) == expected


@LAWS
@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_uint32_variables_wrap(a: int, b: int) -> None:
    text = """std::vector<uint32_t> f(uint32_t a, uint32_t b) {
        uint32_t sum = a + b; uint32_t difference = a - b; uint32_t product = a * b; a += b; b -= 1; b++;
        return {sum, difference, product, a, b}; }"""
    wrap = 0xFFFFFFFF
    assert _shared_call(text, [a, b]) == [(a + b) & wrap, (a - b) & wrap, (a * b) & wrap, (a + b) & wrap, b]


_interps: dict[str, tuple[tempfile.TemporaryDirectory[str], Interp]] = {}


def _shared_call(text: str, args: list[Value]) -> Any:
    """Run f of a snippet; the snippet is lowered once for all examples."""
    if text not in _interps:
        folder = tempfile.TemporaryDirectory()
        _interps[text] = folder, interp_of(Path(folder.name), text)
    interp = _interps[text][1]
    m = Machine(interp, World(0))
    defs = interp.index.defs("snippet.cpp")
    assert defs is not None
    return data(value_of(m.invoke(interp.code(m, defs.functions["f"][0], (), args), args)))


# -- solving for inputs ----------------------------------------------------------------------------------------------

Inputs = dict[str, int]
Term = Callable[[Machine, Inputs], Value]


def leaf(name: str) -> Term:
    return lambda m, inputs: Val(inputs[name], m.world.bit(name), name)


def constant(number: int) -> Term:
    return lambda m, inputs: number


def operation(op: str, a: Term, b: Term) -> Term:
    return lambda m, inputs: ops.binary(m, op, a(m, inputs), b(m, inputs))


def negation(a: Term) -> Term:
    return lambda m, inputs: ops.negate(m, a(m, inputs))


LEAVES = st.sampled_from("xyz").map(leaf)
CONSTANTS = st.integers(1, 40).map(constant)
# Each side mentions an input once, so that an assignment's effect elsewhere does not undo it.
NUMBERS = st.one_of(
    LEAVES,
    st.builds(operation, st.sampled_from(["+", "-", "*", "/"]), LEAVES, CONSTANTS),
    st.builds(operation, st.sampled_from(["+", "-", "*"]), CONSTANTS, LEAVES),
    st.builds(
        lambda p, q, a, b, c: operation(q, operation(p, a, b), c),
        st.sampled_from(["+", "-", "*"]),
        st.sampled_from(["+", "-", "*", "/"]),
        LEAVES,
        CONSTANTS,
        CONSTANTS,
    ),
)
CONDITIONS = st.builds(operation, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS, CONSTANTS)
INPUTS = st.fixed_dictionaries({name: st.integers(0, 60) for name in "xyz"})


@MANY
@given(CONDITIONS, INPUTS, st.booleans(), st.booleans())
def test_what_want_proposes_is_right_first(condition: Term, inputs: Inputs, target: bool, negated: bool) -> None:
    """Every proposal really makes the condition come out as wanted, for one input on one side."""
    m = machine()
    given_term = negation(condition) if negated else condition
    try:
        found = given_term(m, inputs)
    except (Implausible, Thrown):
        return
    for assignment in solving.want(found, target):
        assert set(assignment) <= set("xyz")
        changed = {**inputs, **assignment}
        assert all(isinstance(v, int) for v in changed.values())
        try:
            again = given_term(machine(), changed)
        except (Implausible, Thrown):
            continue
        assert bool(plain(again)) is target, (inputs, assignment)


@MANY
@given(NUMBERS, INPUTS, st.integers(0, 60))
def test_what_solve_proposes_is_right(term: Term, inputs: Inputs, target: int) -> None:
    m = machine()
    found = term(m, inputs)
    for assignment in solving.solve(found, target):
        again = term(machine(), {**inputs, **assignment})
        assert plain(again) == target, (inputs, assignment)


@LAWS
@given(CONDITIONS, CONDITIONS, INPUTS, st.sampled_from(["&&", "||"]), st.booleans())
def test_a_conjunction_has_a_proposal_that_works(a: Term, b: Term, inputs: Inputs, op: str, target: bool) -> None:
    """Where both sides can be had, one of the proposals for both of them works (unless they share inputs)."""
    m = machine()
    left, right = a(m, inputs), b(m, inputs)
    assume(not left.p & right.p)
    wanted_left, wanted_right = solving.want(left, target), solving.want(right, target)
    assume(wanted_left and wanted_right)
    both = Val(False, left.p | right.p, (op, left, right))
    joined = all if (op == "&&") == target else any

    def holds(changed: Inputs) -> bool:
        return joined(bool(plain(t(machine(), changed))) is target for t in (a, b))

    assert any(holds({**inputs, **assignment}) for assignment in solving.want(both, target))


@LAWS
@given(st.integers(0, 60), st.integers(1, 40), st.booleans())
def test_divisibility_is_solved(x: int, unit: int, target: bool) -> None:
    """`shape[-1] % 32 == 0`, the most frequent check of all."""
    m = machine()
    term = operation("==", operation("%", leaf("x"), constant(unit)), constant(0))
    proposals = solving.want(term(m, {"x": x}), target)
    assert proposals or unit == 1
    results = [bool(plain(term(m, {"x": p["x"]}))) for p in proposals]
    assert all(r is target for r in results) or unit == 1


@LAWS
@given(st.integers(0, 60), st.integers(1, 40), st.integers(0, 39))
def test_remainders_are_solved(x: int, unit: int, target: int) -> None:
    assume(target < unit)
    term = operation("%", leaf("x"), constant(unit))
    below, *above = (p["x"] for p in solving.solve(term(machine(), {"x": x}), target) if "x" in p)
    assert all(plain(term(machine(), {"x": found})) == target for found in (below, *above))
    assert below <= x - x % unit + target or below <= unit + target
    assert all(found == below + unit for found in above)


def test_an_impossible_remainder_has_no_proposal() -> None:
    term = operation("%", leaf("x"), constant(25))
    assert solving.solve(term(machine(), {"x": 33}), 52) == []


def test_a_minimum_has_no_proposal_beyond_its_limit(tmp_path: Path) -> None:
    interp = interp_of(tmp_path, "uint32_t f(uint32_t x) { return std::min(x, 5u); }")
    m = Machine(interp, World(0))
    defs = interp.index.defs("snippet.cpp")
    assert defs is not None
    code = interp.code(m, defs.functions["f"][0], (), [3])

    def least(x: int) -> Value:
        return value_of(m.invoke(code, [Val(x, m.world.bit("x"), "x")]))

    assert all(plain(least(p["x"])) == 9 for p in solving.solve(least(3), 9))


@pytest.mark.parametrize(
    ("text", "fact", "start"),
    [
        ("o.has_value()", "o", False),
        ("!o.has_value()", "o", False),
        ("o.has_value() && flag", "flag", True),
        ("!(flag || o)", "flag", False),
    ],
)
def test_flags_are_solved(tmp_path: Path, text: str, fact: str, start: bool) -> None:
    """Presence and flags: some proposal turns the condition over when the snippet runs again with it."""
    interp = interp_of(tmp_path, f"bool f(std::optional<int> o, bool flag) {{ bool c = {text}; return c; }}")
    defs = interp.index.defs("snippet.cpp")
    assert defs is not None

    def condition(given_facts: dict[str, Value]) -> Value:
        m = Machine(interp, World(0))
        has, flag = (bool(given_facts.get(n, start if n == fact else False)) for n in ("o", "flag"))
        o: Value = Opt(4, m.world.bit("o"), "o") if has else Absent(m.world.bit("o"), "o")
        args = [o, Val(flag, m.world.bit("flag"), "flag")]
        return value_of(m.invoke(interp.code(m, defs.functions["f"][0], (), args), args))

    first = condition({})
    target = not plain(first)
    proposals = solving.want(first, target)
    assert proposals
    assert any(bool(plain(condition(p))) is target for p in proposals)


# -- sequences -------------------------------------------------------------------------------------------------------

OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["push", "insert", "insert_many", "insert_count", "erase", "erase_range", "resize", "set", "pop"]
        ),
        st.integers(0, 8),
        st.integers(0, 8),
        st.integers(0, 99),
    ),
    max_size=12,
)


def modelled(operations: list[tuple[str, int, int, int]], lines: bool = False) -> tuple[list[str], list[int]]:
    """The statements that do the operations, and the list Python says results.

    With `lines` there is one statement for each operation, an empty one for what cannot be done.
    """
    model: list[int] = []
    code: list[str] = []
    for at, (what, i, n, x) in enumerate(operations):
        i = min(i, len(model))
        if lines and len(code) < at:
            code.append(";")
        if what == "push":
            code.append(f"v.push_back({x});")
            model.append(x)
        elif what == "insert":
            code.append(f"v.insert(v.begin() + {i}, {x});")
            model.insert(i, x)
        elif what == "insert_many":
            code.append(f"v.insert(v.begin() + {i}, w.begin(), w.begin() + {min(n, 3)});")
            model[i:i] = [100, 200, 300][: min(n, 3)]
        elif what == "insert_count":
            code.append(f"v.insert(v.end() - {len(model) - i}, static_cast<size_t>({n}), {x}u);")
            model[i:i] = [x] * n
        elif what == "erase" and i < len(model):
            code.append(f"v.erase(v.begin() + {i});")
            del model[i]
        elif what == "erase_range":
            end = min(i + n, len(model))
            code.append(f"v.erase(v.begin() + {i}, v.begin() + {end});")
            del model[i:end]
        elif what == "resize":
            code.append(f"v.resize({n}, {x});")
            model = (model + [x] * n)[:n] if n > len(model) else model[:n]
        elif what == "set" and i < len(model):
            code.append(f"v[{i}] = {x};")
            model[i] = x
        elif what == "pop" and model:
            code.append("v.pop_back();")
            model.pop()
    return code, model


FIRST_LINE = 3


def _vector(statements: list[str]) -> Vec:
    """The vector `v` after the statements; statement n stands on line FIRST_LINE + n."""
    start = "std::vector<uint32_t> f() {\nstd::vector<uint32_t> v; std::vector<uint32_t> w = {100, 200, 300};\n"
    with tempfile.TemporaryDirectory() as folder:
        interp = interp_of(Path(folder), start + "\n".join(statements) + "\nreturn v; }")
        m = Machine(interp, World(0))
        defs = interp.index.defs("snippet.cpp")
        assert defs is not None
        vector = value_of(m.invoke(interp.code(m, defs.functions["f"][0], (), []), []))
    assert isinstance(vector, Vec)
    assert not m.unknown
    return vector


@LAWS
@given(OPERATIONS)
def test_vectors_do_what_lists_do(operations: list[tuple[str, int, int, int]]) -> None:
    statements, model = modelled(operations)
    vector = _vector(statements)
    assert data(vector) == model
    assert len(vector.marks) == len(vector.items)
    assert all(mark is not None for mark in vector.marks)


@LAWS
@given(OPERATIONS)
def test_marks_move_with_their_items(operations: list[tuple[str, int, int, int]]) -> None:
    """An item's mark is the line that wrote it, wherever the item has moved to."""
    kinds = ("push", "insert", "insert_count", "erase", "erase_range", "resize", "set", "pop")
    # Every operation gets a number of its own, so that an item says which one wrote it.
    numbered = [(what, i, n, at) for at, (what, i, n, _) in enumerate(o for o in operations if o[0] in kinds)]
    statements, model = modelled(numbered, lines=True)
    vector = _vector(statements)
    assert data(vector) == model
    assert [mark.line - FIRST_LINE if mark else None for mark in vector.marks] == model


@LAWS
@given(st.lists(st.integers(0, 9), max_size=8), st.integers(0, 8), st.lists(st.integers(0, 9), max_size=4))
def test_splice_keeps_marks_parallel(items: list[int], at: int, more: list[int]) -> None:
    here, there = Mark("a", 1, 1, 1, ""), Mark("a", 2, 1, 2, "")
    vector = Vec(list(items), "vector", [here] * len(items))
    at = min(at, len(items))
    vector.splice(at, more, [there] * len(more))
    assert vector.items == [*items[:at], *more, *items[at:]]
    assert [mark is there for mark in vector.marks] == [at <= i < at + len(more) for i in range(len(vector.items))]


@LAWS
@given(st.lists(st.integers(0, 9), max_size=8))
def test_a_copy_is_independent(items: list[int]) -> None:
    inner = Vec(list(items))
    outer = Vec([inner, 1], "tuple")
    copy = outer.copy()
    inner.push(5, None)
    assert copy.items[0].items == items
