"""Descriptor factories: what a hit patches, what it builds anew, and who does it.

The semantics are those of ttnn/api/ttnn/mesh_device_operation_adapter.hpp; fixtures/include/mock/entries.hpp does the
same in C++, and fixtures/unbound-address holds both to each other.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tt_cache_lint import engine
from tt_cache_lint.infra.adapter import ADAPTER
from tt_cache_lint.model import Cause, Confidence, FactoryFacts, Status

OP = """
namespace tt::tt_metal {
struct CBFormatDescriptor { uint8_t buffer_index = 0; tt::DataFormat data_format; uint32_t page_size = 0; };
struct CBDescriptor {
    uint32_t total_size = 0;
    CoreRangeSet core_ranges;
    std::vector<CBFormatDescriptor> format_descriptors;
    Buffer* buffer = nullptr;
    uint32_t address_offset = 0;
};
struct ReaderConfigDescriptor {};
struct KernelDescriptor {
    std::string kernel_source;
    CoreRangeSet core_ranges;
    std::vector<uint32_t> compile_time_args;
    std::vector<std::pair<CoreCoord, std::vector<uint32_t>>> runtime_args;
    std::vector<uint32_t> common_runtime_args;
    std::variant<ReaderConfigDescriptor> config;
    struct RTArgList {
        void push_back(uint32_t value) { items_.emplace_back(value); }
        void push_back(Buffer* buffer) { items_.emplace_back(buffer); }
    private:
        std::vector<std::variant<uint32_t, Buffer*>> items_;
    };
};
struct ProgramDescriptor {
    std::vector<KernelDescriptor> kernels;
    std::vector<CBDescriptor> cbs;
};
}
namespace ttnn::operations::test {
using namespace tt::tt_metal;
struct CopyOperation {
    struct operation_attributes_t { uint32_t factor = 1; uint32_t seed = 0; };
    struct tensor_args_t { Tensor input; std::optional<Tensor> mask; std::optional<Tensor> given; };
    using spec_return_value_t = TensorSpec;
    using tensor_return_value_t = Tensor;
    struct CopyFactory {
        static ProgramDescriptor create_descriptor(
            const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output@COORDINATE@);
        @HOOK@
    };
    @OP_HOOK@
    @DYNAMIC@
    using program_factory_t = std::variant<CopyFactory>;
    static void validate_on_program_cache_miss(const operation_attributes_t&, const tensor_args_t& tensors) {
        @VALIDATE@
    }
    static ttsl::hash::hash_t compute_program_hash(const operation_attributes_t& a, const tensor_args_t& t) {
        return ttsl::hash::hash_objects_with_default_seed(a.factor, t);
    }
    static TensorSpec compute_output_specs(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        return tensors.input.tensor_spec();
    }
    static Tensor create_output_tensors(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        @OUTPUT@
    }
};
ProgramDescriptor CopyOperation::CopyFactory::create_descriptor(
    const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output@COORDINATE@) {
    ProgramDescriptor described;
    const CoreRangeSet all(CoreRange({0, 0}, {1, 0}));
    KernelDescriptor reader{.kernel_source = "kernels/reader.cpp", .core_ranges = all};
    KernelDescriptor writer{.kernel_source = "kernels/writer.cpp", .core_ranges = all};
    for (const auto& core : grid_to_cores(2, 2, 1)) {
        @ARGUMENTS@
    }
    @AFTER@
    described.kernels.push_back(std::move(reader));
    described.kernels.push_back(std::move(writer));
    return described;
}
}
"""
NEW_OUTPUT = "return create_device_tensor(compute_output_specs(attributes, tensors), tensors.input.device());"
BOUND = "writer.emplace_runtime_args(core, {output.buffer(), 4});"
MIXED = "reader.emplace_runtime_args(core, {tensors.input.buffer()->address(), 4});" + BOUND
NUMBERS = (
    "reader.emplace_runtime_args(core, {tensors.input.buffer()->address(), attributes.seed});"
    "writer.runtime_args.emplace_back(core, std::vector<uint32_t>{output.buffer()->address(), 4});"
)
HOOK = """
        static void override_runtime_arguments(@PARAMS@) {
            for (const auto& core : grid_to_cores(2, 2, 1)) {
                GetRuntimeArgs(program, 0, core)[0] = tensors.input.buffer()->address();
                GetRuntimeArgs(program, 1, core)[0] = output.buffer()->address();
            }
        }
"""
FOUR = "Program& program, const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output"
FIVE = f"{FOUR}, const std::optional<MeshCoordinate>& coordinate = std::nullopt"
THREE = FOUR.rpartition(",")[0]
APPLY = "void apply_descriptor() { Owner::override_runtime_arguments(program, attrs, args, output, /*coord=*/at); }"
ASK = (
    "bool has_override() { return requires(Program& program) {"
    "Owner::override_runtime_arguments(program, attrs, args, output, at); }; }"
)
CALLING, CALLING_OP, ASKING_OP = (
    APPLY.replace("Owner", "DescriptorFactory"),
    APPLY.replace("Owner", "DeviceOperation"),
    ASK.replace("Owner", "DeviceOperation"),
)
CALLING_FOUR = CALLING.replace(", /*coord=*/at", "")
APART = "resolve_bindings(program, desc, collected.buffers, collected.num_input_buffers);"


def facts_of(
    root: Path,
    arguments: str,
    *,
    after: str = "",
    output: str = NEW_OUTPUT,
    validate: str = "",
    hook: str = "",
    op_hook: str = "",
    coordinate: str = "",
    adapter: str | None = None,
    dynamic: str = "",
    status: Status = Status.ANALYSED,
) -> FactoryFacts:
    """The facts about the factory of the op with these parts. `adapter` is the text of the framework's header."""
    parts = {
        "ARGUMENTS": arguments,
        "AFTER": after,
        "OUTPUT": output,
        "VALIDATE": validate,
        "HOOK": HOOK.replace("@PARAMS@", hook) if hook else "",
        "OP_HOOK": HOOK.replace("@PARAMS@", op_hook) if op_hook else "",
        "COORDINATE": coordinate,
    }
    text = OP
    for key, part in parts.items():
        text = text.replace(f"@{key}@", part)
    file = root / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text.replace("@DYNAMIC@", dynamic))
    if adapter is not None:
        header = root / ADAPTER
        header.parent.mkdir(parents=True)
        header.write_text(adapter)
    (facts,) = engine.analyse(root, [file], engine.Options()).facts
    assert (facts.infra, facts.status) == ("descriptor", status), facts.reason
    assert facts.worlds or status is Status.SKIPPED
    return facts


def slots(facts: FactoryFacts) -> dict[str, str]:
    """The slots that a hit has to refresh, each with whether it does."""
    return {line.slot.name: line.refreshed for line in facts.table if line.per_dispatch}


def stale(facts: FactoryFacts) -> dict[str, Cause]:
    return {difference.slot.name: difference.cause for difference in facts.differences}


READER, WRITER = "kernel reader.cpp arg 0", "kernel writer.cpp arg 0"


def test_a_hit_patches_only_what_is_bound(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, MIXED)
    assert slots(facts) == {READER: "no", WRITER: "yes"}
    assert stale(facts) == {READER: Cause.UNBOUND}


def test_a_scalar_beside_bound_arguments_stays(tmp_path: Path) -> None:
    facts = facts_of(
        tmp_path,
        f"reader.emplace_runtime_args(core, {{tensors.input.buffer(), attributes.seed, attributes.factor}});{BOUND}",
    )
    assert stale(facts) == {"kernel reader.cpp arg 1": Cause.UNBOUND}


def test_all_is_built_anew_when_nothing_is_bound(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, NUMBERS)
    assert slots(facts) == {READER: "yes", "kernel reader.cpp arg 1": "yes", WRITER: "yes"}
    assert stale(facts) == {}


def test_common_arguments_are_built_anew(tmp_path: Path) -> None:
    after = "reader.common_runtime_args = {attributes.factor, tensors.input.buffer()->address(), attributes.seed};"
    facts = facts_of(tmp_path, NUMBERS, after=after)
    assert slots(facts)["kernel reader.cpp common arg 1"] == "yes"
    assert stale(facts) == {}


@pytest.mark.parametrize(
    "arguments",
    [
        "reader.emplace_runtime_args(core, {tensors.input.buffer()});",
        "KernelDescriptor::RTArgList list; list.push_back(tensors.input.buffer());"
        "reader.emplace_runtime_args(core, list);",
        "std::vector<std::variant<uint32_t, Buffer*>> list; list.push_back(tensors.input.buffer());"
        "reader.emplace_runtime_args(core, list);",
    ],
)
def test_what_binds(tmp_path: Path, arguments: str) -> None:
    facts = facts_of(tmp_path, arguments + "writer.emplace_runtime_args(core, {output.buffer()->address()});")
    assert slots(facts) == {READER: "yes", WRITER: "no"}


@pytest.mark.parametrize(("word", "refreshed"), [("tensors.input.buffer()", "yes"), ("address", "no")])
def test_common_arguments(tmp_path: Path, word: str, refreshed: str) -> None:
    after = (
        "const uint32_t address = tensors.input.buffer()->address();"
        f"reader.emplace_common_runtime_args({{{word}, attributes.factor}});"
    )
    facts = facts_of(tmp_path, BOUND, after=after)
    assert slots(facts) == {"kernel reader.cpp common arg 0": refreshed, WRITER: "yes"}


MASKED = (
    "Buffer* mask = tensors.mask.has_value() ? tensors.mask->buffer() : nullptr;"
    "reader.emplace_runtime_args(core, {mask, 4});"
    "writer.emplace_runtime_args(core, {output.buffer()->address()});"
)


def test_an_absent_tensor_binds_nothing(tmp_path: Path) -> None:
    """Its Buffer* is null: with a mask there is a binding and the number goes stale, without all is built anew."""
    (difference,) = facts_of(tmp_path, MASKED).differences
    assert (difference.slot.name, difference.cause) == (WRITER, Cause.UNBOUND)
    assert ("tensor_args.mask.has_value", True) in [(given.key, given.value) for given in difference.given]


def test_without_the_tensor_that_is_bound_all_is_built_anew(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, MASKED, validate='TT_FATAL(!tensors.mask.has_value(), "no mask");')
    assert slots(facts) == {WRITER: "yes"}


@pytest.mark.xfail(strict=True, reason="presence counts as usual where the slot's own value is of another tensor")
def test_what_decides_that_there_is_a_binding_is_said(tmp_path: Path) -> None:
    (difference,) = facts_of(tmp_path, MASKED).differences
    assert any("mask" in condition for condition in difference.when)


CB = """
    described.cbs.push_back(CBDescriptor{
        .total_size = 4096,
        .core_ranges = all,
        .format_descriptors = {{CBFormatDescriptor{.buffer_index = 3, .page_size = 2048}}},
        .buffer = tensors.input.buffer()});
"""


@pytest.mark.parametrize("arguments", [BOUND, "writer.emplace_runtime_args(core, {output.buffer()->address()});"])
def test_a_circular_buffer_over_a_tensor_moves(tmp_path: Path, arguments: str) -> None:
    """Patched beside a bound argument, copied otherwise: a circular buffer alone does not make a hit patch."""
    facts = facts_of(tmp_path, arguments, after=CB)
    assert slots(facts) == {WRITER: "yes", "CB c_3": "yes"}
    assert stale(facts) == {}


def test_an_op_in_place_is_built_anew(tmp_path: Path) -> None:
    """The buffer is there as input and as output, so that nothing is bound."""
    facts = facts_of(tmp_path, MIXED, output="return tensors.input;")
    assert slots(facts) == {READER: "yes", WRITER: "yes"}
    assert stale(facts) == {}


def test_an_op_in_place_is_patched_where_inputs_are_told_apart(tmp_path: Path) -> None:
    """The newer adapter binds the output as the input that it lies in."""
    arguments = "reader.emplace_runtime_args(core, {tensors.mask->buffer()->address(), 4});" + BOUND
    facts = facts_of(
        tmp_path,
        arguments,
        output="return tensors.input;",
        validate='TT_FATAL(tensors.mask.has_value(), "mask");',
        adapter=APART,
    )
    assert slots(facts) == {READER: "no", WRITER: "yes"}
    assert stale(facts) == {READER: Cause.UNBOUND}


def test_an_output_that_may_be_given_is_patched_without_it(tmp_path: Path) -> None:
    output = f"if (tensors.given.has_value()) {{ return *tensors.given; }} {NEW_OUTPUT}"
    facts = facts_of(tmp_path, MIXED, output=output)
    (difference,) = facts.differences
    assert (difference.slot.name, difference.cause) == (READER, Cause.UNBOUND)
    assert any("given" in condition for condition in difference.when)


def test_an_output_that_is_always_given_is_built_anew(tmp_path: Path) -> None:
    facts = facts_of(
        tmp_path,
        MIXED,
        output="return *tensors.given;",
        validate='TT_FATAL(tensors.given.has_value(), "given");',
    )
    assert stale(facts) == {}


@pytest.mark.parametrize(
    ("hook", "adapter"), [(FIVE, None), (FIVE, CALLING), (FOUR, CALLING_FOUR), (FIVE, CALLING_FOUR)]
)
def test_an_override_that_the_framework_calls(tmp_path: Path, hook: str, adapter: str | None) -> None:
    """It refreshes all: what is bound, and what is not."""
    facts = facts_of(tmp_path, MIXED, hook=hook, adapter=adapter)
    assert slots(facts) == {READER: "yes", WRITER: "yes"}
    assert facts.override is not None
    assert facts.uncalled is None


def test_what_an_override_of_a_program_is_to_write(tmp_path: Path) -> None:
    """It gets the program itself, and the kernels have the order of the descriptor."""
    arguments = "reader.emplace_runtime_args(core, {tensors.input.buffer(), attributes.seed});" + BOUND
    facts = facts_of(tmp_path, arguments, hook=FIVE, adapter=CALLING)
    assert [d.fix for d in facts.differences] == [("GetRuntimeArgs(program, 0, core)[1] = attributes.seed;",)]


def test_nothing_else_happens_where_an_override_is_called(tmp_path: Path) -> None:
    """Neither is anything patched nor built anew."""
    arguments = "reader.emplace_runtime_args(core, {tensors.input.buffer(), attributes.seed});" + BOUND
    after = "writer.emplace_common_runtime_args({tensors.input.buffer()});"
    facts = facts_of(tmp_path, arguments, after=after, hook=FIVE, adapter=CALLING)
    assert set(stale(facts)) == {"kernel reader.cpp arg 1", "kernel writer.cpp common arg 0"}
    assert Cause.UNBOUND not in stale(facts).values()


OTHER = "CopyOperation& program, const operation_attributes_t&, const tensor_args_t& tensors, Tensor& output, int"
COUNTED = "it has {} parameters, and the framework calls one of {} (Program&, attributes, tensor args, return value{})"


@pytest.mark.parametrize(
    ("hook", "adapter", "reason"),
    [
        (FIVE, "// nothing of the kind\n", "the framework of this tree calls none of such a factory"),
        (FOUR, "", "the framework of this tree calls none of such a factory"),
        (FIVE, CALLING_OP, "the framework of this tree calls none of such a factory"),
        (FOUR, CALLING, COUNTED.format(4, 5, ", coordinate")),
        (FOUR, None, COUNTED.format(4, 5, ", coordinate")),
        (THREE, CALLING_FOUR, COUNTED.format(3, 4, "")),
        (FIVE.replace(" = std::nullopt", ", int more"), CALLING, COUNTED.format(6, 5, ", coordinate")),
        (OTHER, CALLING, "its first parameter is not the Program"),
    ],
)
def test_an_override_that_the_framework_does_not_call(
    tmp_path: Path, hook: str, adapter: str | None, reason: str
) -> None:
    facts = facts_of(tmp_path, MIXED, hook=hook, adapter=adapter)
    assert stale(facts) == {READER: Cause.UNBOUND}
    assert facts.override is None
    assert facts.uncalled is not None
    assert facts.uncalled.reason == reason
    assert facts.uncalled.confidence is (Confidence.LIKELY if adapter is None else Confidence.CERTAIN)
    text = (tmp_path / facts.path).read_text().splitlines()
    assert "static void override_runtime_arguments" in text[facts.uncalled.place.line - 1]


CALLED_BY = "void refresh(Program& program) {{ {}::override_runtime_arguments(program, {{}}, {{}}, made()); }}"


@pytest.mark.parametrize(
    ("other", "called"),
    [
        (CALLED_BY.format("CopyOperation::CopyFactory"), True),
        ("using Copying = CopyOperation::CopyFactory;\n" + CALLED_BY.format("Copying"), True),
        ("template <typename F> " + CALLED_BY.format("F"), True),
        ("void refresh(CopyOperation::CopyFactory& f) { f.override_runtime_arguments(made()); }", True),
        ("struct Pasted { static void run(); };\n" + CALLED_BY.format("Pasted"), False),
        ("// CopyOperation::CopyFactory::override_runtime_arguments(program) is what one would call\n", False),
    ],
)
def test_an_override_that_another_function_calls_is_its_helper(tmp_path: Path, other: str, called: bool) -> None:
    calling = tmp_path / "ttnn" / "paste.cpp"
    calling.parent.mkdir()
    calling.write_text(f"namespace ttnn::operations::test {{ // beside CopyFactory\n{other}\n}}\n")
    facts = facts_of(tmp_path, MIXED, hook=FOUR, adapter=CALLING)
    assert (facts.uncalled is None) == called


def test_a_skipped_factory_says_so_too(tmp_path: Path) -> None:
    dynamic = "static std::vector<DynamicRuntimeArg> get_dynamic_runtime_args() { return {}; }"
    facts = facts_of(tmp_path, MIXED, hook=FOUR, dynamic=dynamic, status=Status.SKIPPED)
    assert facts.uncalled is not None


@pytest.mark.parametrize(
    ("adapter", "called"),
    [
        (CALLING_OP, True),
        (CALLING + CALLING_OP, True),
        (CALLING, False),
        (CALLING + ASKING_OP, False),
        ("", False),
        (None, False),
    ],
)
def test_an_override_of_the_operation(tmp_path: Path, adapter: str | None, called: bool) -> None:
    facts = facts_of(tmp_path, MIXED, op_hook=FIVE, adapter=adapter)
    assert stale(facts) == ({} if called else {READER: Cause.UNBOUND})


def test_the_factory_goes_before_its_operation(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, MIXED, hook=f"{FIVE}, int = 0", op_hook=FIVE, adapter=CALLING_OP + CALLING)
    assert facts.override is not None
    text = (tmp_path / facts.path).read_text().splitlines()
    assert "int = 0" in text[facts.override.line - 1]


def test_a_method_of_the_same_name_is_no_hook(tmp_path: Path) -> None:
    """What takes something else than a Program is called by nobody."""
    hook = FIVE.replace("Program& program", "CopyOperation& program")
    assert stale(facts_of(tmp_path, MIXED, hook=hook)) == {READER: Cause.UNBOUND}


@pytest.mark.parametrize(
    "coordinate",
    ["const std::optional<MeshCoordinate>& at", "const std::optional<ttnn::MeshCoordinate>& at"],
)
def test_the_coordinate_is_given(tmp_path: Path, coordinate: str) -> None:
    arguments = (
        'TT_FATAL(at.has_value(), "no coordinate");'
        "reader.emplace_runtime_args(core, {tensors.input.buffer(), (*at)[0] * 8 + at->dims()});" + BOUND
    )
    facts = facts_of(tmp_path, arguments, coordinate=f", {coordinate}")
    assert slots(facts) == {READER: "yes", WRITER: "yes"}
    assert stale(facts) == {}
    assert not facts.unknown_calls


def test_the_op_itself_may_be_the_factory(tmp_path: Path) -> None:
    text = (
        OP.replace("    struct CopyFactory {\n", "")
        .replace(
            "        @HOOK@\n    };\n    @OP_HOOK@\n    using program_factory_t = std::variant<CopyFactory>;\n", ""
        )
        .replace("CopyOperation::CopyFactory::", "CopyOperation::")
        .replace("@ARGUMENTS@", MIXED)
        .replace("@OUTPUT@", NEW_OUTPUT)
    )
    for rest in ("AFTER", "VALIDATE", "COORDINATE"):
        text = text.replace(f"@{rest}@", "")
    (tmp_path / "copy.cpp").write_text(text)
    (facts,) = engine.analyse(tmp_path, [tmp_path], engine.Options()).facts
    assert (facts.factory, facts.status) == ("CopyOperation", Status.ANALYSED)
    assert stale(facts) == {READER: Cause.UNBOUND}


@pytest.mark.parametrize(("adapter", "skipped"), [(None, True), ("get_dynamic_runtime_args", True), ("", False)])
def test_arguments_named_to_be_written_are_not_modelled(tmp_path: Path, adapter: str | None, skipped: bool) -> None:
    dynamic = "static std::vector<int> get_dynamic_runtime_args(const operation_attributes_t&) { return {}; }"
    status = Status.SKIPPED if skipped else Status.ANALYSED
    facts = facts_of(tmp_path, MIXED, adapter=adapter, dynamic=dynamic, status=status)
    assert facts.reason == ("what get_dynamic_runtime_args() refreshes is not modelled" if skipped else "")
