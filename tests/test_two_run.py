"""Generated two-run tests: they are Python that a linter accepts, they run, and they fail for the right reason."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import bound_op
import fake_ttnn
from tt_cache_lint.call import CallArgument, Given, OpCall
from tt_cache_lint.check import run_check
from tt_cache_lint.cli import main
from tt_cache_lint.engine import Options
from tt_cache_lint.model import Confidence, FactoryFacts, Finding, Place, Severity
from tt_cache_lint.report import two_run
from tt_cache_lint.report.python_text import comment, literal, snake

REPO = Path(__file__).parents[1]
TREE = "TT_METAL_TREE"  # a checkout of tt-metal, for the test over all of its findings
ALL = {"param", "grad", "out", "lr", "step"}
RUFF = """line-length = 120
lint.select = ["E", "F", "W", "I", "B", "UP", "C4", "PT", "RET"]
lint.isort.known-first-party = ["ttnn", "tests"]
"""


def accepted(folder: Path, files: dict[str, str]) -> None:
    """All compile, and ruff finds nothing to say about style or layout."""
    assert files
    for name, text in files.items():
        compile(text, name, "exec")
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "ruff.toml").write_text(RUFF)
    for command in (["check", "--no-cache"], ["format", "--no-cache", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def generated(root: Path, *paths: Path, budget: int = 4) -> tuple[list[Finding], dict[str, str]]:
    """The findings in some paths, and the test files for them, by a name of their own."""
    run = run_check(root, paths, show_possible=True, options=Options(paths_budget=budget, calls=True))
    made: dict[str, str] = {}
    for number, facts in enumerate(run.factories):
        made |= {f"{number}_{name}": text for name, text in two_run.files([facts], run.findings).items()}
    return list(run.findings), made


def names_of(text: str) -> list[str]:
    return [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]


# -- what is written ---------------------------------------------------------------------------------------------------


def test_every_finding_of_the_fixtures_has_a_test(tmp_path: Path) -> None:
    findings, files = generated(REPO, *sorted(REPO.glob("fixtures/*/bad_*")))
    accepted(tmp_path, files)
    # A place that one world shows together has one test; each finding is named by the test that shows it.
    said = "\n".join(" ".join(line.strip().removeprefix("# ") for line in text.splitlines()) for text in files.values())
    loud = [finding for finding in findings if finding.id not in two_run.SILENT]
    assert len(loud) > 45
    for finding in loud:
        assert " ".join(two_run.said(finding).split()) in said


@pytest.mark.skipif(TREE not in os.environ, reason=f"{TREE} names no checkout of tt-metal")
def test_every_finding_of_a_checkout_has_a_test(tmp_path: Path) -> None:
    root = Path(os.environ[TREE])
    findings, files = generated(root, root / "ttnn/cpp/ttnn/operations", budget=64)
    assert len(findings) > 50
    accepted(tmp_path, files)


def test_the_call_is_the_binding_s(tmp_path: Path) -> None:
    factory = bound_op.write(tmp_path)
    done = CliRunner().invoke(main, ["pytest", f"{factory}::ProgramFactory"])
    assert done.exit_code == 0, done.output
    accepted(tmp_path, {"test_it.py": done.output})
    text = " ".join(done.output.split())
    assert "def run_momentum_step(device, torch_inputs, *, lr, step):" in text
    assert "grad = ttnn.from_torch( torch_inputs[1], dtype=ttnn.bfloat16, layout=ttnn.TILE_LAYOUT," in text
    assert "output = ttnn.operations.momentum_step(" in text
    assert "param, grad, velocity, lr=lr, momentum=2.0, step=step, nesterov=False," in text
    assert "lambda: run_momentum_step(device, first, lr=2.0, step=1)," in text
    assert "lambda: run_momentum_step(device, second, lr=2.5, step=2)," in text
    assert "# FILL IN: a golden function for ttnn.operations.momentum_step" in text  # one marked line
    assert text.count("FILL IN") == 1


def test_a_golden_function_is_asked(tmp_path: Path) -> None:
    factory = bound_op.write(tmp_path)
    python = tmp_path / "ttnn/ttnn/operations/moreh.py"
    python.write_text("import os; os.abort()\nttnn.attach_golden_function(ttnn.operations.momentum_step, golden)\n")
    text = " ".join(CliRunner().invoke(main, ["pytest", str(factory)]).output.split())
    assert (
        "golden = ttnn.get_golden_function(ttnn.operations.momentum_step)( second[0], second[1], second[2], lr=2.5,"
        in text
    )
    assert "assert_with_pcc(golden, hit[0], 0.99)" in text
    assert "from tests.ttnn.utils_for_testing import assert_with_pcc" in text
    assert "FILL IN" not in text


def test_without_a_binding_the_name_is_marked(tmp_path: Path) -> None:
    factory = bound_op.write(tmp_path, binding="")
    text = CliRunner().invoke(main, ["pytest", str(factory)]).output
    assert "# FILL IN: no Python binding was found that runs MomentumStepOperation; the name is a guess." in text
    assert "output = ttnn.momentum_step(param, grad, velocity, lr=lr, step=step)" in text


def test_files_are_written_beside_a_report(tmp_path: Path) -> None:
    factory = bound_op.write(tmp_path / "tree")
    done = CliRunner().invoke(main, ["check", str(factory), "--write-test", str(tmp_path / "new/tests")])
    assert done.exit_code == 1, done.output
    written = tmp_path / "new/tests/test_momentum_step_program_cache.py"
    assert names_of(written.read_text()) == ["test_momentum_step_cache_hit"]
    assert str(written) in done.output


def test_a_file_that_stands_there_is_kept(tmp_path: Path) -> None:
    factory = bound_op.write(tmp_path / "tree")
    own = tmp_path / "test_momentum_step_program_cache.py"
    own.write_text("# mine\n")
    done = CliRunner().invoke(main, ["check", str(factory), "--write-test", str(tmp_path)])
    assert done.exit_code == 2
    assert "is there already" in done.output
    assert own.read_text() == "# mine\n"


def test_nothing_to_show(tmp_path: Path) -> None:
    good = REPO / "fixtures/stale-scalar/good_seed_per_core"
    done = CliRunner().invoke(main, ["check", str(good), "--write-test", str(tmp_path)])
    assert done.exit_code == 0
    assert list(tmp_path.iterdir()) == []
    file = next(good.glob("*factory.cpp"))
    printed = CliRunner().invoke(main, ["pytest", str(file)])
    assert (printed.exit_code, printed.output) == (0, "# No finding here that two calls can show.\n")


# -- what it needs -----------------------------------------------------------------------------------------------------

PLACE = Place("ttnn/cpp/op/device/op_program_factory.cpp", 12)


def facts(given: list[Given], arguments: list[CallArgument]) -> tuple[FactoryFacts, Finding]:
    call = OpCall("ttnn.op", "OpDeviceOperation", tuple(arguments))
    one = FactoryFacts("OpDeviceOperation::Sharded", "typed", PLACE.path, 1, given=tuple(given), call=call)
    finding = Finding(
        "TTC301",
        "stale-buffer-address",
        Severity.ERROR,
        Confidence.CERTAIN,
        "Stale.",
        PLACE,
        one.factory,
        "reader arg 0",
    )
    return one, finding


def tensor(key: str, **words: object) -> list[Given]:
    """A tensor of a world."""
    usual: dict[str, object] = {"dtype": "BFLOAT16", "layout": "TILE", "memory_layout": "INTERLEAVED", **words}
    shape = usual.pop("shape", (1, 1, 64, 128))
    assert isinstance(shape, tuple)
    found = [Given(f"{key}.rank", len(shape))]
    found += [Given(f"{key}.logical_shape[{at}]", side) for at, side in enumerate(shape)]
    found += [Given(f"{key}.{name.replace('__', '.')}", value) for name, value in usual.items()]  # type: ignore[arg-type]
    return found


def written(tmp_path: Path, given: list[Given], arguments: list[CallArgument]) -> str:
    one, finding = facts(given, arguments)
    files = two_run.files([one], [finding])
    accepted(tmp_path, files)
    return next(iter(files.values()))


INPUT = CallArgument("input", "Tensor", feeds=("tensor_args.input",))


@pytest.mark.parametrize(("start", "columns", "given"), [(1, 4, True), (1, 1, False)])
def test_the_cores_of_shards_are_those_of_the_world(tmp_path: Path, start: int, columns: int, given: bool) -> None:
    """Cores that cannot hold all shards are not taken."""
    sharded = tensor("tensor_args.input", memory_layout="HEIGHT_SHARDED", buffer_type="L1")
    sharded += [Given(f"tensor_args.input.shard_spec.shape[{at}]", side) for at, side in enumerate((32, 128))]
    sides = {"x": start, "y": 0, "columns": columns, "rows": 1}
    sharded += [Given(f"tensor_args.input.shard_spec.grid.{side}", value) for side, value in sides.items()]
    text = " ".join(written(tmp_path, sharded, [INPUT]).split())
    assert (f"ttnn.CoreRange(ttnn.CoreCoord({start}, 0), ttnn.CoreCoord({start + columns - 1}, 0))" in text) is given


@pytest.mark.parametrize(
    ("layout", "shard", "cores"),
    [("HEIGHT_SHARDED", (32, 128), (1, 0)), ("WIDTH_SHARDED", (64, 32), (3, 0)), ("BLOCK_SHARDED", (32, 64), (1, 1))],
)
def test_sharded_inputs(tmp_path: Path, layout: str, shard: tuple[int, int], cores: tuple[int, int]) -> None:
    sharded = tensor("tensor_args.input", memory_layout=layout, buffer_type="L1")
    sharded += [Given(f"tensor_args.input.shard_spec.shape[{at}]", side) for at, side in enumerate(shard)]
    text = " ".join(written(tmp_path, sharded, [INPUT]).split())
    name = f"{layout}_{shard[0]}X{shard[1]}"
    assert f"{name} = ttnn.MemoryConfig( ttnn.TensorMemoryLayout.{layout}, ttnn.BufferType.L1," in text
    assert f"ttnn.CoreRange(ttnn.CoreCoord(0, 0), ttnn.CoreCoord{cores})" in text
    assert f"({shard[0]}, {shard[1]}), ttnn.ShardOrientation.ROW_MAJOR" in text
    assert f"memory_config={name}" in text
    assert "device, lambda: run_op_sharded(device, first)" in text
    assert "ttnn.L1_MEMORY_CONFIG ) for actual" in text  # the dummy goes where the sharded tensor is


def test_an_input_sharded_in_all_its_dimensions(tmp_path: Path) -> None:
    sharded = tensor("tensor_args.input", memory_layout="ND_SHARDED", buffer_type="L1")
    sharded += [Given(f"tensor_args.input.shard_spec.shape[{at}]", side) for at, side in enumerate((32, 128))]
    text = " ".join(written(tmp_path, sharded, [INPUT]).split())
    assert "ND_SHARDED_32X128 = ttnn.MemoryConfig( ttnn.BufferType.L1, ttnn.NdShardSpec(" in text
    assert "ttnn.Shape([1, 1, 32, 128]), ttnn.CoreRangeSet({ttnn.CoreRange(ttnn.CoreCoord(0, 0)," in text
    assert "memory_config=ND_SHARDED_32X128" in text


def test_optional_inputs_are_given_when_the_world_has_them(tmp_path: Path) -> None:
    bias = CallArgument(
        "bias", "Tensor", optional=True, default="nb::none()", keyword=True, feeds=("tensor_args.bias",)
    )
    mask = CallArgument(
        "mask", "Tensor", optional=True, default="nb::none()", keyword=True, feeds=("tensor_args.mask",)
    )
    there = [Given("tensor_args.bias.has_value", True), Given("tensor_args.mask.has_value", False)]
    there += [
        *tensor("tensor_args.input"),
        *tensor("tensor_args.bias", dtype="FLOAT32", layout="ROW_MAJOR", shape=(128,)),
    ]
    text = written(tmp_path, there, [INPUT, mask, bias])
    assert "output = ttnn.op(input, bias=bias)" in text
    assert "torch.rand((128,), dtype=torch.float32)" in text
    assert "mask" not in text


def test_several_scalars_change_between_the_calls(tmp_path: Path) -> None:
    given = [Given("operation_attributes.seed", 3, 4), Given("operation_attributes.rate", 0.5, 1.0)]
    given += [Given("operation_attributes.dim", 2), Given("operation_attributes.lost", 1, 2)]
    arguments = [
        INPUT,
        CallArgument("dim", "int32_t"),
        CallArgument("seed", "uint32_t"),
        CallArgument("p", "float", feeds=("operation_attributes.rate",)),
    ]
    text = written(tmp_path, [*tensor("tensor_args.input"), *given], arguments)
    assert "output = ttnn.op(input, dim=2, seed=seed, p=p)" in text
    assert "lambda: run_op_sharded(device, first, seed=3, p=0.5)" in text
    assert "lambda: run_op_sharded(device, second, seed=4, p=1.0)" in text
    assert "# FILL IN: the hash leaves out operation_attributes.lost; give the second call 2 instead of 1." in text


def test_many_scalars_and_long_names_keep_to_the_width(tmp_path: Path) -> None:
    names = [f"coefficient_number_{number}" for number in range(9)]
    given = [Given(f"operation_attributes.{name}", 0.5, 1.0) for name in names]
    arguments = [INPUT, *(CallArgument(name, "float") for name in names)]
    text = written(tmp_path, [*tensor("tensor_args.input"), *given], arguments)
    assert text.count("coefficient_number_8=1.0") == 1


def test_semaphores_are_made_for_each_call(tmp_path: Path) -> None:
    arguments = [INPUT, CallArgument("ready", "GlobalSemaphore"), CallArgument("links", "GlobalSemaphore", items=True)]
    text = written(tmp_path, tensor("tensor_args.input"), arguments)
    made = "ttnn.create_global_semaphore(device, SEMAPHORE_CORES, 0)"
    assert f"    ready = {made}\n    links = [\n        {made},\n        {made},\n    ]\n" in text
    assert "    output = ttnn.op(input, ready=ready, links=links)\n    return [input], output, ready, links\n" in text
    long = [CallArgument(f"a_semaphore_with_a_long_name_{n}", "GlobalSemaphore") for n in range(4)]
    assert "    return (\n        [input],\n        output,\n" in written(
        tmp_path, tensor("tensor_args.input"), [INPUT, *long]
    )


def test_a_mesh_op_runs_on_a_mesh(tmp_path: Path) -> None:
    one, finding = facts(tensor("tensor_args.input"), [INPUT, CallArgument("mesh_device", "MeshDevice")])
    files = two_run.files([replace(one, infra="mesh")], [finding])
    accepted(tmp_path, files)
    text = next(iter(files.values()))
    assert (
        '@pytest.mark.parametrize("mesh_device", [(1, 2)], indirect=True)\ndef test_op_sharded_cache_hit(mesh_device):'
        in text
    )
    assert "mesh_mapper=ttnn.ReplicateTensorToMesh(mesh_device)," in text
    assert "output = ttnn.op(input, mesh_device)" in text


def test_many_tensors_keep_to_the_width(tmp_path: Path) -> None:
    for count in range(1, 12):
        names = [f"a_tensor_with_a_name_{number}" for number in range(count)]
        folder = tmp_path / str(count)
        folder.mkdir()
        written(folder, [], [CallArgument(name, "Tensor") for name in names])


def test_every_width_is_laid_out_as_ruff_does(tmp_path: Path) -> None:
    files: dict[str, str] = {}
    for length in range(1, 70):
        shape = (1,) * (length // 3) + (10 ** (length % 3 + 1),)
        given = [*tensor("tensor_args.input", shape=shape), *tensor("tensor_args.other", shape=shape)]
        name = "s" * length
        arguments = [INPUT, CallArgument("other", "Tensor"), CallArgument(name, "GlobalSemaphore")]
        arguments += [CallArgument(f"{name}{n}", "float", feeds=(f"operation_attributes.{name}{n}",)) for n in range(2)]
        given += [Given(f"operation_attributes.{name}{n}", 0.5, 1.0) for n in range(2)]
        one, finding = facts(given, arguments)
        files[f"test_{length}.py"] = next(iter(two_run.files([one], [finding]).values()))
    accepted(tmp_path, files)


def test_what_cannot_be_told_is_marked(tmp_path: Path) -> None:
    arguments = [INPUT, CallArgument("program_config", "MatmulProgramConfig"), CallArgument("dims", "int", items=True)]
    text = written(tmp_path, tensor("tensor_args.input"), arguments)
    assert "program_config=None,  # FILL IN: MatmulProgramConfig" in text
    assert "dims=None,  # FILL IN: a sequence of int" in text


# -- bad input ---------------------------------------------------------------------------------------------------------

HOSTILE = 'x\n    import os; os.abort()  # """ \\ \u2028 \x1b[31m {0}'


def test_nothing_from_the_sources_becomes_code(tmp_path: Path) -> None:
    arguments = [
        CallArgument(HOSTILE, "Tensor", feeds=("tensor_args.input",)),
        CallArgument("class", "uint32_t", keyword=True),
        CallArgument("device", "float"),
        CallArgument("mode", f"Mode{HOSTILE}", feeds=("operation_attributes.mode",)),
        CallArgument("kind", f"Kind{HOSTILE}"),
    ]
    given = [
        *tensor("tensor_args.input"),
        Given("operation_attributes.mode", HOSTILE),
        Given(HOSTILE, 1, 2),
        Given(f"operation_attributes.{HOSTILE}", HOSTILE, "x"),
    ]
    one, finding = facts(given, arguments)
    bad = Finding(
        finding.id, finding.rule, finding.severity, finding.confidence, HOSTILE, Place(HOSTILE, 1), one.factory, HOSTILE
    )
    renamed = FactoryFacts(one.factory, "typed", HOSTILE, 1, given=one.given, call=one.call)
    unbound = FactoryFacts(
        one.factory, "typed", HOSTILE, 1, given=one.given, call=OpCall(f"ttnn.{HOSTILE}", HOSTILE, tuple(arguments))
    )
    for number, case in enumerate((renamed, unbound)):
        folder = tmp_path / str(number)
        folder.mkdir()
        files = two_run.files([case], [bad])
        accepted(folder, files)
        (name, text), *_ = files.items()
        assert name.isascii()
        assert "/" not in name
        tree = ast.parse(text)
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "abort"]
        assert [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names] == [
            "torch",
            "ttnn",
        ]


def test_pieces() -> None:
    assert snake("MultiCoreDRAMFold") == "multi_core_dram_fold"
    assert snake("Übel::é") == "bel"
    assert ast.literal_eval(literal(HOSTILE)) == HOSTILE
    assert literal(float("inf")) == 'float("inf")'
    assert all(line.startswith("    # ") and line.isprintable() for line in comment(f"{HOSTILE} " * 20, "    "))


# -- does it work ------------------------------------------------------------------------------------------------------


def executed(text: str, op: fake_ttnn.Op, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a generated file's only test."""
    for name, module in fake_ttnn.modules(op).items():
        monkeypatch.setitem(sys.modules, name, module)
    space: dict[str, object] = {}
    exec(compile(text, "generated", "exec"), space)
    (name,) = names_of(text)
    test = space[name]
    assert callable(test)
    test(fake_ttnn.Device())


@pytest.fixture(scope="module")
def momentum_test(tmp_path_factory: pytest.TempPathFactory) -> str:
    factory = bound_op.write(tmp_path_factory.mktemp("tree"))
    return CliRunner().invoke(main, ["pytest", str(factory)]).output


def test_it_passes_for_an_op_that_refreshes_all(momentum_test: str, monkeypatch: pytest.MonkeyPatch) -> None:
    executed(momentum_test, fake_ttnn.momentum_step(ALL), monkeypatch)


@pytest.mark.parametrize("stale", sorted(ALL))
def test_it_fails_for_an_op_that_forgets_one(momentum_test: str, stale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        executed(momentum_test, fake_ttnn.momentum_step(ALL - {stale}), monkeypatch)


def test_it_fails_when_the_second_call_misses(momentum_test: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="has to be a cache hit"):
        executed(momentum_test, fake_ttnn.momentum_step(ALL, hashed={"step"}), monkeypatch)


def test_the_readme_shows_what_is_written() -> None:
    readme = (REPO / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("```python\n")[2].partition("```")[0]
    factory = bound_op.FIXTURE / "momentum_step_program_factory.cpp"
    assert shown
    assert shown in CliRunner().invoke(main, ["pytest", str(factory)]).output
