"""Paths and worlds: flips find what the base path hides, and a run says the same twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from small_factory import CREATE, REFRESH, STALE, factory
from tt_cache_lint import engine
from tt_cache_lint.device.tensor_spec import SHAPES
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.interp.solving import want
from tt_cache_lint.interp.values import Value
from tt_cache_lint.model import Cause, Confidence, FactoryFacts, Status
from tt_cache_lint.search import flips

MASKED = """
    SetRuntimeArgs(program, reader, core,
        {tensors.input.buffer()->address(), tensors.mask.has_value() ? tensors.mask->buffer()->address() : 0});
    SetRuntimeArgs(program, writer, core, {output.buffer()->address()});
"""
MASK_REFRESH = """
    if (tensors.mask.has_value()) {
        GetRuntimeArgs(program, shared.reader, core)[1] = tensors.mask.value().buffer()->address();
    }
"""


def facts(root: Path, text: str, **options: Any) -> FactoryFacts:
    (root / "op.cpp").write_text(text)
    analysis = analyse(root, [root / "op.cpp"], Options(**options))
    (found,) = analysis.facts
    return found


def slots(found: FactoryFacts) -> dict[str, Cause]:
    return {d.slot.name: d.cause for d in found.differences}


def test_clean(tmp_path: Path) -> None:
    found = facts(tmp_path, factory(MASKED, REFRESH + MASK_REFRESH))
    assert slots(found) == {}
    assert found.status is Status.ANALYSED
    assert found.slots.needing_refresh == found.slots.matched > 0
    assert found.paths > 1


def test_clean_by_the_older_name_of_the_shared_variables(tmp_path: Path) -> None:
    text = factory(CREATE, REFRESH).replace("cached.shared_variables", "cached.program_attributes")
    found = facts(tmp_path, text)
    assert slots(found) == {}
    assert found.slots.needing_refresh == found.slots.matched > 0


def test_a_flip_finds_what_the_base_path_hides(tmp_path: Path) -> None:
    """Stale only where the mask is given, or only where it is not: one of them is a flip."""
    given = facts(tmp_path, factory(MASKED, REFRESH))
    assert slots(given) == {"reader arg 1": Cause.NOT_REFRESHED}


@pytest.mark.parametrize(
    ("guard", "when"),
    [
        ("tensors.mask.has_value()", ("tensor_args.mask has no value",)),
        ("!tensors.mask.has_value()", ()),
        ("attributes.flag", ("operation_attributes.flag is false",)),
        ("!attributes.flag", ("operation_attributes.flag is true",)),
    ],
)
def test_a_guard_mismatch_is_found_either_way(tmp_path: Path, guard: str, when: tuple[str, ...]) -> None:
    """The guard holds on the base path or on its flip; `when` says what differs from the usual case."""
    found = facts(tmp_path, factory(CREATE, f"if ({guard}) {{ {REFRESH} }}"))
    assert slots(found) == {"reader arg 0": Cause.GUARD, "writer arg 0": Cause.GUARD}
    assert all(d.confidence is not Confidence.POSSIBLE for d in found.differences)
    assert {d.when for d in found.differences} == {when}


@pytest.mark.parametrize("guard", ["tensors.mask.has_value()", "attributes.flag", "tensors.input.is_sharded()"])
def test_the_same_guard_on_both_sides_is_fine(tmp_path: Path, guard: str) -> None:
    create = f"if ({guard}) {{ {CREATE} }}"
    assert slots(facts(tmp_path, factory(create, f"if ({guard}) {{ {REFRESH} }}"))) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tensors.mask.has_value()", "tensors.mask"),
        ("tensors.mask.has_value()", "tensors.mask != std::nullopt"),
        ("tensors.input.is_sharded()", "tensors.input.memory_config().is_sharded()"),
        ("tensors.input.is_sharded()", "tensors.input.shard_spec().has_value()"),
        (
            "tensors.input.is_sharded()",
            "tensors.input.memory_config().memory_layout() != TensorMemoryLayout::INTERLEAVED",
        ),
        ("attributes.factor > 4", "!(attributes.factor <= 4)"),
        ("attributes.factor > 4", "4 < attributes.factor"),
        ("attributes.flag", "attributes.flag == true"),
    ],
)
def test_two_spellings_of_one_fact(tmp_path: Path, one: str, other: str) -> None:
    found = facts(tmp_path, factory(f"if ({one}) {{ {CREATE} }}", f"if ({other}) {{ {REFRESH} }}"))
    assert slots(found) == {}


VIEW = "auto& view = GetRuntimeArgs(program, shared.writer, core); "


@pytest.mark.parametrize(
    "copy",
    [
        VIEW + "std::vector<uint32_t> args(view.begin(), view.end());",
        VIEW + "std::vector<uint32_t> args(view.data(), view.data() + view.size());",
        VIEW + "std::vector<uint32_t> args(2); std::copy(view.begin(), view.end(), args.begin());",
        VIEW + "auto args = std::vector<uint32_t>(view.begin(), view.end());",
        VIEW + "std::vector<uint32_t> args = {view.begin(), view.end()};",
        "std::vector<uint32_t> args = GetRuntimeArgs(program, shared.writer, core);",
    ],
)
def test_a_write_to_a_copy_is_told_as_such(tmp_path: Path, copy: str) -> None:
    write = " args[0] = output.buffer()->address();"
    assert slots(facts(tmp_path, factory(CREATE, STALE + copy + write))) == {"writer arg 0": Cause.LOST_COPY}
    back = " SetRuntimeArgs(program, shared.writer, core, args);"
    assert slots(facts(tmp_path, factory(CREATE, STALE + copy + write + back))) == {}


FEW = """
    std::vector<uint32_t> args{tensors.input.buffer()->address()};
    if (tensors.input.padded_shape()[-1] == @WIDTH@) { args.push_back(output.buffer()->address()); }
    SetRuntimeArgs(program, reader, core, args);
    SetRuntimeArgs(program, writer, core, {output.buffer()->address()});
"""


def test_a_slot_that_few_worlds_have_is_judged_by_those(tmp_path: Path) -> None:
    """Where it is there, it is always stale."""
    found = facts(tmp_path, factory(FEW.replace("@WIDTH@", str(SHAPES[0][0])), REFRESH))
    assert slots(found) == {"reader arg 1": Cause.NOT_REFRESHED}
    assert found.differences[0].confidence is not Confidence.POSSIBLE


def test_two_decisions_that_guard_one_slot(tmp_path: Path) -> None:
    """Only with the mask and the flag together is the slot stale: a flip of a flip."""
    create = "if (tensors.mask.has_value() && attributes.flag) {" + CREATE + "} else {" + CREATE + "}"
    override = f"if (tensors.mask.has_value() && attributes.flag) {{ {STALE} }} else {{ {REFRESH} }}"
    found = facts(tmp_path, factory(create, override))
    assert set(slots(found)) == {"writer arg 0"}


def test_a_check_rules_a_flip_out(tmp_path: Path) -> None:
    """Design section 4: what the validator forbids is no finding."""
    override = "if (!tensors.mask.has_value()) { " + REFRESH + " }"
    assert slots(facts(tmp_path, factory(CREATE, override)))
    checked = facts(tmp_path, factory(CREATE, override, validate='TT_FATAL(!tensors.mask.has_value(), "no mask");'))
    assert all(d.confidence is Confidence.POSSIBLE for d in checked.differences)


def test_a_check_is_satisfied_by_repair(tmp_path: Path) -> None:
    validate = """
        TT_FATAL(tensors.input.layout() == Layout::TILE, "tiles");
        TT_FATAL(tensors.input.logical_shape()[-1] % 64 == 0, "width");
        TT_FATAL(attributes.factor > 3 && attributes.factor * 2 < 100, "factor");
        TT_FATAL(tensors.mask.has_value(), "mask");
    """
    found = facts(tmp_path, factory(CREATE, STALE, validate=validate))
    assert slots(found) == {"writer arg 0": Cause.NOT_REFRESHED}
    assert found.differences[0].confidence is Confidence.CERTAIN


def test_conditions_on_loop_counters_are_no_decisions(tmp_path: Path) -> None:
    create = (
        "uint32_t n = core.x == 0 ? 4 : 5; "
        "SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), n});"
    )
    override = "GetRuntimeArgs(program, shared.reader, core)[0] = tensors.input.buffer()->address();"
    found = facts(tmp_path, factory(create, override))
    assert slots(found) == {}
    assert all("core" not in d for d in found.decisions_reached)


@pytest.mark.parametrize(
    ("kernels", "status", "says"),
    [
        pytest.param(2, Status.PARTIAL, "create() does what cannot be read", id="of all kernels"),
        pytest.param(1, Status.ANALYSED, "", id="of one of them"),
    ],
)
def test_arguments_on_cores_that_cannot_be_told(tmp_path: Path, kernels: int, status: Status, says: str) -> None:
    """Where nothing else needs a refresh, nothing was analysed."""
    create = CREATE.replace("core, {", "elsewhere(core), {", kernels)
    found = facts(tmp_path, factory(create, REFRESH.replace("core)", "elsewhere(core))", kernels)))
    assert (found.status, slots(found)) == (status, {})
    assert found.reason.partition(": ")[0] == says


# -- budgets and determinism -----------------------------------------------------------------------------------------

MANY = "".join(f"if (attributes.factor == {n}) {{ program.num_kernels(); }}\n" for n in range(12)) + MASKED
BRANCHY = factory(
    "uint32_t mode = 0;"
    "if (tensors.input.is_sharded()) { mode += 1; } if (attributes.flag) { mode += 2; }"
    "if (tensors.input.dtype() == DataType::BFLOAT16) { mode += 4; } if (output.is_sharded()) { mode += 8; }" + MASKED,
    "if (attributes.flag) {" + REFRESH + "}",
)


def test_the_path_budget_is_kept(tmp_path: Path) -> None:
    few, many = facts(tmp_path, BRANCHY, paths_budget=3), facts(tmp_path, BRANCHY)
    assert few.paths <= 3 < many.paths <= 64
    assert set(slots(few)) <= set(slots(many))


def test_one_path_is_enough_for_a_plain_bug(tmp_path: Path) -> None:
    found = facts(tmp_path, factory(CREATE, STALE), paths_budget=1)
    assert slots(found) == {"writer arg 0": Cause.NOT_REFRESHED}
    assert found.paths == 1


def test_a_spent_budget_is_said(tmp_path: Path) -> None:
    found = facts(tmp_path, BRANCHY, steps=200)
    assert found.budget or found.reason


def test_the_same_facts_twice(tmp_path: Path) -> None:
    assert facts(tmp_path, BRANCHY) == facts(tmp_path, BRANCHY)


def test_the_order_of_files_changes_no_facts(tmp_path: Path) -> None:
    for name in ("A", "B"):
        (tmp_path / f"{name}.cpp").write_text(BRANCHY.replace("Copy", name))
    ab, ba = (analyse(tmp_path, [tmp_path / f"{n}.cpp" for n in names], Options()).facts for names in ("AB", "BA"))
    assert sorted(ab, key=lambda f: f.factory) == sorted(ba, key=lambda f: f.factory)


def test_local_structs_are_told_apart_when_code_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects that are gone must not be known by their addresses: new ones come to lie there."""
    monkeypatch.setattr(engine, "LOWERED", 0)
    names = [f"Op{at}" for at in range(24)]
    for at, name in enumerate(names):
        padding = "".join(f"uint32_t unused{extra}; " for extra in range(at % 5))
        create = f"""
            struct Work {{ {padding}uint32_t first; uint32_t second; }};
            Work work{{{"0, " * (at % 5)}tensors.input.buffer()->address(), 7}};
            SetRuntimeArgs(program, reader, core, {{work.second, work.first}});
            SetRuntimeArgs(program, writer, core, {{output.buffer()->address()}});
        """
        refresh = REFRESH.replace("core)[0] = tensors", "core)[1] = tensors")
        (tmp_path / f"{name}.cpp").write_text(factory(create, refresh, name=name))
    found = analyse(tmp_path, [tmp_path], Options()).facts
    assert [slots(f) for f in found] == [{}] * len(names)
    assert [f.slots.matched for f in found] == [found[0].slots.matched] * len(names)


ARGUMENTS = ("check", "--format", "json", "--no-cache", "--show-possible", "--root", ".", ".")


@pytest.mark.parametrize("text", [BRANCHY, factory(CREATE, STALE), factory(CREATE, None), factory(MANY, REFRESH)])
def test_json_is_the_same_in_every_process(tmp_path: Path, text: str) -> None:
    """Also under another hash seed: nothing depends on the order of a set or on hash()."""
    (tmp_path / "op.cpp").write_text(text)
    (tmp_path / "other.cpp").write_text(factory(CREATE, STALE, name="Other"))
    reports = []
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", "from tt_cache_lint.cli import main; main()", *ARGUMENTS],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PYTHONHASHSEED": seed, "PATH": os.defpath},
        )
        report = json.loads(done.stdout)
        assert report["summary"].pop("seconds") >= 0
        reports.append(json.dumps(report))
    assert reports[0] == reports[1] == reports[2]
    assert len(json.loads(reports[0])["factories"]) == 2


def test_a_template_parameter_has_another_name_in_each_member(tmp_path: Path) -> None:
    """`template <bool A> F<A>::create` and `template <bool B> F<B>::override...` are members of one instance."""
    text = factory(
        "auto& remote = TO_OUTPUT ? tensors.input : output;"
        "SetRuntimeArgs(program, reader, core, {remote.buffer()->address()});",
        "auto& remote = is_reader ? tensors.input : output;"
        "GetRuntimeArgs(program, shared.reader, core)[0] = remote.buffer()->address();",
    )
    text = text.replace("    struct CopyFactory {", "    template <bool OUT> struct CopyFactory {")
    text = text.replace("std::variant<CopyFactory>", "std::variant<CopyFactory<true>, CopyFactory<false>>")
    text = text.replace("return CopyFactory{};", "return CopyFactory<true>{};")
    text = text.replace(
        "CopyOperation::CopyFactory::cached_program_t CopyOperation::CopyFactory::create(",
        "template <bool TO_OUTPUT> CopyOperation::CopyFactory<TO_OUTPUT>::cached_program_t\n"
        "CopyOperation::CopyFactory<TO_OUTPUT>::create(",
    )
    text = text.replace(
        "void CopyOperation::CopyFactory::override_runtime_arguments(",
        "template <bool is_reader> void CopyOperation::CopyFactory<is_reader>::override_runtime_arguments(",
    )
    found = facts(tmp_path, text)
    assert found.slots.needing_refresh > 0
    assert slots(found) == {}


def test_what_the_miss_checks_holds_on_the_hit(tmp_path: Path) -> None:
    """The hit has a validator of its own, which checks less; the entry was made by a miss all the same."""
    text = factory("if (!attributes.flag) { " + CREATE + "}", "if (!attributes.flag || true) { " + STALE + "}").replace(
        "    static void validate_on_program_cache_miss(",
        "    static void validate_on_program_cache_hit(const operation_attributes_t&, const tensor_args_t&) {}\n"
        "    static void validate_on_program_cache_miss(",
    )
    strict = text.replace("tensors) {\n        \n", 'tensors) {\n        TT_FATAL(attributes.flag, "flag");\n')
    assert strict != text
    assert "writer arg 0" in slots(facts(tmp_path, text))
    assert "writer arg 0" not in slots(facts(tmp_path, strict))


def test_numbers_that_do_not_fit_do_not_end_a_path(tmp_path: Path) -> None:
    """Under the flag create() wants two attributes to agree in a way that cannot be solved; the rest is still seen."""
    create = (
        "std::vector<uint32_t> starts; for (uint32_t i = 0; i < 3; ++i) { starts.push_back(i); }"
        'if (attributes.flag) { TT_FATAL(starts.size() == 7, "starts"); starts[0] = starts[6]; }' + CREATE
    )
    found = facts(tmp_path, factory(create, f"if (!attributes.flag) {{ {REFRESH} }}"))
    assert slots(found) == {"reader arg 0": Cause.GUARD, "writer arg 0": Cause.GUARD}


def test_the_other_side_of_a_number_with_a_flag(tmp_path: Path) -> None:
    """Stale only for wide tensors with the flag: a branch on a number and a decision together."""
    wide = "tensors.input.padded_shape()[-1] / 32 > 40"
    found = facts(tmp_path, factory(CREATE, f"if (!({wide} && attributes.flag)) {{ {REFRESH} }}"))
    assert slots(found) == {}  # the override alone does not ask for it
    create = f"if ({wide}) {{ SetRuntimeArgs(program, reader, core, {{1, 2, 3}}); }} else {{ {CREATE} }}"
    create = f"const bool wide = {wide}; if (!wide) {{ {CREATE} }} else {{ {CREATE.replace(', 4}', ', 4, 5}')} }}"
    found = facts(tmp_path, factory(create, f"if (!({wide} && attributes.flag)) {{ {REFRESH} }}"))
    assert slots(found) == {"reader arg 0": Cause.GUARD, "writer arg 0": Cause.GUARD}


def test_the_numbers_that_made_the_base_path_run_hold_behind_the_other_side_of_a_branch(tmp_path: Path) -> None:
    """Searching for them anew, from a wide input on, would give up before all checks are satisfied."""
    dims = (
        "input.logical_shape()[0]",
        "input.logical_shape()[1]",
        "mask->logical_shape()[0]",
        "mask->logical_shape()[1]",
    )
    checks = "TT_FATAL(tensors.mask.has_value()); TT_FATAL(attributes.factor == 37);" + "".join(
        f"TT_FATAL(tensors.{dim} == {17 + number});" for number, dim in enumerate(dims)
    )
    body = """
    uint32_t bytes = tensors.input.logical_shape()[3] / 32 * 2048;
    SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), 1});
    if (bytes > 1000000) {
        SetRuntimeArgs(program, writer, core, {tensors.input.buffer()->address()});
    } else {
        SetRuntimeArgs(program, writer, core, {output.buffer()->address()});
    }
    """
    found = facts(tmp_path, factory(body, REFRESH, validate=checks))
    assert slots(found) == {"writer arg 0": Cause.WRONG_TENSOR}


def test_the_list_of_cores_is_named_before_a_handle_that_is_unset_too(tmp_path: Path) -> None:
    text = factory(CREATE, "auto& unused = shared.spare;" + REFRESH).replace(
        "            std::vector<CoreCoord> cores;",
        "            CBHandle spare{};\n            std::vector<CoreCoord> cores;",
    )
    text = text.replace(
        "return {std::move(program), {reader, writer, cores}};", "return {std::move(program), {reader, writer}};"
    )
    found = facts(tmp_path, text)
    assert {d.cause for d in found.differences} == {Cause.UNINITIALISED}
    assert {d.field for d in found.differences} == {"cores"}


@pytest.mark.parametrize(
    ("override", "confidence"),
    [(f"if (attributes.flag) {{ {REFRESH} }}", Confidence.POSSIBLE), (STALE, Confidence.LIKELY)],
)
def test_where_no_call_is_accepted_a_guarded_refresh_is_doubted(
    tmp_path: Path, override: str, confidence: Confidence
) -> None:
    """The validator refuses both values of the flag; only what the override never does is told with some confidence."""
    found = facts(
        tmp_path, factory(CREATE, override, validate="TT_FATAL(attributes.flag); TT_FATAL(!attributes.flag);")
    )
    assert {d.confidence for d in found.differences} == {confidence}


def test_a_flip_that_both_a_validator_and_create_restrict(tmp_path: Path) -> None:
    """What the validator asks for is given; what create() checks on numbers of its own is passed over. A handle that
    the override takes for another one is wrong whatever these numbers are."""
    create = CREATE + 'if (attributes.flag) { std::vector<uint32_t> parts(2); TT_FATAL(parts.size() == 3, ""); }'
    swapped = REFRESH.replace("shared.reader", "shared.none").replace("shared.writer", "shared.reader")
    swapped = swapped.replace("shared.none", "shared.writer")
    override = f"if (attributes.flag) {{ {swapped} }} else {{ {REFRESH} }}"
    validate = 'if (attributes.flag) { TT_FATAL(attributes.factor == 7, ""); }'
    found = facts(tmp_path, factory(create, override, validate=validate))
    assert slots(found) == {"reader arg 0": Cause.WRONG_HANDLE, "writer arg 0": Cause.WRONG_HANDLE}
    assert {d.confidence for d in found.differences} == {Confidence.LIKELY}


def test_a_cached_program_made_from_a_braced_list(tmp_path: Path) -> None:
    """`cached_program_t({program, shared})` is the copy of one that is made of the list."""
    old = "return {std::move(program), {reader, writer, cores}};"
    new = "return cached_program_t({std::move(program), shared_variables_t{reader, writer, cores}});"
    text = factory(CREATE, STALE)
    assert old in text
    assert (
        slots(facts(tmp_path, text.replace(old, new)))
        == slots(facts(tmp_path, text))
        == {"writer arg 0": Cause.NOT_REFRESHED}
    )


ELSEWHERE = """
    SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), attributes.flag ? 1 : 2});
    SetRuntimeArgs(program, writer, core, {output.buffer()->address(), tensors.mask.has_value() ? 1 : 2});
    if (tensors.input.layout() == Layout::TILE) {}
    if (tensors.input.dtype() == DataType::UINT32) {}
"""


def never_chosen(root: Path, override: str) -> dict[str, Confidence]:
    """What is found, and how sure, in a factory that no input that was tried selects."""
    text = factory(ELSEWHERE, override)
    text = text.replace("std::variant<CopyFactory>", "std::variant<CopyFactory, OtherFactory>")
    text = text.replace("    struct CopyFactory {", "    struct OtherFactory {};\n    struct CopyFactory {", 1)
    text = text.replace("return CopyFactory{};", "return OtherFactory{};")
    return {d.slot.name: d.confidence for d in facts(root, text).differences}


def test_what_no_path_refreshes_is_likely_stale_even_where_another_factory_would_run(tmp_path: Path) -> None:
    assert never_chosen(tmp_path, REFRESH) == {}
    assert never_chosen(tmp_path, STALE) == {"writer arg 0": Confidence.LIKELY}
    guarded = "if (attributes.flag) { GetRuntimeArgs(program, shared.writer, core)[0] = output.buffer()->address(); }"
    assert never_chosen(tmp_path, STALE + guarded) == {"writer arg 0": Confidence.POSSIBLE}


def test_the_distance_of_two_buffers_is_another_one_on_a_hit(tmp_path: Path) -> None:
    create = """
        const uint32_t apart = output.buffer()->address() - tensors.input.buffer()->address();
        SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), apart});
        SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});
    """
    assert slots(facts(tmp_path, factory(create, REFRESH))) == {"reader arg 1": Cause.NOT_REFRESHED}


def test_a_value_that_the_flipped_attribute_has_no_part_in(tmp_path: Path) -> None:
    """An attribute that was flipped makes only what derives from it doubtful."""
    create = """
        const uint32_t rows = tensors.input.logical_shape()[0];
        SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), rows});
        SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});
    """
    wrong = (
        "if (attributes.flag) { GetRuntimeArgs(program, shared.reader, core)[1] = tensors.input.logical_shape()[1]; }"
    )
    found = facts(tmp_path, factory(create, REFRESH + wrong))
    assert {d.slot.name: d.confidence for d in found.differences} == {"reader arg 1": Confidence.LIKELY}


def test_a_branch_on_numbers_behind_one_of_the_same_kind(tmp_path: Path) -> None:
    """Two branches compare the same numbers: the other side of each is looked at."""
    create = """
        const uint32_t rows = tensors.input.logical_shape()[0];
        uint32_t more = 0;
        if (rows > 40) { more = 3; }
        if (rows > 1000) { more = output.buffer()->address(); }
        SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), more});
        SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});
    """
    assert slots(facts(tmp_path, factory(create, REFRESH))) == {"reader arg 1": Cause.NOT_REFRESHED}


def test_the_next_repair_is_tried_where_the_first_crosses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another check may make up for what was changed, so that the branch goes as before."""
    create = """
        const uint32_t rows = tensors.input.logical_shape()[0];
        const uint32_t more = rows > 40 ? output.buffer()->address() : 0;
        SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), more});
        SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});
    """
    useless: dict[str, Value] = {"tensor_args.input.logical_shape[3]": 512}
    monkeypatch.setattr(flips, "want", lambda condition, target: [useless, *want(condition, target)])
    assert slots(facts(tmp_path, factory(create, REFRESH))) == {"reader arg 1": Cause.NOT_REFRESHED}


def test_a_device_is_taken_for_what_it_derives_from(tmp_path: Path) -> None:
    """Of two functions that differ in another parameter, the fitting one is called, whichever stands first."""
    helpers = """
        class IDevice { public: virtual uint32_t id() const = 0; };
        uint32_t pick(IDevice* device, const CoreRange& range) { return 0; }
        uint32_t pick(IDevice* device, const std::vector<uint32_t>& list) { return list[0]; }
    """
    create = """
        std::vector<uint32_t> list = {output.buffer()->address()};
        SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), pick(tensors.input.device(), list)});
        SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});
    """
    assert slots(facts(tmp_path, factory(create, REFRESH, helpers=helpers))) == {"reader arg 1": Cause.NOT_REFRESHED}


@pytest.mark.parametrize("compared", ["shared.reader == 0", "shared.reader /* not made? */ == 0", "0 == shared.reader"])
def test_a_handle_that_is_compared_with_zero(tmp_path: Path, compared: str) -> None:
    """0 is the first kernel's handle. A comment may stand anywhere in the comparison."""
    text = factory(CREATE, REFRESH).replace("const auto& shared = cached.shared_variables;", "@")
    found = facts(
        tmp_path, text.replace("@", f"const auto& shared = cached.shared_variables; if ({compared}) {{ return; }}")
    )
    (field,) = (field for field in found.shared if field.name == "reader")
    assert field.zero is not None
    assert compared in (tmp_path / found.path).read_text().splitlines()[field.zero.line - 1]
