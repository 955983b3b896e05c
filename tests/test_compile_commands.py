"""A compile database comes with the tree: what it says is taken with care."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixture_driver import FIXTURES
from tt_cache_lint.source import compile_commands
from tt_cache_lint.source.compile_commands import CompileCommandsError, read


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / "include").mkdir()
    (root / "src" / "a.cpp").write_text("")
    (root / "force.hpp").write_text("")
    return root


def write(root: Path, entries: Any) -> Path:
    (root / "compile_commands.json").write_text(json.dumps(entries))
    return root


def arguments(root: Path, *given: str) -> tuple[str, ...]:
    write(root, [{"directory": str(root), "file": "src/a.cpp", "arguments": ["c++", *given]}])
    return read(root, root).units["src/a.cpp"].arguments


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["-Iinclude"], ["-I", "include"]),
        (["-I", "include"], ["-I", "include"]),
        (["-isystem", "include"], ["-isystem", "include"]),
        (["-isysteminclude"], ["-isystem", "include"]),
        (["-DX=1", "-D", "Y", "-UZ"], ["-DX=1", "-DY", "-UZ"]),
        (["-std=c++20"], ["-std=c++20"]),
        (["-include", "force.hpp"], ["-include", "force.hpp"]),
        (["-I/usr/include/x"], ["-I", "/usr/include/x"]),
        (["-O2", "-c", "-o", "a.o", "src/a.cpp", "-Wall"], []),
    ],
)
def test_what_names_headers_and_macros_is_kept(tree: Path, given: list[str], kept: list[str]) -> None:
    local = {"include", "force.hpp"}
    assert list(arguments(tree, *given)) == [str(tree / item) if item in local else item for item in kept]


@pytest.mark.parametrize(
    "given",
    [
        ["-fplugin=evil.so"],
        ["-fpass-plugin=evil.so"],
        ["-Xclang", "-load", "-Xclang", "evil.so"],
        ["-load", "evil.so"],
        ["-fplugin-arg-evil-x"],
        ["-wrapper", "sh,-c,evil"],
        ["-B."],
        ["--sysroot=."],
        ["-specs=evil.specs"],
        ["@evil.rsp"],
        ["-o", "/tmp/written"],
        ["-MF", "/tmp/written", "-MD"],
        ["-include-pch", "evil.pch"],
        ["-fmodule-file=evil.pcm"],
        ["-ivfsoverlay", "evil.yaml"],
        ["-resource-dir", "."],
        ["--config", "evil.cfg"],
        ["-D", "-fplugin=evil.so"],
        ["-I", "-fplugin=evil.so"],
        ["-include", "/etc/passwd"],
        ["-include", "../outside.hpp"],
        ["-I/root/elsewhere"],
        ["-I/usr/include/../../root"],
        ["-I/usr/../root"],
        ["-I.."],
    ],
)
def test_what_could_load_run_or_read_anything_is_dropped(tree: Path, given: list[str]) -> None:
    assert arguments(tree, *given) == ()


def test_links_do_not_lead_out(tree: Path) -> None:
    (tree / "link").symlink_to("/root")
    (tree / "src" / "b.cpp").symlink_to("/etc/passwd")
    assert arguments(tree, "-Ilink") == ()
    write(tree, [{"directory": ".", "file": "src/b.cpp", "arguments": ["c++"]}])
    assert read(tree, tree).units == {}


def test_command_line_as_text(tree: Path) -> None:
    write(tree, [{"directory": "src", "file": "a.cpp", "command": "c++ '-DX=a b' -I../include -c a.cpp"}])
    assert read(tree, tree).units["src/a.cpp"].arguments == ("-DX=a b", "-I", str(tree / "include"))


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [None, 1, "x", [], {}],
        [{"file": 3}],
        [{"file": "../outside.cpp", "directory": "."}],
        [{"file": "/etc/passwd", "directory": "/"}],
        [{"file": "src/a.cpp\0", "directory": "."}],
        [{"file": "src/a.cpp", "directory": 7}],
        [{"file": "src/a.cpp", "directory": ".", "command": "'unclosed"}],
        [{"file": "src/a.cpp", "directory": ".", "arguments": ["c++", 3]}],
        [{"file": "src/a.cpp", "directory": ".", "arguments": "c++"}],
    ],
)
def test_entries_that_cannot_be_used_are_said_to_be_ignored(tree: Path, entries: Any) -> None:
    found = read(write(tree, entries), tree)
    assert found.units == {}
    assert found.ignored


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b"{}", "no list"),
        (b"[" + b"0," * 100_000 + b"0]", "more than 100000 entries"),
    ],
)
def test_file_that_is_no_database(tree: Path, data: bytes, message: str) -> None:
    (tree / "compile_commands.json").write_bytes(data)
    with pytest.raises(CompileCommandsError, match=message):
        read(tree, tree)


def test_file_of_absurd_size(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_commands, "MAX_BYTES", 10)
    with pytest.raises(CompileCommandsError, match="it has more than"):
        read(write(tree, [{"file": "src/a.cpp"}]), tree)


def test_no_file(tree: Path) -> None:
    with pytest.raises(CompileCommandsError, match="there is no such file"):
        read(tree, tree)


def test_units_for_a_header_are_the_nearest(tree: Path) -> None:
    names = ["src/a.cpp", "src/deep/b.cpp", "other/c.cpp"]
    write(tree, [{"directory": ".", "file": name, "arguments": ["c++"]} for name in names])
    units = read(tree, tree)
    assert [unit.path for unit in units.for_file("src/deep/x.hpp")] == ["src/deep/b.cpp", "src/a.cpp", "other/c.cpp"]
    assert [unit.path for unit in units.for_file("src/a.cpp")] == ["src/a.cpp"]


def test_script_of_the_fixtures_lists_them_all(tmp_path: Path) -> None:
    target = tmp_path / "compile_commands.json"
    subprocess.run([sys.executable, str(FIXTURES / "compile_commands.py"), str(target)], check=True)
    units = read(target, FIXTURES).units
    assert set(units) == {
        path.relative_to(FIXTURES).as_posix()
        for path in FIXTURES.glob("*/*/*.cpp")
        if path.name != "scenarios.cpp" and FIXTURES / "include" not in path.parents
    }
    assert {unit.arguments for unit in units.values()} == {("-std=c++20", "-I", str(FIXTURES / "include"))}
