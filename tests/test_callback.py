"""Callback factories on small ops of their own: what is found, how it is reached, what the callback keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tt_cache_lint.device.tensor_spec import DTYPES
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.factory.find import Finder
from tt_cache_lint.hit import Replay
from tt_cache_lint.infra import INFRAS
from tt_cache_lint.infra.callback_find import CallbackFactory
from tt_cache_lint.infra.callback_lists import kinds
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.world import World
from tt_cache_lint.model import FactoryFacts, Status
from tt_cache_lint.rule import load_rules
from tt_cache_lint.source.files import SourceTree
from tt_cache_lint.source.index import Index

OP = """
#include "ttnn/operation.hpp"
namespace ttnn::operations::test {
using namespace tt::tt_metal;
@DECLARATIONS@
struct Copy {
    @MEMBERS@
    void validate(const std::vector<Tensor>& input_tensors) const { @VALIDATE@ }
    std::vector<TensorSpec> compute_output_specs(const std::vector<Tensor>& input_tensors) const {
        return {input_tensors.at(0).tensor_spec()};
    }
    @MAKER@
};
operation::ProgramWithCallbacks copy_multi_core(const Tensor& input, Tensor& output) {
    Program program{};
    CoreRange all({0, 0}, {1, 0});
    auto reader = CreateKernel(program, "reader.cpp", all, ReaderDataMovementConfig({}));
    auto writer = CreateKernel(program, "writer.cpp", all, WriterDataMovementConfig({}));
    auto cores = grid_to_cores(2, 2, 1);
    for (const auto& core : cores) {
        SetRuntimeArgs(program, reader, core, {input.buffer()->address()});
        SetRuntimeArgs(program, writer, core, {output.buffer()->address()});
    }
    auto callback = [@CAPTURES@](
                        const void* operation,
                        Program& program,
                        const std::vector<Tensor>& input_tensors,
                        const std::vector<std::optional<const Tensor>>&,
                        const std::vector<Tensor>& output_tensors) {
        for (const auto& core : cores) {
            GetRuntimeArgs(program, reader, core)[0] = input_tensors.at(0).buffer()->address();
            GetRuntimeArgs(program, writer, core)[0] = output_tensors.at(0).buffer()->address();
        }
    };
    return {std::move(program), callback};
}
@AFTER@
}  // namespace ttnn::operations::test
"""
MAKER = """operation::ProgramWithCallbacks create_program(
        const std::vector<Tensor>& input_tensors, std::vector<Tensor>& output_tensors) const {
        return copy_multi_core(input_tensors.at(0), output_tensors.at(0));
    }"""


def op(root: Path, **parts: str) -> list[FactoryFacts]:
    """The facts of the op's factories, with parts of its source filled in."""
    given = {"maker": MAKER, "captures": "reader, writer, cores", **parts}
    text = OP
    for name in ("declarations", "members", "validate", "maker", "captures", "after"):
        text = text.replace(f"@{name.upper()}@", given.get(name, ""))
    for change in filter(None, parts.get("replaced", "").split("|")):
        old, _, new = change.partition("=>")
        assert old in text
        text = text.replace(old, new)
    if parts.get("without"):
        assert parts["without"] in text
        text = text.replace(parts["without"], "")
    folder = root / "ttnn/cpp/ttnn/operations/test"
    folder.mkdir(parents=True)
    (folder / "copy_op.cpp").write_text(text)
    return analyse(root, [folder], Options()).facts


def said(facts: FactoryFacts) -> list[str]:
    """What the rules say about a factory, as `rule slot`."""
    return sorted(f"{f.rule} {f.slot}" for rule in load_rules() for f in rule.check(facts))


def only(facts: list[FactoryFacts]) -> FactoryFacts:
    assert [f.factory for f in facts] == ["Copy::copy_multi_core"]
    assert facts[0].status is Status.ANALYSED, facts[0].reason
    return facts[0]


def test_a_callback_that_keeps_copies_is_clean(tmp_path: Path) -> None:
    assert said(only(op(tmp_path))) == []


def test_outputs_of_specs_that_are_none(tmp_path: Path) -> None:
    """Half-written code computes anything; the op is looked at with outputs of any spec."""
    placed = (
        "Program program{};=>Program program{}; CircularBufferConfig config(64, {{0, tt::DataFormat::Float16_b}}); "
        "config.set_page_size(0, 64).set_globally_allocated_address(*output.buffer()); "
        "CreateCircularBuffer(program, CoreRange({0, 0}, {1, 0}), config);"
    )
    specs = "{input_tensors.at(0).tensor_spec()}=>std::vector<std::vector<int>>{{1, 2}}"
    assert said(only(op(tmp_path, replaced=f"{placed}|{specs}"))) == ["handle-not-shared CB c_0"]


@pytest.mark.parametrize("captures", ["&", "&reader, &writer, &cores", "&cores, reader, writer"])
def test_a_local_variable_is_gone_when_a_hit_runs_the_callback(tmp_path: Path, captures: str) -> None:
    found = said(only(op(tmp_path, captures=captures)))
    names = ["cores"] if captures.startswith("&cores") else ["cores", "reader", "writer"]
    assert found == [f"stale-capture capture {name}" for name in names]


def test_the_dangling_capture_says_what_to_do(tmp_path: Path) -> None:
    facts = only(op(tmp_path, captures="&"))
    message = next(f.message for rule in load_rules() for f in rule.check(facts))
    assert message.startswith("The callback uses `reader` through a reference") or "`cores`" in message
    assert "Capture it by value." in message


def test_a_missing_capture_is_told_as_one(tmp_path: Path) -> None:
    facts = only(op(tmp_path, captures="reader, cores, writer = reader"))
    assert not any("shared variables" in f.message for rule in load_rules() for f in rule.check(facts))


WORKLOAD = """
    operation::CacheableMeshWorkload<std::vector<Tensor>> create_mesh_workload(
        const ttnn::MeshCoordinateRangeSet& coords,
        const std::vector<Tensor>& input_tensors,
        std::vector<Tensor>& output_tensors) const {
        auto made = copy_multi_core(input_tensors.at(0), output_tensors.at(0));
        auto workload = tt::tt_metal::distributed::CreateMeshWorkload();
        std::unordered_map<MeshCoordinateRange, Callback> callbacks;
        for (const auto& range : coords.ranges()) {
            AddProgramToMeshWorkload(workload, std::move(made.program), range);
            callbacks[range] = made.override_runtime_arguments_callback.value();
        }
        return {.workload = std::move(workload), .per_program_callbacks = std::move(callbacks)};
    }"""


def test_a_workload_is_refreshed_by_the_callback_of_each_range(tmp_path: Path) -> None:
    facts = only(op(tmp_path, maker=WORKLOAD))
    assert facts.slots.needing_refresh == facts.slots.matched == 2


def test_a_workload_without_callbacks_is_never_refreshed(tmp_path: Path) -> None:
    kept = "callbacks[range] = made.override_runtime_arguments_callback.value();"
    facts = only(op(tmp_path, maker=WORKLOAD.replace(kept, "")))
    assert facts.slots.matched == 0
    assert said(facts) == ["missing-override override_runtime_arguments"]


def test_a_member_that_hands_on_is_no_factory(tmp_path: Path) -> None:
    maker = (
        MAKER
        + """
    operation::ProgramWithCallbacks again(const std::vector<Tensor>& i, std::vector<Tensor>& o) const {
        return this->create_program(i, o);
    }
    operation::ProgramWithCallbacks nothing() const { return {}; }"""
    )
    only(op(tmp_path, maker=maker))


def test_what_hands_on_for_others_is_no_factory(tmp_path: Path) -> None:
    """A type-erased op asks the one inside; what is returned by reference was made before (run_operation of 2023)."""
    declarations = """
struct Inner { operation::ProgramWithCallbacks make() const; };
template <class T> struct Outer {
    T object; std::shared_ptr<Inner> inner;
    operation::ProgramWithCallbacks first() const { return this->object.create_program(); }
    operation::ProgramWithCallbacks second() const { return inner->make(); }
    std::map<uint64_t, operation::ProgramWithCallbacks> cache;
    operation::ProgramWithCallbacks& kept(uint64_t hash) {
        cache[hash] = object.create_program();
        return cache[hash];
    }
};
"""
    only(op(tmp_path, declarations=declarations))


def test_a_route_through_a_variant_is_kept_to(tmp_path: Path) -> None:
    declarations = """
struct Plain { uint32_t rows = 1; };
struct Blocked { uint32_t columns = 1; };
operation::ProgramWithCallbacks copy_multi_core(const Tensor& input, Tensor& output);
operation::ProgramWithCallbacks other(const Tensor& input, Tensor& output) {
    Program program{};
    return {std::move(program)};
}
"""
    maker = """operation::ProgramWithCallbacks create_program(
        const std::vector<Tensor>& input_tensors, std::vector<Tensor>& output_tensors) const {
        return std::visit([&](const auto& config) -> operation::ProgramWithCallbacks {
            using Config = std::decay_t<decltype(config)>;
            if constexpr (std::is_same_v<Config, Blocked>) {
                return copy_multi_core(input_tensors.at(0), output_tensors.at(0));
            } else {
                return other(input_tensors.at(0), output_tensors.at(0));
            }
        }, this->config);
    }"""
    validate = "TT_FATAL(std::holds_alternative<Blocked>(config) || input_tensors.at(0).is_sharded());"
    members = "std::variant<Plain, Blocked> config;"
    facts = op(tmp_path, declarations=declarations, maker=maker, members=members, validate=validate)
    found = {f.factory: f for f in facts}
    assert found["Copy::copy_multi_core"].slots.matched == 2


def test_a_visitor_that_hands_on_is_no_factory(tmp_path: Path) -> None:
    maker = """operation::ProgramWithCallbacks create_program(
        const std::vector<Tensor>& input_tensors, std::vector<Tensor>& output_tensors) const {
        return std::visit([&](const auto& config) -> operation::ProgramWithCallbacks {
            return copy_multi_core(input_tensors.at(0), output_tensors.at(0));
        }, this->config);
    }"""
    only(op(tmp_path, maker=maker, members="std::variant<int, float> config;"))


@pytest.mark.parametrize(
    ("use", "most"),
    [
        ("strategy(input_tensors);", 1),
        ("this->strategy(input_tensors);", 1),
        ("this->last(input_tensors);", 3),
        ("this->all(input_tensors);", 2),
        ("elsewhere(input_tensors);", 2),
        ("for (const auto& one : input_tensors) { elsewhere(one); }", 2),
    ],
)
def test_how_many_tensors_an_op_takes(tmp_path: Path, use: str, most: int) -> None:
    """A list that goes to another member of the op is as long as that one needs it."""
    members = """bool strategy(const std::vector<Tensor>& given) const { return given.at(0).is_sharded(); }
    bool last(const std::vector<Tensor>& given) const { return this->strategy(given) && given[2].is_sharded(); }
    bool all(const std::vector<Tensor>& given) const { for (auto& g : given) { elsewhere(g); } return true; }"""
    op(tmp_path, members=members, maker=MAKER.replace("return copy", f"{use} return copy"))
    tree = SourceTree(tmp_path)
    finder = Finder(Interp(Index(tree)))
    found = INFRAS["callback"].find(finder, "ttnn/cpp/ttnn/operations/test/copy_op.cpp")
    assert [f.sizes["input_tensors"] for f in found if isinstance(f, CallbackFactory)] == [most]


LAUNCHED_BY_LAMBDA = """Tensor copy(const Tensor& input) {
    std::vector<Tensor> outputs = {Tensor{}};
    operation::launch_op(
        [](const std::vector<Tensor>& inputs, const auto& optional_inputs, const auto& outputs) {
            return operation::run(make_copy(), inputs, optional_inputs);
        },
        {@LISTED@},
        outputs);
    return outputs.at(0);
}"""


@pytest.mark.parametrize(
    ("callers", "most"),
    [
        (["Tensor one(const Tensor& a) { return operation::run(Copy{}, {a}).at(0); }"], 1),
        (["Tensor one(const Tensor& a) { return operation::run(Copy{}, {a, a, a}).at(0); }"], 3),
        (["Tensor one(const Tensor& a) { return operation::run(make_copy(), {a}, {}).at(0); }"], 1),
        (["Tensor one(const Tensor& a) { return operation::run(Other{}, {a}).at(0); }"], 2),
        (["Tensor one(const std::vector<Tensor>& all) { return operation::run(Copy{}, all).at(0); }"], 2),
        (["Tensor one(const Tensor& a) { Copy op; return operation::run(op, {a}).at(0); }"], 1),
        (
            [
                "Tensor one(const Tensor& a) { return operation::run(Copy{}, {a}).at(0); }",
                "Tensor two(const Tensor& a) { return operation::run(Copy{}, {a, a}).at(0); }",
            ],
            2,
        ),
        ([LAUNCHED_BY_LAMBDA.replace("@LISTED@", "input")], 1),
        ([LAUNCHED_BY_LAMBDA.replace("@LISTED@", "input, input, input")], 3),
    ],
)
def test_the_callers_say_how_many_inputs_an_op_takes(tmp_path: Path, callers: list[str], most: int) -> None:
    """A list that is used as a whole is as long as all functions that launch the op make it, where these agree."""
    after = "struct Other {};\nCopy make_copy() { return Copy{}; }\n" + "\n".join(callers)
    op(tmp_path, maker=MAKER.replace("return copy", "elsewhere(input_tensors); return copy"), after=after)
    finder = Finder(Interp(Index(SourceTree(tmp_path))))
    (found,) = INFRAS["callback"].find(finder, "ttnn/cpp/ttnn/operations/test/copy_op.cpp")
    assert isinstance(found, CallbackFactory)
    assert found.sizes["input_tensors"] == most


@pytest.mark.parametrize("element", ["const Tensor", "const ttnn::Tensor", "Tensor const"])
def test_optional_inputs_are_told_by_const_elements(tmp_path: Path, element: str) -> None:
    maker = f"""operation::ProgramWithCallbacks create_program(
        const std::vector<Tensor>& input_tensors,
        const std::vector<std::optional<{element}>>& biases,
        std::vector<Tensor>& output_tensors) const {{
        TT_FATAL(biases.at(0).has_value(), "a bias");
        return copy_multi_core(input_tensors.at(0), output_tensors.at(0));
    }}"""
    op(tmp_path, maker=maker, members="void f(const std::vector<std::optional<Tensor>>& outputs) const {}")
    finder = Finder(Interp(Index(SourceTree(tmp_path))))
    (found,) = INFRAS["callback"].find(finder, "ttnn/cpp/ttnn/operations/test/copy_op.cpp")
    assert isinstance(found, CallbackFactory)
    assert found.op is not None
    assert kinds(found.op.methods["create_program"]) == ["input_tensors", "optional_input_tensors", "output_tensors"]


def test_optional_inputs_are_never_none_at_all(tmp_path: Path) -> None:
    """The framework refuses an empty list of them, and a list of any for an op that takes none."""
    maker = MAKER.replace(
        "std::vector<Tensor>& output", "const std::vector<std::optional<const Tensor>>&, std::vector<Tensor>& output"
    )
    check = "TT_FATAL(input_tensors.size() + optional_input_tensors.size() == 2);"
    given = "const std::vector<std::optional<const Tensor>>&,\n"
    named = given.replace("&,", "& optional_input_tensors,")
    first = "        for (const auto& core : cores) {\n            GetRuntimeArgs"
    facts = only(op(tmp_path, maker=maker, replaced=f"{given}=>{named}|{first}=>{check}{first}"))
    assert facts.throws == ()
    assert facts.slots.matched == 2


def test_default_outputs_are_what_the_op_computes(tmp_path: Path) -> None:
    members = """std::vector<Tensor> create_output_tensors(const std::vector<Tensor>& input_tensors) const {
        return operation::default_create_output_tensors(*this, input_tensors, {});
    }"""
    maker = MAKER.replace("return copy", 'if (output_tensors.at(0).is_sharded()) { TT_THROW("no"); } return copy')
    facts = only(op(tmp_path, members=members, maker=maker))
    assert any("input_tensors[0].memory_layout" in d for d in facts.decisions_reached)
    assert not any("tensor_return_value" in d for d in facts.decisions_reached)
    assert not any("default_create" in c for c in facts.unknown_calls)


HANDED = """template <typename Build, typename... Args>
auto timed(const Build& build, Args&&... args) { return build(std::forward<Args>(args)...); }
operation::ProgramWithCallbacks copy_multi_core(const Tensor& input, Tensor& output);
"""


@pytest.mark.parametrize("name", ["copy_multi_core", "test::copy_multi_core"])
def test_a_builder_that_is_handed_to_a_helper(tmp_path: Path, name: str) -> None:
    maker = MAKER.replace("return copy_multi_core(", f"return timed({name}, ")
    (facts,) = [f for f in op(tmp_path, declarations=HANDED, maker=maker) if f.factory == "Copy::copy_multi_core"]
    assert (facts.status, facts.reason) == (Status.ANALYSED, "")
    assert facts.slots.needing_refresh == facts.slots.matched == 2


NAMESPACES = """
namespace rows {
operation::ProgramWithCallbacks build(const Tensor& input, Tensor& output);
struct Rows { @MAKER@ };
}
namespace columns {
operation::ProgramWithCallbacks build(const Tensor& input, Tensor& output);
struct Columns { @MAKER@ };
}
operation::ProgramWithCallbacks rows::build(const Tensor& input, Tensor& output) { return {Program{}}; }
operation::ProgramWithCallbacks columns::build(const Tensor& input, Tensor& output) { return {Program{}}; }
struct Outside { @MAKER@ };
"""


@pytest.mark.parametrize("call", ["build", "test::columns::build"])
def test_two_functions_of_one_name(tmp_path: Path, call: str) -> None:
    """A route goes only through calls whose name can mean the function."""
    after = NAMESPACES
    for name in ("build", call, "columns::build"):
        after = after.replace("@MAKER@", MAKER.replace("copy_multi_core", name), 1)
    found = [f.factory for f in op(tmp_path, after=after)]
    assert found == ["Copy::copy_multi_core", "Rows::build", "Columns::build", "Outside::build"]


def test_a_condition_on_the_route_that_cannot_be_solved(tmp_path: Path) -> None:
    """What would have to be different are the other choices of what it is about."""
    other = "operation::ProgramWithCallbacks other() { return {Program{}}; }"
    unsolved = "if (((uint32_t)input_tensors.at(0).dtype() ^ 1) != 77) { return other(); } return copy"
    op(tmp_path, maker=MAKER.replace("return copy", unsolved), declarations=other)
    finder = Finder(Interp(Index(SourceTree(tmp_path))))
    found = INFRAS["callback"].find(finder, "ttnn/cpp/ttnn/operations/test/copy_op.cpp")
    (copy,) = [f for f in found if f.name == "Copy::copy_multi_core"]
    with pytest.raises(Thrown) as thrown:
        Replay(finder.interp, copy, {}).execute(World(0), 0.0)
    proposed = [{"tensor_args.input_tensors[0].dtype": kind} for kind in DTYPES[1:]]
    assert list(thrown.value.repairs[: len(proposed)]) == proposed


OPTIONAL = "const std::vector<std::optional<const Tensor>>& biases"
OLDER = WORKLOAD.replace("CacheableMeshWorkload<std::vector<Tensor>>", "MeshWorkloadWithCallbacks")
OLDER = OLDER.replace("std::vector<Tensor>& output_tensors", f"{OPTIONAL}, std::vector<Tensor>& output_tensors")
ALIAS = "using cached_mesh_workload_t = ttnn::device_operation::AdaptedCachedMeshWorkload<int>;"


def test_a_workload_of_this_infra_is_no_mesh_factory(tmp_path: Path) -> None:
    """Not even where one could see what workloads are called in factories of the other infra."""
    facts = only(op(tmp_path, maker=OLDER, declarations=ALIAS))
    assert facts.infra == "callback"
    assert facts.slots.needing_refresh == facts.slots.matched == 2


DEEP = """
enum class Strategy { PLAIN, BLOCKED };
operation::ProgramWithCallbacks copy_multi_core(const Tensor& input, Tensor& output);
operation::ProgramWithCallbacks other() { Program program{}; return {std::move(program)}; }
uint32_t blocks_of(uint32_t rows, uint32_t columns) {
    if (rows > 1 && columns > 1 && rows <= 8 && columns <= 8) { return columns; }
    return 0;
}
Strategy strategy_of(const Tensor& input, const Tensor& weights) {
    const auto& a = input.padded_shape();
    const auto& b = weights.padded_shape();
    bool general = false;
    uint32_t rows = a[-2] / 32, inner = a[-1] / 32, columns = b[-1] / 32;
    if (general && inner % 2 == 0) {
        if (blocks_of(rows / 16, columns / 16) > 0) { return Strategy::BLOCKED; }
    }
    if (inner % 2 == 0) {
        if (rows % 16 == 0 && columns % 16 == 0) {
            if (blocks_of(rows / 16, columns / 16) > 0) { return Strategy::BLOCKED; }
        }
    }
    return Strategy::PLAIN;
}
"""
BLOCKS = """operation::ProgramWithCallbacks create_program(
        const std::vector<Tensor>& input_tensors, std::vector<Tensor>& output_tensors) const {
        switch (strategy_of(input_tensors.at(0), input_tensors.at(1))) {
            case Strategy::BLOCKED: return copy_multi_core(input_tensors.at(0), output_tensors.at(0));
            default: return other();
        }
    }"""
FITS = "TT_FATAL(input_tensors.at(0).padded_shape()[-1] == input_tensors.at(1).padded_shape()[-2]);"


def test_a_factory_behind_several_conditions_on_numbers_is_reached(tmp_path: Path) -> None:
    """Each tensor follows the shape of the first unless told otherwise: what was decided must not be undone again."""
    found = {f.factory: f for f in op(tmp_path, declarations=DEEP, maker=BLOCKS, validate=FITS)}
    facts = found["Copy::copy_multi_core"]
    assert facts.reason == ""
    assert facts.slots.matched == 2


INPLACE = """bool in_place;
    std::vector<Tensor> create_output_tensors(const std::vector<Tensor>& input_tensors) const {
        if (in_place) { return {}; }
        return operation::generic_create_output_tensors(*this, input_tensors);
    }"""


def test_an_output_that_the_op_does_not_make(tmp_path: Path) -> None:
    """create() is given the input instead, but the callback asks for the first output: at() throws on every hit."""
    maker = MAKER.replace("output_tensors.at(0))", "in_place ? input_tensors.at(0) : output_tensors.at(0))")
    facts = only(op(tmp_path, members=INPLACE, maker=maker))
    (found,) = facts.throws
    assert (found.text, found.when) == ("output_tensors.at(0)", ("operation_attributes.in_place is true",))
    assert found.why == "asks for an output that the op does not make here"
    assert said(facts) == ["override-throws "]


def test_a_callback_that_always_throws_is_analysed(tmp_path: Path) -> None:
    """What else a hit would leave stale is of no consequence until that is mended."""
    members = "std::vector<Tensor> create_output_tensors(const std::vector<Tensor>& input_tensors) const { return {}; }"
    maker = MAKER.replace("output_tensors.at(0))", "input_tensors.at(1))")
    facts = only(op(tmp_path, members=members, maker=maker))
    assert facts.reason.startswith("the override throws on every explored path")
    assert said(facts) == ["override-throws "]


@pytest.mark.parametrize(("hash_", "status"), [("", Status.SKIPPED), ("x", Status.ANALYSED)])
def test_programs_that_are_cached_only_with_a_hash_of_the_ops_own(tmp_path: Path, hash_: str, status: Status) -> None:
    """As until 2023-07: operations that do not implement compute_program_hash() always run without the cache."""
    framework = tmp_path / "ttnn/cpp/ttnn/framework.hpp"
    framework.parent.mkdir(parents=True)
    framework.write_text("""struct Operation {
    operation::ProgramWithCallbacks create_program(const std::vector<Tensor>&) const;
    bool supports_program_caching() const { return implemented_; }
};""")
    hash_ = (
        hash_
        and """
    operation::Hash compute_program_hash(const std::vector<Tensor>& input_tensors) const {
        return fmt::format("copy_{}", operation::hash_tensor(input_tensors.at(0)));
    }"""
    )
    (facts,) = op(tmp_path, maker=MAKER + hash_)
    assert facts.status is status, facts.reason


@pytest.mark.parametrize(
    ("beside", "rows"), [("", 64), ("uint32_t f(const Tensor& t) { return t.get_legacy_shape()[-2]; }", 50)]
)
def test_shapes_were_padded_before_they_were_called_legacy(tmp_path: Path, beside: str, rows: int) -> None:
    """tt_eager/tensor/tensor.hpp: shape() until 2024-03, when it became get_legacy_shape()."""
    from interp_snippets import call, interp_of
    from tt_cache_lint.device.tensor_inputs import input_tensor

    op_ = f"int f(const Tensor& t) {{ return t.shape()[2]; }} {beside.replace(' f(', ' g(')}"
    interp = interp_of(tmp_path, {"tt_eager/tt_dnn/op_library/op.cpp": op_})
    world = World(0, {"t.logical_shape[2]": 50})
    assert (
        call(interp, "f", "tt_eager/tt_dnn/op_library/op.cpp", (input_tensor(world, "t", 1),), world=world).data == rows
    )
