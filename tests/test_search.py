"""What the search for inputs understands of the checks that they have to pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interp_snippets import interp_of, run
from small_factory import CREATE, REFRESH, STALE, factory
from tt_cache_lint.device.nd_shard import or_nd_sharded
from tt_cache_lint.device.tensor_spec import MEMORY_LAYOUTS, ND_SHARDED
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.factory.choice import ways
from tt_cache_lint.factory.find import Finder
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.solving import want
from tt_cache_lint.interp.values import Enum, Opt, Val, Value, Vec, plain
from tt_cache_lint.model import Confidence, FactoryFacts
from tt_cache_lint.search.exploration import Budget, Decisions
from tt_cache_lint.search.flips import Search

REFUSED = "no input was found that the validators accept"
NEVER = "select_program_factory() never gives this factory"


def facts(root: Path, text: str) -> FactoryFacts:
    """Of the first factory."""
    (root / "op.cpp").write_text(text)
    return analyse(root, [root / "op.cpp"], Options()).facts[0]


def checked(root: Path, validate: str) -> FactoryFacts:
    """With the checks of an op that has a start and a step for each dimension."""
    text = factory(CREATE, STALE, validate=validate)
    return facts(root, text.replace("bool flag = false;", "bool flag = false; Shape start; Shape step;"))


ROW_MAJOR_ONLY = 'TT_FATAL(tensors.input.layout() == Layout::ROW_MAJOR, "rows"); }'
TILES = 'TT_FATAL(tensors.input.layout() == Layout::TILE, "tiles");'
ANY = "std::any_of(attributes.step.cbegin(), attributes.step.cend(), [](uint32_t s) { return s != 1; })"
ALL = "std::all_of(attributes.step.cbegin(), attributes.step.cend(), [](uint32_t s) { return s == 1; })"
NONE = "std::none_of(attributes.step.cbegin(), attributes.step.cend(), [](uint32_t s) { return s != 1; })"


@pytest.mark.parametrize(
    "validate",
    [
        pytest.param(
            'for (uint32_t i = 0; i < 4; i++) { TT_FATAL(attributes.start[i] == 0, "start"); }', id="a start is 0"
        ),
        pytest.param(f'TT_FATAL(!{ANY}, "steps");', id="any_of"),
        pytest.param(f'TT_FATAL({ALL}, "steps");', id="all_of"),
        pytest.param(f'TT_FATAL({NONE}, "steps");', id="none_of"),
        pytest.param(f"if ({ANY}) {{ {ROW_MAJOR_ONLY} {TILES}", id="a check under a condition on numbers"),
        pytest.param(f"if ({ALL}) {{}} else {{ {ROW_MAJOR_ONLY} {TILES}", id="a check under else"),
        pytest.param(
            "bool strided = false; for (uint32_t s : attributes.step) { if (s != 1) { strided = true; break; } }"
            'TT_FATAL(!strided, "steps");',
            id="a flag set in a loop",
        ),
        pytest.param(
            "bool plain = true; for (uint32_t s : attributes.step) { if (s == 1) {} else { plain = false; } }"
            'TT_FATAL(plain, "steps");',
            id="a flag taken back under else",
        ),
    ],
)
def test_an_input_is_found(tmp_path: Path, validate: str) -> None:
    found = checked(tmp_path, validate)
    assert found.reason == ""
    assert {d.slot.name: d.confidence for d in found.differences} == {"writer arg 0": Confidence.CERTAIN}


def test_a_shape_of_older_times_among_the_attributes(tmp_path: Path) -> None:
    check = 'TT_FATAL(attributes.sides[1] == 48 && attributes.sides.rank() == 2, "sides");'
    text = factory(CREATE, STALE, validate=check).replace("bool flag = false;", "tt::tt_metal::LegacyShape sides;")
    found = facts(tmp_path, text)
    assert found.reason == ""
    assert {g.key: g.value for g in found.given}["operation_attributes.sides.logical_shape[1]"] == 48


@pytest.mark.parametrize(
    "validate",
    [
        pytest.param("TT_FATAL(Shape({7}) == attributes.start);", id="a shape of another rank"),
        pytest.param(
            "TT_FATAL(datatype_to_dataformat_converter(tensors.input.dtype()) == tt::DataFormat::Float32);",
            id="a data format",
        ),
        pytest.param(
            "uint32_t n = attributes.factor; for (uint32_t i = 0; i < 5; ++i) { n = n * 2 + 1; } TT_FATAL(n == 7743);",
            id="a long term",
        ),
    ],
)
def test_a_call_is_found(tmp_path: Path, validate: str) -> None:
    assert checked(tmp_path, validate).reason == ""


SPREAD = (
    "uint32_t part = (attributes.stop[3] - attributes.start[3] + attributes.step[3] - 1) / attributes.step[3];"
    'TT_FATAL(attributes.start[3] < attributes.stop[3] && attributes.step[3] == 2, "not empty");'
    'TT_FATAL((part % 32 == 0) && (attributes.start[3] % 32 == 0), "whole tiles");'
)


def test_a_part_of_whole_tiles(tmp_path: Path) -> None:
    """A check that a long term is whole is walked back to the inputs."""
    text = factory(CREATE, STALE, validate=SPREAD)
    text = text.replace("bool flag = false;", "bool flag = false; Shape start; Shape stop; Shape step;")
    assert facts(tmp_path, text).reason == ""


def two_factories(body: str) -> str:
    """An op whose select_program_factory() has another factory to choose from."""
    text = factory(CREATE, STALE)
    text = text.replace("struct CopyOperation {", "struct CopyOperation {\n    struct OtherFactory {};", 1)
    text = text.replace("std::variant<CopyFactory>", "std::variant<CopyFactory, OtherFactory>")
    text = text.replace("operation_attributes_t&, const tensor_args_t&) {\n        return CopyFactory{};", "X", 1)
    text = text.replace(
        "    static program_factory_t select_program_factory(const X",
        "    static CopyFactory pick() { return CopyFactory{}; }\n"
        "    static program_factory_t select_program_factory(\n"
        f"        const operation_attributes_t& attributes, const tensor_args_t& tensors) {{\n        {body}",
    )
    assert body in text
    return text


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            "if (tensors.input.memory_config().memory_layout() == TensorMemoryLayout::ND_SHARDED) {"
            " return CopyFactory{}; } return OtherFactory{};",
            id="asked for",
        ),
        pytest.param(
            "if (tensors.input.is_sharded()) { if (tensors.input.shard_spec().has_value()) { return OtherFactory{}; }"
            " return CopyFactory{}; } return OtherFactory{};",
            id="sharded without a shard spec of two dimensions",
        ),
        pytest.param(
            "if (tensors.input.nd_shard_spec().has_value() && !tensors.input.shard_spec().has_value()"
            " && tensors.input.nd_shard_spec()->shard_shape.rank() == 4) { return CopyFactory{}; }"
            " return OtherFactory{};",
            id="with one of as many dimensions as the tensor",
        ),
    ],
)
def test_shards_of_more_than_two_dimensions(tmp_path: Path, body: str) -> None:
    found = facts(tmp_path, two_factories(body))
    assert found.reason == ""
    assert "tensor_args.input memory layout is ND_SHARDED" in found.differences[0].when


def test_the_way_to_a_factory(tmp_path: Path) -> None:
    """What the statement stands under, and what leaves the function before it."""
    body = (
        "if (attributes.flag) { return OtherFactory{}; } else { while (attributes.flag) {} }"
        'if (attributes.factor == 1) { attributes.factor; } if (attributes.factor == 2) { TT_THROW("two"); }'
        "if (attributes.factor == 3) { if (attributes.factor == 4) return OtherFactory{}; return CopyFactory{}; }"
        "return OtherFactory{};"
    )
    text = two_factories(body)
    (tmp_path / "op.cpp").write_text(text)
    finder = Finder(interp_of(tmp_path, {}))
    (found,) = [f for f in finder.in_file("op.cpp") if f.name.endswith("CopyFactory")]
    (way,) = ways(found, finder.index)
    conditions = {text.encode()[at:].split(b")")[0].decode(): held for (_, at), held in way.items()}
    assert conditions == {
        "attributes.factor == 2": False,
        "attributes.factor == 3": True,
        "attributes.factor == 4": False,
    }


def test_no_shard_spec_is_no_sharding_or_another() -> None:
    interleaved = {"a.memory_layout": MEMORY_LAYOUTS[0]}
    assert or_nd_sharded([interleaved, {"n": 1}]) == [interleaved, {"n": 1}, {"a.memory_layout": ND_SHARDED}]


@pytest.mark.parametrize(
    ("call", "proposed"),
    [
        ("std::any_of(v.begin(), v.end(), [](uint32_t x) { return x != 1; })", {"v0": 1, "v1": 1, "v2": 1}),
        ("std::any_of(v.begin(), v.end(), [&](uint32_t x) { n += x; return x != 1; })", {"v0": 1}),
    ],
)
def test_all_elements_are_asked_for_at_once(tmp_path: Path, call: str, proposed: dict[str, int]) -> None:
    """But what a predicate does besides is not done for elements that C++ does not come to."""
    numbers = Vec([Val(5 + i, 1 << i, f"v{i}") for i in range(3)])
    code = f"auto f(const std::vector<uint32_t>& v) {{ uint32_t n = 0; return std::make_tuple({call}, n); }}"
    found = run(tmp_path, code, args=(numbers,)).value
    assert want(found.items[0], False)[0] == proposed
    assert plain(found.items[1]) in (0, 5)


def test_what_a_check_is_about_need_not_be_given(tmp_path: Path) -> None:
    code = """
        void f(const std::optional<uint32_t>& mask, uint32_t n) {
            if (mask.has_value()) { if (n > 3) { TT_FATAL(n == 0, ""); } }
        }
    """
    mask, number = Opt(7, 1, "mask.has_value"), Val(5, 2, "n")
    with pytest.raises(Thrown) as thrown:
        run(tmp_path, code, args=(mask, number))
    assert thrown.value.repairs == ({"n": 0},)
    assert thrown.value.otherwise == ({"n": 3}, {"mask.has_value": False})


def test_a_tensor_has_no_side_of_0(tmp_path: Path) -> None:
    assert checked(tmp_path, 'TT_FATAL(tensors.input.logical_shape()[0] == 0, "empty");').reason == REFUSED


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("return OtherFactory{};", NEVER, id="another"),
        pytest.param("return OtherFactory();", NEVER, id="called"),
        pytest.param("return CopyOperation::OtherFactory{};", NEVER, id="qualified"),
        pytest.param("return attributes.flag ? OtherFactory{} : OtherFactory{};", NEVER, id="both sides"),
        pytest.param('if (attributes.flag) { return OtherFactory{}; } TT_THROW(""); return {};', NEVER, id="thrown"),
        pytest.param("auto f = [] { return CopyFactory{}; }; return OtherFactory{};", NEVER, id="of a lambda"),
        pytest.param("if (attributes.factor == 77) { return CopyFactory{}; } return OtherFactory{};", "", id="this"),
        pytest.param("return attributes.flag ? OtherFactory{} : CopyFactory{};", "", id="one side"),
        pytest.param("if (attributes.flag) { return OtherFactory{}; } return {};", "", id="the first of the variant"),
        pytest.param("if (attributes.flag) { return OtherFactory{}; } return pick();", "", id="a helper"),
    ],
)
def test_a_factory_that_nothing_selects_is_told(tmp_path: Path, body: str, reason: str) -> None:
    found = facts(tmp_path, two_factories(body))
    assert found.reason == reason
    (difference,) = found.differences
    assert (difference.confidence is Confidence.CERTAIN) is (not reason)


class Chain(Search):
    """A search in a made-up op whose one check asks for the next of some values, until it has the last one."""

    def __init__(self, root: Path, steps: list[Value]) -> None:
        (root / "op.cpp").write_text(factory())
        interp = interp_of(root, {})
        super().__init__(interp, Finder(interp).in_file("op.cpp")[0], Budget())
        self.chain = steps

    def attempt(self, replay: Any, seed: int, forced: Decisions) -> tuple[Any, list[tuple[bool, Decisions]]]:
        at = self.chain.index(forced.get("kind", self.chain[0])) + 1
        self.last = Thrown("the same check", 0, ())
        return ("reached", []) if at == len(self.chain) else (None, [(True, {"kind": self.chain[at]})])


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        pytest.param([Enum("Kind", name) for name in "abcdefgh"], True, id="of a few choices each is a step on"),
        pytest.param([1, 2, 4, 8, 16, 32, 64, 128], False, id="another number is not"),
    ],
)
def test_what_counts_as_getting_further(tmp_path: Path, steps: list[Value], found: bool) -> None:
    solved = Chain(tmp_path, steps).solve(None, 0, {}, {}, 10)  # type: ignore[arg-type]
    assert (solved is not None) is found


def test_a_lesson_is_forgotten_when_another_check_contradicts_it(tmp_path: Path) -> None:
    search = Chain(tmp_path, [])
    search.learned = {}
    search.learn([{"a": True}])
    search.learn([{"b": True}, {"c": True}])  # one of them is enough
    search.learn([{"d": 4}])
    assert search.learned == {"a": True}
    search.learn([{"a": False}, {"b": True}])
    search.learn([{"a": True}])
    assert search.learned == {"a": None}


def test_what_is_learned_holds_for_all_that_follows(tmp_path: Path) -> None:
    search = Chain(tmp_path, [False, True])
    search.learned = {"kind": True, "other": None}
    solved = search.solve(None, 0, {}, {}, 10)  # type: ignore[arg-type]
    assert solved is not None
    assert solved[1] == {"kind": True}


def test_a_way_to_work_with_many_checks_of_its_own_is_explored(tmp_path: Path) -> None:
    """A flag that the base path has off, and each of a dozen checks behind it asks for another number."""
    numbers = range(12)
    members = "bool flag = false; " + " ".join(f"uint32_t n{i} = 0;" for i in numbers)
    checks = " ".join(f"TT_FATAL(attributes.n{i} == {40 + i}, );" for i in numbers)
    refresh = REFRESH.replace(
        "GetRuntimeArgs(program, shared.reader", "if (!attributes.flag) GetRuntimeArgs(program, shared.reader"
    )
    text = factory(CREATE, refresh, validate=f"if (attributes.flag) {{ {checks} }}")
    found = facts(tmp_path, text.replace("bool flag = false;", members)).differences
    assert [(d.slot.name, d.when) for d in found if d.confidence is not Confidence.POSSIBLE] == [
        ("reader arg 0", ("operation_attributes.flag is true",))
    ]


def test_a_flip_for_which_the_factory_has_to_be_found_again(tmp_path: Path) -> None:
    """With the mask there are two sides to make 1 before this factory is selected, and checks on the way to that."""
    body = (
        "if (!tensors.mask.has_value()) { return CopyFactory{}; }"
        "const auto a = tensors.input.logical_shape(); const auto b = tensors.mask->logical_shape();"
        "if (a[-2] == b[-2] and a[-1] == b[-1]) { return OtherFactory{}; }"
        "if (b[-2] == 1 or b[-1] == 1) { if (b[-2] == 1 and b[-1] == 1) { return CopyFactory{}; } }"
        "return OtherFactory{};"
    )
    validate = (
        "const auto a = tensors.input.logical_shape();"
        "const auto b = tensors.mask.has_value() ? tensors.mask->logical_shape() : ttnn::Shape{1, 1};"
        'TT_FATAL(a[-2] == b[-2] || a[-2] == 1 || b[-2] == 1, "height");'
        'TT_FATAL(a[-1] == b[-1] || a[-1] == 1 || b[-1] == 1, "width");'
    )
    text = two_factories(body).replace("tensors) {\n        \n", f"tensors) {{\n        {validate}\n")
    assert validate in text
    text = text.replace("{tensors.input.buffer()->address(), 4}", "{tensors.input.buffer()->address(), mask}")
    text = text.replace(
        "auto cores =",
        "const uint32_t mask = tensors.mask.has_value() ? tensors.mask->buffer()->address() : 0; auto cores =",
    )
    found = facts(tmp_path, text)
    assert {d.slot.name for d in found.differences} == {"reader arg 1", "writer arg 0"}
