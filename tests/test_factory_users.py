"""Which factories a changed file belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tt_cache_lint import engine
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.factory.users import op_folder

OPS = "ttnn/cpp/ttnn/operations"
FACTORY = """
#include "{name}_device_operation.hpp"
#include "ttnn/operations/common/split.hpp"
#include "../../../stray.hpp"
Op::Factory::cached_program_t Op::Factory::create(const Attributes& a, const Args& t, Tensor& out) {{
    Program program = CreateProgram();
    auto reader = CreateKernel(program, {kernel}, cores, ReaderDataMovementConfig({{}}));
    return {{std::move(program), {{reader}}}};
}}
void Op::Factory::override_runtime_arguments(cached_program_t& c, const Attributes& a, const Args& t, Tensor& out) {{}}
"""
OPERATION = """#pragma once
#include "{name}_types.hpp"
struct Op {{
    struct Factory {{
        struct shared_variables_t {{ KernelHandle reader; }};
        using cached_program_t = CachedProgram<shared_variables_t>;
    }};
}};
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two ops, `left` and `right`; what they share; and files that nobody uses."""
    kernels = {"left": f'"{OPS}/left/device/kernels/reader.cpp"', "right": 'fmt::format("{}/move.cpp", FOLDER)'}
    files = {
        f"{OPS}/common/split.hpp": '#include "ttnn/operations/common/deep.hpp"\n',
        f"{OPS}/common/split.cpp": '#include "split.hpp"\n#include "only_here.hpp"\n',
        f"{OPS}/common/deep.hpp": "",
        f"{OPS}/common/only_here.hpp": "",
        f"{OPS}/common/unused.hpp": "",
        f"{OPS}/left/left.hpp": '#include "device/left_device_operation.hpp"\n',
        f"{OPS}/left/device/kernels/reader.cpp": '#include "tools.h"\n',
        f"{OPS}/left/device/kernels/tools.h": "",
        f"{OPS}/left/device/kernels/unnamed.cpp": "",
        f"{OPS}/right/device/kernels/move.cpp": "",
        "kernel/copy.cpp": "",
        "build/copy.txt": f'"{OPS}/left/device/kernels/unnamed.cpp"',
    }
    for name, kernel in kernels.items():
        folder = f"{OPS}/{name}/device"
        files[f"{folder}/{name}_types.hpp"] = ""
        files[f"{folder}/{name}_device_operation.hpp"] = OPERATION.format(name=name)
        files[f"{folder}/{name}_device_operation.cpp"] = f'#include "{name}_device_operation.hpp"\n'
        files[f"{folder}/{name}_program_factory.cpp"] = FACTORY.format(name=name, kernel=kernel)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def checked(root: Path, *paths: str) -> list[str]:
    """The ops whose factories are analysed when these files are checked."""
    analysis = analyse(root, [root / path for path in paths], Options())
    return [facts.path.split("/")[-3] for facts in analysis.facts]


@pytest.mark.parametrize(
    ("path", "ops"),
    [
        ("left/device/left_program_factory.cpp", ["left"]),
        ("left/device/left_device_operation.hpp", ["left"]),
        ("left/device/left_device_operation.cpp", ["left"]),
        ("left/device/left_types.hpp", ["left"]),
        ("left/device/kernels/reader.cpp", ["left"]),
        ("left/device/kernels/tools.h", ["left"]),
        ("right/device/kernels/move.cpp", ["right"]),
        ("common/split.hpp", ["left", "right"]),
        ("common/split.cpp", ["left", "right"]),
        ("common/deep.hpp", ["left", "right"]),
        ("common/only_here.hpp", ["left", "right"]),
        ("left/left.hpp", []),
        ("left/device/kernels/unnamed.cpp", []),
        ("common/unused.hpp", []),
    ],
)
def test_a_file_leads_to_its_factories(root: Path, path: str, ops: list[str]) -> None:
    assert checked(root, f"{OPS}/{path}") == ops


def test_an_operation_leads_to_factories_that_do_not_know_it(root: Path) -> None:
    """They stand in a folder of their own and include only the types of the op."""
    folder = root / OPS / "left/device"
    (folder / "program_factory").mkdir()
    header, source = folder / "program_factory/only.hpp", folder / "program_factory/only.cpp"
    (folder / "left_program_factory.cpp").unlink()
    text = FACTORY.format(name="left", kernel='"a.cpp"').replace("left_device_operation.hpp", "only.hpp")
    source.write_text(text)
    header.write_text("#pragma once\n" + OPERATION.format(name="../left"))
    (folder / "left_device_operation.hpp").write_text('#pragma once\n#include "program_factory/only.hpp"\n')
    for path in ("left_device_operation.hpp", "left_device_operation.cpp"):
        analysis = analyse(root, [folder / path], Options())
        assert [facts.path for facts in analysis.facts] == [f"{OPS}/left/device/program_factory/only.cpp"]


def test_a_factory_is_analysed_once(root: Path) -> None:
    device = f"{OPS}/left/device"
    names = ("left_types.hpp", "left_program_factory.cpp", "left_device_operation.cpp", "kernels/reader.cpp")
    assert checked(root, *(f"{device}/{name}" for name in names)) == ["left"]


def test_what_is_left_out_of_a_widely_shared_file_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MOST_USERS", 1)
    analysis = analyse(root, [root / OPS / "common/split.hpp"], Options())
    assert [facts.path.split("/")[-3] for facts in analysis.facts] == ["left"]
    assert [(p.path, p.message) for p in analysis.problems] == [
        (
            f"{OPS}/common/split.hpp",
            "2 files with factories use it; the 1 nearest were checked, check a folder to see the others",
        )
    ]


def test_nothing_outside_the_root_is_read_for_it(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "user.hpp").write_text('#include "ttnn/operations/common/unused.hpp"\n')
    (root / OPS / "common/link.hpp").symlink_to(outside / "user.hpp")
    (root / OPS / "left/device/left_types.hpp").write_text('#include "ttnn/operations/common/link.hpp"\n')
    (root / OPS / "common/folder").symlink_to(outside, target_is_directory=True)
    (root / OPS / "common/loop").symlink_to(root / OPS, target_is_directory=True)
    assert checked(root, f"{OPS}/common/unused.hpp") == []


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("a/op/device/x.cpp", "a/op"),
        ("a/op/device/kernels/dataflow/x.cpp", "a/op"),
        ("a/op/x.hpp", "a/op"),
        ("a/op/kernels/x.cpp", "a/op"),
        ("x.cpp", ""),
    ],
)
def test_the_folder_of_an_op(path: str, folder: str) -> None:
    assert op_folder(path) == folder
