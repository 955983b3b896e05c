"""What a program hash covers, leaves out and should not contain, on one small op."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import CREATE, REFRESH, factory
from tt_cache_lint.check import run_check
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.hash.inputs import merged
from tt_cache_lint.hash.model import HashedInput, OpFacts
from tt_cache_lint.hash.vary import property_of
from tt_cache_lint.model import Confidence
from tt_cache_lint.report import View
from tt_cache_lint.report import hash as printer

HASH = (
    "static ttsl::hash::hash_t compute_program_hash(const operation_attributes_t& a, const tensor_args_t& t) {{ {} }}"
)
HASHED = "return operation::hash_operation<CopyOperation>({});"
SPECS = "    static TensorSpec compute_output_specs"
COMPILED = "ReaderDataMovementConfig({{{}}})"


def op(body: str = "", compiled: str = "", **parts: str) -> str:
    """The text of the op with a hash function of its own and compile-time arguments for the reader."""
    text = factory(**parts)
    if body:
        text = text.replace(SPECS, f"    {HASH.format(body)}\n{SPECS}")
    return text.replace("ReaderDataMovementConfig({})", COMPILED.format(compiled)) if compiled else text


def facts(folder: Path, text: str, listing: bool = False) -> OpFacts:
    file = folder / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    (found,) = analyse(folder, [file], Options(inputs=listing)).operations
    return found


def omitted(folder: Path, text: str) -> set[str]:
    return {o.input for o in facts(folder, text).omissions if not o.per_dispatch}


FACTOR = "operation_attributes.factor"
FLAG = "operation_attributes.flag"
SHAPE = "tensor_args.input.logical_shape"
WIDTH = "tensors.input.padded_shape()[-1]"


@pytest.mark.parametrize(
    ("body", "compiled", "missing"),
    [
        ("", "attributes.factor", set()),  # the framework's hash has all members
        (HASHED.format("a.flag, t"), "attributes.factor", {FACTOR}),
        (HASHED.format("a.factor, t"), "attributes.factor", set()),
        (HASHED.format("a, t"), "attributes.factor", set()),
        (
            "auto b = a; b.factor = 0; return ttsl::hash::hash_objects_with_default_seed(b, t);",
            "attributes.factor",
            {FACTOR},
        ),
        (
            "auto b = a; b.factor = 0; return ttsl::hash::hash_objects_with_default_seed(b, t);",
            "attributes.flag",
            set(),
        ),
        (HASHED.format("a.flag ? a.factor : 0, t"), "attributes.factor", {FACTOR}),
        (HASHED.format("a.factor * 2, t"), "attributes.factor", set()),
        (HASHED.format("std::make_tuple(a.flag, a.factor), t"), "attributes.factor", set()),
        ('return std::hash<std::string>{}(fmt::format("{}_{}", a.flag, a.factor, t.input));', WIDTH, {SHAPE}),
        (HASHED.format("a, t.input.dtype(), t.input.layout(), t.input.memory_config()"), WIDTH, {SHAPE}),
        (HASHED.format("a, t.input.layout(), t.input.memory_config(), t.input.physical_volume()"), WIDTH, {SHAPE}),
        (HASHED.format("a, t.input.padded_shape(), t.input.dtype()"), WIDTH, set()),
        (HASHED.format("a, t.input.tensor_spec()"), WIDTH, set()),
        (HASHED.format("a, t.input.dtype()"), "(tensors.input.logical_shape()[-3] < 2)", {SHAPE}),  # a smaller one
        (HASHED.format("a.flag, t"), "(attributes.factor / 32)", {FACTOR}),  # a far larger one
        (HASHED.format("a, t.input"), "tensors.mask.has_value()", {"tensor_args.mask"}),
        (HASHED.format("a, t.input, t.mask.has_value()"), "tensors.mask.has_value()", set()),
    ],
)
def test_what_is_left_out(tmp_path: Path, body: str, compiled: str, missing: set[str]) -> None:
    assert omitted(tmp_path, op(body, f"(uint32_t){compiled}")) == missing


LISTED = """static constexpr auto attribute_names = std::forward_as_tuple("flag");
        auto attribute_values() const { return std::forward_as_tuple(flag); }"""


@pytest.mark.parametrize(
    ("body", "compiled", "old", "new", "when", "fix"),
    [
        (HASHED.format("a.flag, t"), "attributes.factor", "4", "5", [], "a.factor,"),
        (HASHED.format("a, t.input.dtype(), t.input.layout()"), WIDTH, "", "", [], "t.input.logical_shape(),"),
        (HASHED.format("a, t.input"), "tensors.mask.has_value()", "present", "absent", [], "t.mask,"),
        (
            HASHED.format("a, t.input, t.mask.has_value()"),
            "tensors.mask.has_value() ? (uint32_t)tensors.mask->dtype() : 9",
            "BFLOAT16",
            "FLOAT32",
            [],
            "t.mask,",
        ),
        (
            HASHED.format("a.flag ? a.factor : 0, a.flag, t"),
            "attributes.factor",
            "4",
            "5",
            [f"{FLAG} is false"],
            "a.factor,",
        ),
        ("", "attributes.factor", "4", "5", [], '"factor",'),  # listed
    ],
)
def test_an_omission_in_words(
    tmp_path: Path, body: str, compiled: str, old: str, new: str, when: list[str], fix: str
) -> None:
    text = op(body, f"(uint32_t)({compiled})")
    if not body:
        text = text.replace("bool flag = false;", f"bool flag = false;\n        {LISTED}")
    (found,) = (o for o in facts(tmp_path, text).omissions if not o.per_dispatch)
    if found.input == SHAPE:
        assert found.old.startswith("[")
        assert found.old.count(", ") == found.new.count(", ") > 0
        assert found.old != found.new
    else:
        assert (found.old, found.new) == (old, new)
    assert list(found.when) == when
    assert found.fix[0].split()[0] == fix


def test_a_long_array_is_given_whole(tmp_path: Path) -> None:
    text = op(HASHED.format("a.flag, t"), "attributes.table[99]").replace(
        "bool flag = false;", "bool flag = false; std::array<uint32_t, 100> table;"
    )
    assert any(".table" in name for name in omitted(tmp_path, text))


def test_what_a_function_without_a_body_gives_is_no_input(tmp_path: Path) -> None:
    """It is as fixed by the hash as what it is given."""
    compiled = "ttnn::Shape(elsewhere(attributes.factor, tensors.input.padded_shape()[-1]))[1]"
    assert omitted(tmp_path, op(HASHED.format("a.factor, t"), compiled)) == set()


def test_a_check_on_hits_pins(tmp_path: Path) -> None:
    text = op(HASHED.format("a.flag, t"), "attributes.factor", validate="TT_FATAL(attributes.factor == 3);")
    assert omitted(tmp_path, text) == set()


def test_a_check_on_misses_only_pins_nothing(tmp_path: Path) -> None:
    text = op(HASHED.format("a.flag, t"), "attributes.factor", validate="TT_FATAL(attributes.factor == 3);")
    hit = "    static void validate_on_program_cache_hit(const operation_attributes_t&, const tensor_args_t&) {}\n"
    assert omitted(tmp_path, text.replace(SPECS, hit + SPECS)) == {FACTOR}


def test_a_check_on_hits_pins_where_another_check_cannot_be_met(tmp_path: Path) -> None:
    never = "TT_FATAL((tensors.input.padded_shape()[-1] * 2) % 2 == 1);"
    body, compiled = HASHED.format("a.flag, t"), "attributes.factor"
    assert omitted(tmp_path, op(body, compiled, validate=never)) == {FACTOR}
    assert omitted(tmp_path, op(body, compiled, validate=f"{never} TT_FATAL(attributes.factor == 4);")) == set()


def test_a_rank_that_a_validator_asks_for_is_tried(tmp_path: Path) -> None:
    text = op(
        HASHED.format("a.flag, t"), "attributes.factor", validate="TT_FATAL(tensors.input.padded_shape().size() == 5);"
    )
    (found,) = facts(tmp_path, text).omissions
    assert found.confidence is Confidence.CERTAIN  # which takes a call that the validator accepts


def test_what_differs_for_another_reason_is_not_blamed_on_an_input(tmp_path: Path) -> None:
    """A check admits the other flag only without a mask, whose presence alone changes what is compiled."""
    create = "SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), attributes.flag});"
    fresh = (
        "GetRuntimeArgs(program, shared.reader, core)[0] = tensors.input.buffer()->address();"
        "GetRuntimeArgs(program, shared.reader, core)[1] = attributes.flag;"
    )
    check = "TT_FATAL(!attributes.flag || !tensors.mask.has_value());"
    parts = {"create": create, "override": fresh, "validate": check}
    text = op(HASHED.format("t.input"), "tensors.mask.has_value()", **parts)
    assert omitted(tmp_path, text) == {"tensor_args.mask"}


LAUNCH = """
namespace ttnn::prim {
Tensor copy(const Tensor& input, uint32_t factor) {
    using Op = ttnn::operations::test::CopyOperation;
    return ttnn::device_operation::launch<Op>(Op::operation_attributes_t{@, true}, Op::tensor_args_t{input});
}
}
"""


def test_what_the_launching_function_always_gives_cannot_vary(tmp_path: Path) -> None:
    text = op(HASHED.format("a.flag, t"), "attributes.factor")
    assert omitted(tmp_path, text + LAUNCH.replace("@", "factor")) == {FACTOR}
    assert omitted(tmp_path, text + LAUNCH.replace("@", "3")) == set()


@pytest.mark.parametrize(
    ("compiled", "missing"),
    [
        ("attributes.factor", {FACTOR}),
        ("attributes.socket.get_config().socket_mem_config.fifo_size", set()),
    ],
)
def test_a_socket_that_is_hashed(tmp_path: Path, compiled: str, missing: set[str]) -> None:
    """Its configuration is; which of two alike sockets it is tells no calls apart."""
    text = op(HASHED.format("a.socket, t"), f"(uint32_t){compiled}")
    assert omitted(tmp_path, text.replace("bool flag = false;", "distributed::MeshSocket socket;")) == missing


def test_a_path_that_uses_another_input_is_looked_at_early(tmp_path: Path) -> None:
    """There are more paths than are looked at."""
    flags = [f"flag{at}" for at in range(10)]
    extra = "".join(f"if (attributes.{f}) {{ args.push_back(tensors.input.buffer()->address()); }}" for f in flags[:-1])
    create = f"std::vector<uint32_t> args; {extra} SetRuntimeArgs(program, reader, core, args);"
    text = op(
        HASHED.format(", ".join([*(f"a.{f}" for f in flags), "t"])),
        "attributes.flag9 ? attributes.factor : 7",
        create=create,
        override=create.replace("reader", "shared.reader"),
    )
    declared = " ".join(f"bool {f} = false;" for f in flags)
    assert omitted(tmp_path, text.replace("bool flag = false;", declared)) == {FACTOR}


DTYPE = "tensor_args.input.dtype"
SEEN_BUT_DTYPE = HASHED.format("a, t.input.logical_shape(), t.input.layout(), t.input.memory_config(), t.mask")


def test_what_a_check_asks_for_is_tried(tmp_path: Path) -> None:
    """Most other types are refused."""
    check = "TT_FATAL(tensors.input.dtype() == DataType::BFLOAT16 || tensors.input.dtype() == DataType::@);"
    for accepted in ("BFLOAT8_B", "UINT16"):
        text = op(SEEN_BUT_DTYPE, "(uint32_t)tensors.input.dtype()", validate=check.replace("@", accepted))
        (found,) = facts(tmp_path, text).omissions
        assert (found.input, found.new) == (DTYPE, accepted)


MASKED = """
        std::vector<uint32_t> args = {tensors.input.buffer()->address()};
        if (tensors.mask.has_value()) { args.push_back(tensors.mask->buffer()->address()); }
        SetRuntimeArgs(program, reader, core, args);
"""


@pytest.mark.parametrize("create", [CREATE, MASKED])
def test_what_is_refused_on_one_path_is_tried_on_others(tmp_path: Path, create: str) -> None:
    """Another type is possible only without a mask, which is hashed; the path without one may show nothing else."""
    check = "TT_FATAL(!tensors.mask.has_value() || tensors.input.dtype() == DataType::BFLOAT16);"
    compiled = "(uint32_t)tensors.input.dtype(), tensors.mask.has_value() ? 1 : 0"
    (found,) = facts(tmp_path, op(SEEN_BUT_DTYPE, compiled, validate=check, create=create)).omissions
    assert (found.input, list(found.when)) == (DTYPE, ["tensor_args.mask has no value"])


def test_a_tensor_that_may_hold_one_element_only(tmp_path: Path) -> None:
    """A call with it is found: all its sides are 1."""
    check = "if (tensors.mask.has_value()) { TT_FATAL(tensors.mask->logical_shape().volume() == 1); }"
    text = op(HASHED.format("a, t.input"), "tensors.mask.has_value() ? 3 : 4", validate=check)
    (found,) = facts(tmp_path, text).omissions
    assert (found.input, found.confidence) == ("tensor_args.mask", Confidence.CERTAIN)


def test_a_check_in_create_pins_nothing(tmp_path: Path) -> None:
    """A hit does not run create(): the call that a miss would refuse is served."""
    text = op(HASHED.format("a.factor, t"), "(uint32_t)attributes.flag")
    start = "    Program program = CreateProgram();\n"
    text = text.replace(start, f"    TT_FATAL(!attributes.flag);\n{start}")
    (found,) = facts(tmp_path, text).omissions
    assert (found.input, found.confidence) == (FLAG, Confidence.LIKELY)


def test_a_check_on_hits_pins_where_create_has_checks_too(tmp_path: Path) -> None:
    text = op(HASHED.format("a.factor, t"), "(uint32_t)attributes.flag", validate="TT_FATAL(!attributes.flag);")
    start = "    Program program = CreateProgram();\n"
    text = text.replace(start, f"    TT_FATAL(!attributes.flag);\n{start}")
    assert omitted(tmp_path, text) == set()


def test_the_property_of_a_tensor_is_not_blamed_for_its_absence(tmp_path: Path) -> None:
    """Another dtype of the mask is possible only without a mask."""
    check = "TT_FATAL(!tensors.mask.has_value() || tensors.mask->dtype() == tensors.input.dtype());"
    dtype = "tensors.mask.has_value() ? (uint32_t)tensors.mask->dtype() : 9"
    text = op(HASHED.format("a, t.input"), dtype, validate=check)
    assert omitted(tmp_path, text) == {"tensor_args.mask"}


@pytest.mark.parametrize(
    ("declared", "wholly", "sure"),
    [
        ("uint32_t factor = 1;", True, Confidence.LIKELY),
        ("uint32_t factor = 1;", False, Confidence.LIKELY),
        ("float factor = 1;", True, Confidence.POSSIBLE),
        ("float factor = 1;", False, Confidence.LIKELY),
    ],
)
def test_what_is_hashed_and_refreshed(tmp_path: Path, declared: str, wholly: bool, sure: Confidence) -> None:
    """What is counted is another number on most calls; that a float is refreshed with all others says little."""
    list_ = "{tensors.input.buffer()->address(), 7, (uint32_t)attributes.factor}"
    args = "GetRuntimeArgs(program, shared.reader, core)"
    override = f"{args}[0] = tensors.input.buffer()->address(); {args}[2] = (uint32_t)attributes.factor;"
    override = f"SetRuntimeArgs(program, shared.reader, core, {list_});" if wholly else override
    text = op(create=f"SetRuntimeArgs(program, reader, core, {list_});", override=override)
    (found,) = facts(tmp_path, text.replace("uint32_t factor = 1;", declared)).surplus
    assert (found.input, found.kind, found.confidence) == (FACTOR, "refreshed", sure)


def test_a_number_that_a_check_bounds(tmp_path: Path) -> None:
    list_ = "{tensors.input.buffer()->address(), attributes.factor}"
    text = op(
        create=f"SetRuntimeArgs(program, reader, core, {list_});",
        override=f"SetRuntimeArgs(program, shared.reader, core, {list_});",
        validate="TT_FATAL(attributes.factor < 5);",
    )
    assert [s.input for s in facts(tmp_path, text).surplus] == [FACTOR]


def test_a_number_that_is_counted_in_tiles(tmp_path: Path) -> None:
    """The next number makes no difference, one that is far away does."""
    list_ = "{tensors.input.buffer()->address(), attributes.factor / 32}"
    text = op(
        create=f"SetRuntimeArgs(program, reader, core, {list_});",
        override=f"SetRuntimeArgs(program, shared.reader, core, {list_});",
    )
    assert [s.input for s in facts(tmp_path, text).surplus] == [FACTOR]


def test_runtime_arguments(tmp_path: Path) -> None:
    create = "SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), attributes.factor});"
    stale = "GetRuntimeArgs(program, shared.reader, core)[0] = tensors.input.buffer()->address();"
    fresh = stale + "GetRuntimeArgs(program, shared.reader, core)[1] = attributes.factor;"
    file = tmp_path / "ttnn" / "copy_program_factory.cpp"
    for override, expected in ((stale, ["stale-scalar"]), (fresh, [])):
        text = op(HASHED.format("a.flag, t"), create=create, override=override)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        assert [f.rule for f in run_check(tmp_path, [file]).findings] == expected


def test_as_many_arguments_as_the_first_call_had_not(tmp_path: Path) -> None:
    """The override writes them all, but another number of them is refused: none is stale for not being written."""
    list_ = "std::vector<uint32_t> given{tensors.input.buffer()->address()}; if (attributes.factor > 4) given = {7, 8};"
    text = op(
        HASHED.format("a.flag, t"),
        create=f"{list_} SetRuntimeArgs(program, reader, core, given);",
        override=f"{list_} SetRuntimeArgs(program, shared.reader, core, given);",
    )
    file = tmp_path / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(text)
    (found,) = run_check(tmp_path, [file]).findings
    assert (found.rule, found.slot) == ("arg-out-of-range", "reader arg 0")
    assert "refused" in found.message
    assert any("leaves operation_attributes.factor out" in related.message for related in found.related)


def test_the_alternatives_of_a_variant_are_named(tmp_path: Path) -> None:
    text = op(HASHED.format("a.flag, t"), "attributes.config.index()").replace(
        "bool flag = false;", "bool flag = false; std::variant<OneCore, ManyCores> config;"
    )
    text = text.replace("struct CopyOperation {", "struct OneCore {}; struct ManyCores {}; struct CopyOperation {", 1)
    (found,) = (o for o in facts(tmp_path, text).omissions if o.input == "operation_attributes.config")
    assert {found.old, found.new} == {"OneCore", "ManyCores"}


@pytest.mark.parametrize("kind", ["CreateDataMovementKernel", "CreateComputeKernel"])
def test_compile_time_arguments_of_kernels_before_there_were_configs(tmp_path: Path, kind: str) -> None:
    """tt_metal/host_api.hpp until 2023-11: they follow the cores, and the processor or fidelity follows them."""
    made = 'CreateKernel(program, "reader.cpp", all, ReaderDataMovementConfig({}))'
    text = op(HASHED.format("a.flag, t"))
    assert made in text
    new = f'{kind}(program, "reader.cpp", all, std::vector<uint32_t>{{attributes.factor}}, MathFidelity::HiFi4)'
    (found,) = facts(tmp_path, text.replace(made, new)).omissions
    assert [use.what for use in found.uses] == ["reader compile-time arg 0"]


IDLE = """
    SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), 5 + (uint32_t)attributes.flag});
    if (core.x == 0 && @BUSY@) {
        SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 3 * (uint32_t)(@BUSY@)});
    } else { SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 0}); }
"""
ADDRESSES = """
    SetRuntimeArgs(program, shared.reader, core, {tensors.input.buffer()->address(), 5 + (uint32_t)attributes.flag});
    GetRuntimeArgs(program, shared.writer, core)[0] = output.buffer()->address();
"""


@pytest.mark.parametrize(("hashed", "found"), [("a.factor, t", [("writer arg 1", ((0, 0),))]), ("a, t", [])])
@pytest.mark.parametrize("busy", ["attributes.flag", "!attributes.flag"])
def test_work_that_only_one_of_two_calls_has(tmp_path: Path, hashed: str, found: list[object], busy: str) -> None:
    """The other one has a constant there, which derives from no input."""
    hit = "    static void validate_on_program_cache_hit(const operation_attributes_t&, const tensor_args_t&) {}\n"
    text = op(HASHED.format(hashed), create=IDLE.replace("@BUSY@", busy), override=ADDRESSES)
    first = "        TT_FATAL(!attributes.flag);\n"  # which of the calls is the first
    assert "        \n" in text
    text = text.replace("        \n", first, 1).replace(SPECS, hit + SPECS)
    file = tmp_path / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(text)
    (facts,) = analyse(tmp_path, [file], Options()).facts
    assert [(d.slot.name, d.cores) for d in facts.differences] == found


def test_listed_values_are_cut_at_the_names(tmp_path: Path) -> None:
    listed = (
        'static constexpr auto attribute_names = std::forward_as_tuple("flag");\n'
        "        auto attribute_values() const { return std::forward_as_tuple(flag, factor); }"
    )
    text = op("", "attributes.factor").replace("bool flag = false;", f"bool flag = false;\n        {listed}")
    assert omitted(tmp_path, text) == {FACTOR}
    assert omitted(tmp_path, text.replace('("flag")', '("flag", "factor")')) == set()


ACT = """
template <typename... Ts>
struct Act {
    std::variant<Act<Ts>...> base;
    uint32_t amount() const { return std::visit<decltype(amount())>([](const auto& a) { return a.amount(); }, base); }
    static constexpr auto attribute_names = std::forward_as_tuple("base");
    auto attribute_values() const { return std::forward_as_tuple(this->base); }
};
template <typename T>
struct Act<T> {
    uint32_t kind;
    T param;
    uint32_t amount() const { return (uint32_t)this->param; }
    static constexpr auto attribute_names = std::forward_as_tuple(@);
    auto attribute_values() const { return std::forward_as_tuple(this->kind, this->param); }
};
"""


@pytest.mark.parametrize("types", ["uint32_t", "int32_t, uint32_t"])
@pytest.mark.parametrize(
    ("names", "missing"), [('"kind", "param"', set()), ('"kind"', {"operation_attributes.act.base.param"})]
)
def test_a_class_template_and_its_specialisation(tmp_path: Path, types: str, names: str, missing: set[str]) -> None:
    """The primary template only holds the alternatives: one parameter is the specialisation, with its own listing."""
    if "," not in types:
        missing = {name.replace(".base", "") for name in missing}
    text = op(HASHED.format("a, t"), "attributes.act.amount()")
    text = text.replace("struct CopyOperation {", f"{ACT.replace('@', names)}\nstruct CopyOperation {{")
    assert omitted(tmp_path, text.replace("bool flag = false;", f"bool flag = false; Act<{types}> act;")) == missing


def test_an_address_that_is_compiled(tmp_path: Path) -> None:
    (found,) = facts(tmp_path, op("", "tensors.input.buffer()->address()")).omissions
    assert found.per_dispatch
    assert found.input == "address of tensor_args.input"


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        ("std::optional<std::shared_ptr<int>> extra;", "pointers"),
        ("std::unordered_set<int> extra;", "unordered"),
        ("std::vector<int> extra;", ""),
    ],
)
def test_contents(tmp_path: Path, member: str, kind: str) -> None:
    found = facts(tmp_path, op().replace("bool flag = false;", f"bool flag = false;\n        {member}"))
    assert {name for name in ("pointers", "unordered") if getattr(found, name)} == ({kind} if kind else set())


@pytest.mark.parametrize("name", ["MeshDevice", "tt::tt_metal::distributed::MeshDevice", "IDevice"])
def test_a_pointer_to_the_device_is_the_same_for_all_calls_of_a_cache(tmp_path: Path, name: str) -> None:
    found = facts(
        tmp_path, op().replace("bool flag = false;", f"bool flag = false;\n        {name}* device = nullptr;")
    )
    assert [(p.input, p.stable) for p in found.pointers] == [("operation_attributes.device", True)]


def test_an_address_that_is_hashed(tmp_path: Path) -> None:
    found = facts(tmp_path, op(HASHED.format("a, t, t.input.buffer()->address()")))
    assert [s.input for s in found.surplus] == ["address of tensor_args.input"]


def test_printer(tmp_path: Path) -> None:
    found = facts(tmp_path, op(HASHED.format("a.flag, t"), "attributes.factor"), listing=True)
    text = printer.render([found], View())
    lines = text.splitlines()
    (at,) = [at for at, line in enumerate(lines) if FACTOR in line]
    assert lines[at].split() == ["not", "hashed", FACTOR, "omitted:", "the", "program", "differs"]
    assert lines[at + 1].split() == ["compiled", "reader", "compile-time", "arg", "0"]


@pytest.mark.parametrize(
    ("hashed", "covered"),
    [
        ("t.input.memory_config()", "yes"),
        ("t.input.memory_config().buffer_type()", "partly"),
        ("MemoryConfig(t.input.memory_config().memory_layout(), BufferType::L1)", "partly"),
        ("t.input.dtype()", "no"),
    ],
)
def test_a_memory_config_that_is_hashed_by_itself(tmp_path: Path, hashed: str, covered: str) -> None:
    kind = "tensors.input.memory_config().is_sharded() ? 7 : (uint32_t)tensors.input.memory_config().buffer_type()"
    found = facts(tmp_path, op(HASHED.format(f"a, {hashed}"), kind), listing=True)
    (line,) = [i for i in found.inputs if i.input == "tensor_args.input.memory_config"]
    assert line.covered == covered


@pytest.mark.parametrize(
    ("words", "count", "sure"),
    [
        ("TensorAccessorArgs(tensors.input.buffer()).append_to(words);", "4u", Confidence.POSSIBLE),
        ("TensorAccessorArgs(tensors.input.buffer()).append_to(words);", "num_pages", Confidence.CERTAIN),
        ("words.push_back(tensors.input.layout() == Layout::TILE);", "4u", Confidence.CERTAIN),
        ("words.push_back(tensors.input.buffer()->page_size());", "4u", Confidence.CERTAIN),
    ],
)
def test_a_layout_that_the_op_is_not_made_for(tmp_path: Path, words: str, count: str, sure: Confidence) -> None:
    """With the other layout a fresh program counts the same pages, which are others then: that call works nowhere."""
    hashed = HASHED.format("a, t.input.dtype(), t.input.memory_config(), t.input.logical_shape()")
    text = op(
        hashed,
        create=f"SetRuntimeArgs(program, reader, core, {{tensors.input.buffer()->address(), {count}}});",
        override="GetRuntimeArgs(program, shared.reader, core)[0] = tensors.input.buffer()->address();",
    )
    text = text.replace("ReaderDataMovementConfig({})", "ReaderDataMovementConfig(words)")
    before = "uint32_t num_pages = tensors.input.buffer()->num_pages(); std::vector<uint32_t> words;"
    text = text.replace("    auto reader = ", f"    {before} {words}\n    auto reader = ")
    (found,) = [o for o in facts(tmp_path, text).omissions if o.input == "tensor_args.input.layout"]
    assert found.confidence is sure


@pytest.mark.parametrize(
    ("verdicts", "says"),
    [
        (("without effect in what was tried", "refreshed on a hit"), "refreshed on a hit"),
        (("refreshed on a hit", "omitted: the program differs"), "omitted: the program differs"),
        (("not tried", "pinned by TT_FATAL(x)"), "pinned by TT_FATAL(x)"),
        (("", "not tried"), "not tried"),
    ],
)
def test_one_factory_knows_more_than_another(verdicts: tuple[str, str], says: str) -> None:
    for one, two in (verdicts, verdicts[::-1]):
        lines = [HashedInput(FACTOR, (), "no", "", verdict) for verdict in (one, two)]
        assert merged(merged(None, lines[0]), lines[1]).verdict == says


def test_what_is_not_settled_is_no_all_clear() -> None:
    lines = [HashedInput(name, (), "no", "", v) for name, v in (("a", "not tried"), ("b", "refreshed on a hit"))]
    text = printer.render([OpFacts("Op", "op.hpp", 1, "modern", inputs=tuple(lines))], View())
    assert "2 inputs: 0 hashed as they are, 0 left out to harm, 1 without harm, 1 not settled" in text


@pytest.mark.parametrize(
    ("leaf", "name"),
    [
        ("tensor_args.a.shard_spec.shape[0]", "tensor_args.a.memory_config"),
        ("tensor_args.a[1].logical_shape[2]", "tensor_args.a[1].logical_shape"),
        ("operation_attributes.shape.logical_shape[2]", "operation_attributes.shape"),
        ("operation_attributes.config<Wormhole>.fidelity", "operation_attributes.config.fidelity"),
        ("operation_attributes.dims[0]", "operation_attributes.dims"),
        ("tensor_args.mask.has_value", "tensor_args.mask"),
    ],
)
def test_the_name_of_an_input(leaf: str, name: str) -> None:
    assert property_of(leaf) == name


SEMAPHORE_ARGUMENT = CREATE.replace("input.buffer()->address(), 4", "input.buffer()->address(), 4, @ADDRESS@")
HASHING = """
    static ttsl::hash::hash_t compute_program_hash(
        const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        return operation::hash_operation<CopyOperation>(attributes.factor, tensors.input, tensors.mask, @HASHED@);
    }
"""


@pytest.mark.parametrize(
    ("member", "address", "hashed", "rules"),
    [
        ("GlobalSemaphore done;", "attributes.done.address()", "attributes.flag", ["stale-buffer-address"]),
        ("GlobalSemaphore done;", "attributes.done.address()", "attributes.done", ["stale-buffer-address"]),
        (
            "GlobalSemaphore done;",
            "attributes.done.address()",
            "attributes.done.address()",
            ["hash-includes-per-dispatch"],
        ),
        (
            "std::shared_ptr<const GlobalSemaphore> done;",
            "attributes.done->address()",
            "attributes.done",
            ["pointer-in-hash"],
        ),
        (
            "const Tensor* done = nullptr;",
            "attributes.done->buffer()->address()",
            "attributes.done",
            ["pointer-in-hash", "stale-buffer-address"],
        ),
    ],
)
def test_a_slot_needs_no_refresh_where_its_address_is_hashed(
    tmp_path: Path, member: str, address: str, hashed: str, rules: list[str]
) -> None:
    text = factory(SEMAPHORE_ARGUMENT.replace("@ADDRESS@", address))
    text = text.replace("bool flag = false;", f"bool flag = false; {member}")
    text = text.replace(
        "    static TensorSpec compute", HASHING.replace("@HASHED@", hashed) + "    static TensorSpec compute"
    )
    (tmp_path / "op.cpp").write_text(text)
    run = run_check(tmp_path, [tmp_path / "op.cpp"])
    assert sorted({f.rule for f in run.findings if "done" in f.message}) == rules


CONFIGURED = """
    ReaderDataMovementConfig config({7});
    config.defines.emplace("MODE", attributes.flag ? "1" : "0");
    config.compile_args.push_back(attributes.factor);
    auto reader = CreateKernel(program, "reader.cpp", all, config);
"""


def test_what_is_added_to_a_config_is_compiled(tmp_path: Path) -> None:
    text = op(HASHED.format("t"))
    made = 'auto reader = CreateKernel(program, "reader.cpp", all, ReaderDataMovementConfig({}));'
    assert made in text
    found = facts(tmp_path, text.replace(made, CONFIGURED)).omissions
    assert {use.what for o in found for use in o.uses} == {"reader compile-time arg 1", "reader define MODE"}


def test_a_hash_that_is_thrown_away_covers_nothing(tmp_path: Path) -> None:
    """Only what goes into the hash that is returned does."""
    again = "auto hash = operation::hash_operation<CopyOperation>(a, t); hash = {}; return hash;"
    other, same = "operation::hash_operation<CopyOperation>(a.flag, t)", "ttsl::hash::hash_objects(hash, a.flag)"
    assert omitted(tmp_path / "other", op(again.format(other), "attributes.factor")) == {FACTOR}
    assert omitted(tmp_path / "same", op(again.format(same), "attributes.factor")) == set()


def test_the_hash_asks_for_what_nothing_else_asks_for(tmp_path: Path) -> None:
    """A hash function that needs an optional is executed where it is there."""
    text = op(HASHED.format("a.other.value(), t"), "attributes.factor")
    text = text.replace("bool flag = false;", "bool flag = false; std::optional<uint32_t> other;")
    assert omitted(tmp_path, text) == {FACTOR}


def test_what_only_the_selection_depends_on_is_an_input(tmp_path: Path) -> None:
    text = op(HASHED.format("a.factor, t"))
    only = "using program_factory_t = std::variant<CopyFactory>;"
    chosen = "return CopyFactory{};"
    assert only in text
    assert chosen in text
    text = text.replace(only, "struct Other {}; using program_factory_t = std::variant<CopyFactory, Other>;")
    text = text.replace("const operation_attributes_t&, const tensor_args_t&) {\n        return CopyFactory", "@")
    text = text.replace("@", "const operation_attributes_t& a, const tensor_args_t&) {\n        return CopyFactory")
    text = text.replace(chosen, "if (a.flag) { return Other{}; } return CopyFactory{};")
    assert omitted(tmp_path, text) == {FLAG}


def test_shards_that_would_not_fit_are_no_second_call(tmp_path: Path) -> None:
    """Where the memory config is hashed, and with it the width of the shards, another width cannot be."""
    body = HASHED.format("a, t.input.dtype(), t.input.layout(), t.input.memory_config()")
    sharded = "TT_FATAL(tensors.input.memory_config().memory_layout() == TensorMemoryLayout::HEIGHT_SHARDED);"
    row_major = "TT_FATAL(tensors.input.layout() == Layout::ROW_MAJOR);"
    text = op(body, f"(uint32_t){WIDTH}", validate=sharded + row_major)
    assert omitted(tmp_path / "width", text) == set()
    height = "tensors.input.padded_shape()[-2]"
    assert omitted(tmp_path / "height", text.replace(WIDTH, height)) == {SHAPE}


def test_the_fix_of_a_hash_that_is_defined_outside_of_its_class(tmp_path: Path) -> None:
    declared = HASH.partition(" {{")[0]
    text = op(HASHED.format("a.flag, t"), "attributes.factor")
    inside = HASH.format(HASHED.format("a.flag, t"))
    assert inside in text
    outside = inside.replace("static ", "").replace("compute_program_hash", "CopyOperation::compute_program_hash")
    for member in ("operation_attributes_t", "tensor_args_t"):
        outside = outside.replace(member, f"CopyOperation::{member}")
    create = "CopyOperation::CopyFactory::cached_program_t CopyOperation::CopyFactory::create("
    assert create in text
    text = text.replace(inside, declared + ";").replace(create, f"{outside}\n{create}")
    (found,) = facts(tmp_path, text).omissions
    assert found.fix[0].split()[0] == "a.factor,"


@pytest.mark.parametrize(
    ("written", "refreshed"),
    [
        ("GetRuntimeArgs(program, shared.reader, core)[1] = attributes.factor / 32;", "yes"),
        ("", "no"),
    ],
)
def test_a_slot_of_an_input_that_is_left_out_is_told_as_such(tmp_path: Path, written: str, refreshed: str) -> None:
    """Also where the two calls of the world that is shown happen to give it the same value."""
    create = CREATE.replace("tensors.input.buffer()->address(), 4", "tensors.input.buffer()->address(), quotient")
    create = f"const uint32_t quotient = attributes.factor / 32; {create}"
    file = tmp_path / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(op(HASHED.format("a.flag, t"), create=create, override=REFRESH + written))
    (found,) = analyse(tmp_path, [file], Options()).facts
    (line,) = (line for line in found.table if line.slot.name == "reader arg 1")
    assert (line.per_dispatch, line.refreshed, line.inputs) == (True, refreshed, (FACTOR,))
    assert found.slots.needing_refresh == 3
    assert found.slots.matched == 3 - (refreshed == "no")
