"""Metal 2.0 factories: what a hit refreshes of a program that is made from a spec, in the shapes the API has had.

The semantics are those of facts/since_may_2026.md section 1.5.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tt_cache_lint import engine
from tt_cache_lint.model import Cause, FactoryFacts, Status

API = """
namespace tt::tt_metal::experimental {
template <typename Tag> struct Name { std::string value; };
using KernelSpecName = Name<struct KernelTag>;
using DFBSpecName = Name<struct BufferTag>;
using TensorParamName = Name<struct TensorTag>;
using NodeCoord = CoreCoord;
struct TensorParameter { TensorParamName unique_id; TensorSpec spec; };
struct TensorBinding { TensorParamName tensor_parameter_name; std::string accessor_name; };
struct RuntimeArgSchema {
    std::vector<std::string> runtime_arg_names;
    std::vector<std::string> common_runtime_arg_names;
};
struct KernelSpec {
    KernelSpecName unique_id;
    std::string source;
    Group<TensorBinding> tensor_bindings;
    Table<std::string, uint32_t> compile_time_args;
    RuntimeArgSchema runtime_arg_schema;
};
struct DataflowBufferSpec {
    DFBSpecName unique_id;
    uint32_t entry_size = 0;
    uint32_t num_entries = 0;
    std::optional<TensorParamName> borrowed_from;
};
struct WorkUnitSpec { std::string name; Group<KernelSpecName> kernels; std::variant<CoreRangeSet> target_nodes; };
struct ProgramSpec {
    std::string name;
    Group<KernelSpec> kernels;
    Group<DataflowBufferSpec> dataflow_buffers;
    Group<TensorParameter> tensor_parameters;
    Group<WorkUnitSpec> work_units;
};
struct AdvancedKernelRunArgs { Table<NodeCoord, std::vector<uint32_t>> runtime_varargs; };
@RUN@
}
namespace ttnn::device_operation {
struct ProgramArtifacts {
    tt::tt_metal::experimental::ProgramSpec spec;
    tt::tt_metal::experimental::ProgramRunArgs run_params;
};
struct MeshWorkloadArtifacts {
    struct PerRange {
        ttnn::MeshCoordinateRange range;
        tt::tt_metal::experimental::ProgramSpec spec;
        tt::tt_metal::experimental::ProgramRunArgs run_params;
    };
    std::vector<PerRange> programs;
};
}
"""
LISTED = """
struct KernelRunArgs {
    KernelSpecName kernel;
    Table<NodeCoord, Table<std::string, uint32_t>> runtime_arg_values;
    Table<std::string, uint32_t> common_runtime_arg_values;
    AdvancedKernelRunArgs advanced_options;
};
struct ProgramRunArgs {
    std::vector<KernelRunArgs> kernel_run_args;
    Table<TensorParamName, std::reference_wrapper<const MeshTensor>> tensor_args;
};
"""
OP = """
namespace ttnn::operations::test {
using namespace tt::tt_metal;
using namespace tt::tt_metal::experimental;
struct CopyOperation {
    struct operation_attributes_t { uint32_t factor = 1; uint32_t seed = 0; };
    struct tensor_args_t { Tensor input; };
    using spec_return_value_t = TensorSpec;
    using tensor_return_value_t = Tensor;
    struct CopyFactory {
        static ttnn::device_operation::@MADE@ @CREATE@(
            const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output@COORDS@);
        @HOOK@
    };
    using program_factory_t = std::variant<CopyFactory>;
    static void validate_on_program_cache_miss(const operation_attributes_t&, const tensor_args_t&) {}
    static ttsl::hash::hash_t compute_program_hash(const operation_attributes_t& a, const tensor_args_t& t) {
        return ttsl::hash::hash_objects_with_default_seed(@HASHED@);
    }
    static TensorSpec compute_output_specs(const operation_attributes_t&, const tensor_args_t& tensors) {
        return tensors.input.tensor_spec();
    }
    static Tensor create_output_tensors(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        return create_device_tensor(compute_output_specs(attributes, tensors), tensors.input.device());
    }
};
ttnn::device_operation::@MADE@ CopyOperation::CopyFactory::@CREATE@(
    const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output@COORDS@) {
    const KernelSpecName READER{"reader"};
    const DFBSpecName ROWS{"rows"};
    const TensorParamName INPUT{"input"};
    const TensorParamName OUTPUT{"output"};
    const CoreRangeSet all(CoreRange({0, 0}, {1, 0}));
    const KernelSpec reader{
        .unique_id = READER,
        .source = "kernels/reader.cpp",
        .tensor_bindings = {TensorBinding{.tensor_parameter_name = INPUT, .accessor_name = "input"},
                            TensorBinding{.tensor_parameter_name = OUTPUT, .accessor_name = "output"}},
        .compile_time_args = {{"factor", attributes.factor}},
        .runtime_arg_schema = {.runtime_arg_names = {"start", "count"}},
    };
    const DataflowBufferSpec rows{.unique_id = ROWS, .entry_size = 2048, .num_entries = 2, .borrowed_from = INPUT};
    KernelRunArgs reader_run_args{.kernel = READER};
    for (const auto& node : corerange_to_cores(all)) {
        @GIVEN@
    }
    @LOOP@
    ProgramSpec spec{
        .name = "copy",
        .kernels = {reader},
        .dataflow_buffers = {rows},
        .tensor_parameters = {TensorParameter{.unique_id = INPUT, .spec = tensors.input.tensor_spec()}},
        .work_units = {WorkUnitSpec{.name = "copy", .kernels = {READER}, .target_nodes = all}},
    };
    ProgramRunArgs run_args;
    run_args.kernel_run_args = {reader_run_args};
    run_args.tensor_args = {{INPUT, tensors.input.mesh_tensor()}, {OUTPUT, output.mesh_tensor()}};
    @GIVE@
}
}
"""
ONE = {
    "MADE": "ProgramArtifacts",
    "CREATE": "create_program_artifacts",
    "COORDS": "",
    "LOOP": "",
    "GIVE": "return ttnn::device_operation::ProgramArtifacts{.spec = spec, .run_params = std::move(run_args)};",
}
FOR_EACH = {
    "MADE": "MeshWorkloadArtifacts",
    "CREATE": "create_mesh_workload_artifacts",
    "COORDS": ", const ttnn::MeshCoordinateRangeSet& coords",
    "LOOP": "ttnn::device_operation::MeshWorkloadArtifacts workload; for (const auto& coord : coords.coords()) {",
    "GIVE": "workload.programs.push_back({.range = coord, .spec = spec, .run_params = run_args}); } return workload;",
}
COUNTED = """AddRuntimeArgsForNode(
    reader_run_args.runtime_arg_values, node, {{"start", node.x}, {"count", tensors.input.physical_volume()}});"""
SEEDED = COUNTED.replace("node.x", "attributes.seed")
ADDRESSED = COUNTED.replace("node.x", "tensors.input.buffer()->address()")
SPREAD = COUNTED + "reader_run_args.advanced_options.runtime_varargs[node] = {7, attributes.seed};"
HOOK = """
static @RETURNS@ override_runtime_arguments(
    const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output,
    const std::optional<ttnn::MeshCoordinate>&) {
    const KernelSpecName READER{"reader"};
    KernelRunArgs reader_run_args{.kernel = READER};
    for (uint32_t x = 0; x < 2; ++x) {
        AddRuntimeArgsForNode(reader_run_args.runtime_arg_values, CoreCoord{x, 0}, {{"start", attributes.seed}});
    }
    ProgramRunArgs run_args;
    run_args.kernel_run_args = {std::move(reader_run_args)};
    run_args.tensor_args = {@TENSORS@};
    @RETURN@
}
"""
BOTH = '{TensorParamName{"input"}, tensors.input.mesh_tensor()}, {TensorParamName{"output"}, output.mesh_tensor()}'
INPUT, OUTPUT = "reader tensor input", "reader tensor output"


def hook(tensors: str = BOTH, returns: str = "ProgramRunArgs") -> str:
    text = HOOK.replace("@TENSORS@", tensors).replace("@RETURNS@", returns)
    return text.replace("@RETURN@", "return run_args;" if returns != "void" else "")


def facts_of(
    root: Path,
    given: str,
    *,
    hashed: str = "a.factor, t",
    hook: str = "",
    run: str = LISTED,
    made: dict[str, str] = ONE,
) -> tuple[FactoryFacts, set[str]]:
    """The facts about the factory of the op with these parts, and the inputs that its hash leaves out."""
    text = API.replace("@RUN@", run) + OP
    for key, part in {**made, "GIVEN": given, "HASHED": hashed, "HOOK": hook}.items():
        text = text.replace(f"@{key}@", part)
    file = root / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(text)
    analysis = engine.analyse(root, [file], engine.Options())
    (facts,) = analysis.facts
    assert (facts.infra.partition("-")[0], facts.status) == ("spec", Status.ANALYSED), facts.reason
    return facts, {o.input for op in analysis.operations for o in op.omissions if not o.per_dispatch}


def stale(facts: FactoryFacts) -> dict[str, Cause]:
    return {difference.slot.name: difference.cause for difference in facts.differences}


def test_tensors_are_refreshed(tmp_path: Path) -> None:
    facts, omitted = facts_of(tmp_path, COUNTED)
    refreshed = {line.slot.name: line.refreshed for line in facts.table if line.per_dispatch}
    assert refreshed == {INPUT: "yes", OUTPUT: "yes", "CB rows": "yes"}
    assert stale(facts) == {}
    assert omitted == set()


@pytest.mark.parametrize(
    ("given", "slot"),
    [
        (SEEDED, "reader arg start"),
        (ADDRESSED, "reader arg start"),
        (SPREAD, "reader arg runtime_varargs[1]"),
    ],
)
def test_other_run_arguments_keep_their_first_value(tmp_path: Path, given: str, slot: str) -> None:
    assert stale(facts_of(tmp_path, given)[0]) == {slot: Cause.UNBOUND}


def test_what_is_compiled_has_to_be_hashed(tmp_path: Path) -> None:
    assert facts_of(tmp_path, COUNTED, hashed="t")[1] == {"operation_attributes.factor"}


def test_run_arguments_have_to_be_hashed_too(tmp_path: Path) -> None:
    facts, _ = facts_of(tmp_path, COUNTED, hashed="a.factor, t.input.dtype(), t.input.memory_config()")
    assert "reader arg count" in stale(facts)


def test_an_override_gives_what_it_names(tmp_path: Path) -> None:
    assert stale(facts_of(tmp_path, SEEDED, hook=hook())[0]) == {}


def test_a_tensor_that_an_override_leaves_out_keeps_its_address(tmp_path: Path) -> None:
    only = '{TensorParamName{"input"}, tensors.input.mesh_tensor()}'
    facts, _ = facts_of(tmp_path, SEEDED, hook=hook(only))
    assert set(stale(facts)) == {OUTPUT}


def test_an_override_that_returns_nothing_is_not_called(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, SEEDED, hook=hook(returns="void"))[0]
    assert stale(facts) == {"reader arg start": Cause.UNBOUND}
    assert facts.uncalled is not None
    assert facts.uncalled.reason == "it does not return the ProgramRunArgs for which the framework calls an override"


KEYED = LISTED.replace("    KernelSpecName kernel;\n", "").replace(
    "std::vector<KernelRunArgs> kernel_run_args", "Table<KernelSpecName, KernelRunArgs> kernel_run_args"
)
FIRST = """
struct KernelRunArgs {
    struct NodeNamedRTAs { NodeCoord node; std::unordered_map<std::string, uint32_t> args; };
    KernelSpecName kernel;
    std::vector<NodeNamedRTAs> named_runtime_args;
};
struct ProgramRunArgs {
    struct TensorArg { TensorParamName tensor_parameter_name; std::reference_wrapper<const MeshTensor> tensor; };
    std::vector<KernelRunArgs> kernel_run_params;
    std::vector<TensorArg> tensor_args;
};
"""
OF_NODE = """reader_run_args.named_runtime_args.push_back(
    {.node = node, .args = {{"start", attributes.seed}, {"count", tensors.input.physical_volume()}}});"""


def test_run_arguments_keyed_by_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of kernels, instead of a list."""
    text = OP.replace("KernelRunArgs reader_run_args{.kernel = READER}", "KernelRunArgs reader_run_args{}")
    text = text.replace("kernel_run_args = {reader_run_args}", "kernel_run_args = {{READER, reader_run_args}}")
    monkeypatch.setitem(globals(), "OP", text)
    assert stale(facts_of(tmp_path, SEEDED, run=KEYED)[0]) == {"reader arg start": Cause.UNBOUND}


def test_run_arguments_as_they_were_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tt-metalium/experimental/metal2_host_api/program_run_params.hpp of May 2026."""
    text = OP.replace("run_args.kernel_run_args", "run_args.kernel_run_params")
    monkeypatch.setitem(globals(), "OP", text)
    facts, _ = facts_of(tmp_path, OF_NODE, run=FIRST)
    assert stale(facts) == {"reader arg start": Cause.UNBOUND}
    refreshed = {line.slot.name: line.refreshed for line in facts.table if line.per_dispatch}
    assert refreshed == {INPUT: "yes", OUTPUT: "yes", "CB rows": "yes", "reader arg start": "no"}


@pytest.mark.parametrize(
    ("given", "hooked", "wrong"),
    [
        (COUNTED, "", {}),
        (SEEDED, "", {"reader arg start": Cause.UNBOUND}),
        (SEEDED, hook().replace("const std::optional<ttnn::MeshCoordinate>&", "const ttnn::MeshCoordinateRange&"), {}),
    ],
)
def test_a_workload_of_specs(tmp_path: Path, given: str, hooked: str, wrong: dict[str, Cause]) -> None:
    """A spec for each coordinate; the override gets the range that a program runs on."""
    facts, _ = facts_of(tmp_path, given, hook=hooked, made=FOR_EACH)
    assert facts.infra == "spec-workload"
    assert stale(facts) == wrong


def test_names_through_an_alias_of_the_namespace_in_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`namespace m2 = tt::tt_metal::experimental;` among the statements, as tt-metal's newest factories have it."""
    text = OP.replace(
        "const KernelSpecName READER", "namespace m2 = tt::tt_metal::experimental; const m2::KernelSpecName READER"
    )
    monkeypatch.setitem(globals(), "OP", text.replace("    ProgramSpec spec{", "    m2::ProgramSpec spec{"))
    assert stale(facts_of(tmp_path, SEEDED)[0]) == {"reader arg start": Cause.UNBOUND}


def test_what_a_mesh_tensor_tells_of_its_spec(tmp_path: Path) -> None:
    given = (
        "const auto& stored = tensors.input.mesh_tensor(); const auto dims = stored.tensor_spec().logical_shape();"
        "if (stored.dtype() == DataType::BFLOAT16 && !stored.is_sharded() && stored.padded_shape()[-1] == dims[-1]) {"
        f"{SEEDED} }}"
    )
    facts, _ = facts_of(tmp_path, given)
    assert facts.unknown_calls == ()
    assert "reader arg start" in stale(facts)


def test_where_a_run_argument_is_put(tmp_path: Path) -> None:
    """At the value, not at the kernel."""
    named = '{{"count", 1u},\n{"start", attributes.seed}}'
    given = f"reader_run_args.runtime_arg_values = MakeRuntimeArgsForSingleNode(node, {named});"
    facts, _ = facts_of(tmp_path, given)
    (difference,) = facts.differences
    text = (tmp_path / facts.path).read_text().splitlines()
    assert text[difference.set_at.line - 1].startswith('{"start", attributes.seed}')
