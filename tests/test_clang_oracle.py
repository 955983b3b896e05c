"""libclang and the syntax answer alike over all fixtures, and what libclang adds is used.

What the compiler cannot be sure of, a missing header above all, is told and answers nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import interp_snippets
from clang_fixtures import copied_fixtures, sources
from fixture_driver import FIXTURES
from fixture_report import expectations
from tt_cache_lint.cli import main
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.told import SyntacticOracle, Told, last_name, name_of_constant, name_of_field, position
from tt_cache_lint.source import clang
from tt_cache_lint.source.clang import ClangOracle, builtin_headers
from tt_cache_lint.source.files import SourceTree
from tt_cache_lint.source.index import Index
from tt_cache_lint.source.oracle import Position, TypeName, TypeOracle
from tt_cache_lint.source.walk import FileDefs


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All fixtures with a compile database."""
    return copied_fixtures(tmp_path_factory.mktemp("clang") / "fixtures")


@pytest.fixture(scope="module")
def asked(root: Path) -> Iterator[tuple[Interp, SyntacticOracle, ClangOracle]]:
    interp = Interp(Index(SourceTree(root)))
    oracle = ClangOracle.open(root, root)
    yield interp, SyntacticOracle(interp), oracle
    oracle.close()


def definitions(interp: Interp, root: Path) -> Iterator[FileDefs]:
    for path in sorted({*sources(root), *root.glob("*/*/*.hpp")}):
        name = path.relative_to(root).as_posix()
        if not name.startswith("include/"):
            defs = interp.index.defs(name)
            assert defs is not None
            yield defs


def calls(defs: FileDefs) -> Iterator[tuple[Position, str]]:
    """The places of the names that are called, but for methods."""
    pending = [defs.file.root]
    while pending:
        node = pending.pop()
        pending.extend(node.named_children)
        callee = node.child_by_field_name("function") if node.type == "call_expression" else None
        if callee is not None and callee.type != "field_expression":
            name = last_name(callee)
            where = position(defs.file, name)
            assert where is not None
            yield where, defs.file.text_of(name)


# ------------------------------------------------------------------------------------------------- the same answers


def test_types_of_members_are_the_same(asked: tuple[Interp, SyntacticOracle, ClangOracle], root: Path) -> None:
    interp, syntax, compiler = asked
    seen = 0
    for defs in definitions(interp, root):
        for field in (f for group in defs.structs.values() for struct in group for f in struct.fields):
            name = name_of_field(field)
            where = position(field.file, name) if name is not None else None
            assert where is not None, field.name
            told = syntax.canonical_field_type(where)
            assert told is not None, where
            assert told == compiler.canonical_field_type(where), where
            seen += 1
    assert seen > 700
    assert compiler.problems == []


def test_values_of_constants_are_the_same(asked: tuple[Interp, SyntacticOracle, ClangOracle], root: Path) -> None:
    interp, syntax, compiler = asked
    seen = 0
    for defs in definitions(interp, root):
        for const in (c for group in defs.consts.values() for c in group):
            name = name_of_constant(const)
            where = position(const.file, name) if name is not None else None
            if where is not None:
                assert syntax.constant_value(where) == compiler.constant_value(where), where
                seen += 1
    assert seen >= 20


def test_calls_lead_to_the_same_definitions(asked: tuple[Interp, SyntacticOracle, ClangOracle], root: Path) -> None:
    """Where both answer: the syntax tells no overloads apart without values, libclang not what a template decides."""
    interp, syntax, compiler = asked
    both = 0
    gained: set[str] = set()
    for defs in definitions(interp, root):
        for where, name in calls(defs):
            mine, theirs = syntax.definition_of_call(where), compiler.definition_of_call(where)
            if mine is not None and theirs is not None:
                assert mine == theirs, (where, name)
                both += 1
            elif theirs is not None:
                gained.add(name)
    assert both > 1000
    assert {"SetRuntimeArgs", "split_work_to_cores", "create_cb"} <= gained


def test_findings_are_the_same_with_a_compile_database(root: Path) -> None:
    done = CliRunner().invoke(
        main, ["check", str(root), "--root", str(root), "--format", "json", "--compile-commands", str(root)]
    )
    assert done.exit_code == 1, done.output
    answer = json.loads(done.stdout)
    found = {(item["path"], item["line"], item["rule"], item["slot"]) for item in answer["findings"]}
    wanted = {
        (note.path.relative_to(root).as_posix(), note.line, note.rule, note.slot)
        for folder in {path.parent for path in sources(root)}
        for note in expectations(folder)
        if note.kind != "expect-missing"
    }
    assert found == wanted


# --------------------------------------------------------------------------------------------------- what is gained

HEADER = """#pragma once
#include <cstdint>
#include <type_traits>
struct Plan { uint32_t rows = 3; uint32_t cols = 5; };
struct Wide { alignas(16) uint32_t word = 1; };
struct Other { uint32_t rows = 7; };
template <bool wide> struct Choose { using type = std::conditional_t<wide, Plan, Other>; };
struct Attributes { Choose<true>::type plan; decltype(Plan::rows) count = 2; };
constexpr uint32_t twice(uint32_t x) { return x < 2 ? x : twice(x - 1) + 2; }
constexpr uint32_t BYTES = alignof(Wide) * twice(3);
inline uint32_t pick(const Plan&) { return 1; }
inline uint32_t pick(const Other&) { return 2; }
"""
SOURCE = """#include "plan.hpp"
uint32_t rows() { Attributes a; return a.plan.rows; }
uint32_t bytes() { return BYTES; }
uint32_t picked() { Attributes a; return pick(a.plan); }
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "plan.hpp").write_text(HEADER)
    (folder / "main.cpp").write_text(SOURCE)
    database(folder, ["c++", "-std=c++20"])
    return folder


def database(folder: Path, arguments: list[Any], file: str = "main.cpp") -> None:
    entry = {"directory": ".", "file": file, "arguments": [*arguments, file]}
    (folder / "compile_commands.json").write_text(json.dumps([entry]))


@pytest.fixture
def compiler(tree: Path) -> Iterator[ClangOracle]:
    oracle = ClangOracle.open(tree, tree)
    yield oracle
    oracle.close()


def at(folder: Path, name: str, text: str, word: str) -> Position:
    """The place of a word in the line that contains a text."""
    for number, line in enumerate((folder / name).read_text().splitlines(), 1):
        if text in line:
            return Position(name, number, line.index(word, line.index(text)) + 1)
    raise AssertionError(text)


def evaluated(root: Path, function: str, oracle: TypeOracle | None) -> Any:
    interp = Interp(Index(SourceTree(root)))
    if oracle is not None:
        interp.told = Told(interp, oracle)
    return interp_snippets.call(interp, function, "main.cpp").data


def test_type_behind_templates(tree: Path, compiler: ClangOracle) -> None:
    plan = at(tree, "plan.hpp", "Choose<true>::type plan", "plan;")
    count = at(tree, "plan.hpp", "decltype", "count")
    syntax = SyntacticOracle(Interp(Index(SourceTree(tree))))
    assert compiler.canonical_field_type(plan) == TypeName("Plan", (), ("plan.hpp", 4))
    assert compiler.canonical_field_type(count) == TypeName("uint32_t")
    assert syntax.canonical_field_type(count) is None
    assert evaluated(tree, "rows", compiler) == 3
    assert evaluated(tree, "rows", None) != 3


def test_constant_that_the_engine_cannot_compute(tree: Path, compiler: ClangOracle) -> None:
    assert compiler.constant_value(at(tree, "plan.hpp", "BYTES", "BYTES")) == 80
    assert evaluated(tree, "bytes", compiler) == 80
    assert evaluated(tree, "bytes", None) != 80


def test_overload_by_a_type_the_syntax_does_not_tell(tree: Path, compiler: ClangOracle) -> None:
    assert compiler.definition_of_call(at(tree, "main.cpp", "pick(a", "pick")) == ("plan.hpp", 11)
    assert evaluated(tree, "picked", compiler) == 1


# ------------------------------------------------------------------------------------------ where it cannot be sure


def test_missing_header_is_a_warning_and_no_answer(tree: Path) -> None:
    (tree / "plan.hpp").write_text('#include "generated/version.hpp"\n' + HEADER)
    oracle = ClangOracle.open(tree, tree)
    try:
        assert oracle.canonical_field_type(at(tree, "plan.hpp", "Choose<true>::type plan", "plan;")) is None
    finally:
        oracle.close()
    ((path, message),) = oracle.problems
    assert path == "main.cpp"
    assert "generated/version.hpp" in message


def test_includes_from_outside_are_not_used(tree: Path) -> None:
    (tree.parent / "secret.hpp").write_text("constexpr int SECRET = 7;\n")
    (tree / "main.cpp").write_text('#include "../secret.hpp"\nconstexpr int TOLD = SECRET;\n')
    oracle = ClangOracle.open(tree, tree)
    try:
        assert oracle.constant_value(Position("main.cpp", 2, 15)) is None
    finally:
        oracle.close()
    assert "outside of the root" in oracle.problems[0][1]


def test_worker_that_hangs_is_given_up(tree: Path, compiler: ClangOracle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clang, "SECONDS", 0.0)
    assert compiler.canonical_field_type(Position("plan.hpp", 8, 1)) is None
    assert compiler.constant_value(Position("plan.hpp", 10, 1)) is None
    ((path, message),) = compiler.problems
    assert path == "main.cpp"
    assert "gave no answer" in message


def test_worker_that_crashes_is_given_up(tree: Path, compiler: ClangOracle) -> None:
    plan = at(tree, "plan.hpp", "Choose<true>::type plan", "plan;")
    assert compiler.canonical_field_type(plan) is not None
    assert compiler._worker is not None
    compiler._worker.kill()
    compiler._worker.wait()
    assert compiler.constant_value(at(tree, "plan.hpp", "BYTES", "BYTES")) is None
    assert "crashed" in compiler.problems[0][1]


def test_endless_include_is_given_up(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "main.cpp").write_text('#include "/dev/zero"\n')
    monkeypatch.setattr(clang, "MEMORY", 512 << 20)
    monkeypatch.setattr(clang, "SECONDS", 60.0)
    oracle = ClangOracle.open(tree, tree)
    try:
        assert oracle.constant_value(Position("main.cpp", 1, 1)) is None
    finally:
        oracle.close()
    assert oracle.problems


def test_without_libclang_the_message_says_what_to_install(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = CliRunner().invoke(main, ["check", str(tree), "--root", str(tree), "--compile-commands", str(tree)])
    assert done.exit_code == 2
    assert "libclang is not installed: pip install 'tt-cache-lint[libclang]'" in done.stderr


# --------------------------------------------------------------------------------------------------- builtin headers


def test_builtin_headers_are_those_of_the_compiler(tmp_path: Path) -> None:
    found = builtin_headers(tmp_path)
    assert found is None or Path(found, "stddef.h").is_file()


def test_builtin_headers_by_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stddef.h").write_text("")
    monkeypatch.setenv(clang.BUILTIN_HEADERS, str(tmp_path))
    assert builtin_headers(tmp_path / "tree") == os.path.realpath(tmp_path)
    (tmp_path / "stddef.h").unlink()
    assert builtin_headers(tmp_path / "tree") is None


def test_compiler_of_the_tree_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cc").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "cc").chmod(0o755)
    for path in (str(tmp_path), "."):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PATH", path)
        assert builtin_headers(tmp_path) is None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("command", ["slots", "hash"])
def test_printers_warn_of_a_database_that_says_nothing(command: str, tmp_path: Path) -> None:
    folder = FIXTURES / "stale-buffer-address" / "bad_optional_bias"
    root = Path(shutil.copytree(folder, tmp_path / "op"))
    (root / "compile_commands.json").write_text("[]")
    source = next(root.glob("*_program_factory.cpp"))
    done = CliRunner().invoke(main, [command, str(source), "--root", str(root), "--compile-commands", str(root)])
    assert done.exit_code == 0, done.output
    assert "compile_commands.json: no entry is a file below the root" in done.stderr
