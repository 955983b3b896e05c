"""Bad input through the command line: a message that names the file, the rest still checked, a documented status.

Every case runs in its own process with little memory and little time; a traceback, a hang or a lost file fails it.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from small_factory import CREATE, REFRESH, STALE, factory
from tt_cache_lint.cli import main
from tt_cache_lint.factory.find import Finder

MEMORY = 1_500 << 20
SECONDS = 20.0
LIMITED = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
from tt_cache_lint.cli import main
main()
"""
STALE_ONE = "TTC301"


@dataclass
class Checked:
    """What one run of `check --format json` gave."""

    status: int
    report: dict[str, Any]
    messages: str
    seconds: float

    @property
    def ids(self) -> list[str]:
        return [f["id"] for f in self.report["findings"]]

    def names(self, path: str) -> bool:
        """Does the report or stderr say something about this file?"""
        return path in self.messages or any(path in p["path"] for p in self.report.get("problems", ()))

    def about(self, factory_name: str) -> dict[str, Any]:
        (found,) = (f for f in self.report["factories"] if factory_name in f["factory"])
        assert isinstance(found, dict)
        return found


def check(root: Path, *paths: str | Path, seconds: float = SECONDS) -> Checked:
    """Run the tool below `root`, which must finish in time and end in a report."""
    started = time.monotonic()
    command = [sys.executable, "-c", LIMITED, "check", "--format", "json", "--no-cache", "--root", "."]
    done = subprocess.run(
        [*command, *map(str, paths or (".",))], cwd=root, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert done.stdout, done.stderr
    return Checked(done.returncode, json.loads(done.stdout), done.stderr, time.monotonic() - started)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with a healthy neighbour that has one finding."""
    folder = tmp_path / "root"
    (folder / "good").mkdir(parents=True)
    (folder / "good" / "good.cpp").write_text(factory(override=STALE, name="Good"))
    return folder


def put(root: Path, name: str, text: str | bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_healthy(root: Path) -> None:
    done = check(root)
    assert (done.status, done.ids) == (1, [STALE_ONE])
    put(root, "good/good.cpp", factory())
    done = check(root)
    assert (done.status, done.ids) == (0, [])
    assert done.about("CopyFactory")["status"] == "analysed"


def test_no_such_file(root: Path) -> None:
    done = check(root, "missing.cpp", "good")
    assert done.status == 2
    assert done.names("missing.cpp")
    assert done.ids == [STALE_ONE]


def test_only_a_missing_file(root: Path) -> None:
    done = check(root, "missing.cpp")
    assert done.status == 2
    assert done.names("missing.cpp")


UNREADABLE = {
    "binary": b"\x7fELF\0\0create override_runtime_arguments\0",
    "long line": b"// " + b"create override_runtime_arguments cached_program_t " * 100_000,  # 5 MB
    "large": (factory(name="Bad") + "// create override_runtime_arguments\n" * 85_000).encode(),  # 3 MB
}


@pytest.mark.parametrize("what", UNREADABLE)
@pytest.mark.parametrize("named", [True, False])
def test_unusable_file(root: Path, what: str, named: bool) -> None:
    put(root, "bad.cpp", UNREADABLE[what])
    done = check(root, *(["bad.cpp", "good"] if named else ["."]), seconds=10)
    assert done.names("bad.cpp")
    assert done.ids == [STALE_ONE]
    assert done.status in (1, 2)


@pytest.mark.parametrize("what", [*UNREADABLE, "link"])
def test_a_named_file_that_cannot_be_used_is_status_2(root: Path, what: str) -> None:
    if what == "link":
        put(root.parent, "outside.cpp", factory(name="Outside"))
        (root / "bad.cpp").symlink_to(root.parent / "outside.cpp")
    else:
        put(root, "bad.cpp", UNREADABLE[what])
    done = check(root, "bad.cpp")
    assert done.names("bad.cpp")
    assert done.status == 2


def test_one_long_line_of_code(root: Path) -> None:
    put(root, "bad.cpp", factory(name="Bad").replace("\n", " ") + "int create() { return " + "1+" * 80_000 + "1; }")
    done = check(root, seconds=30)
    assert STALE_ONE in done.ids


def test_not_utf8(root: Path) -> None:
    text = factory(override=STALE, name="Latin").encode().replace(b"namespace", b"// caf\xe9 \xff\nnamespace", 1)
    put(root, "latin.cpp", text)
    done = check(root)
    assert done.names("latin.cpp")
    assert done.ids == [STALE_ONE, STALE_ONE]


def test_utf8_mark_and_dos_lines(root: Path) -> None:
    put(root, "dos.cpp", b"\xef\xbb\xbf" + factory(override=STALE, name="Dos").replace("\n", "\r\n").encode())
    assert check(root).ids == [STALE_ONE, STALE_ONE]


@pytest.mark.parametrize("part", [0.2, 0.45, 0.6, 0.7, 0.8, 0.9, 0.97])
def test_half_written(root: Path, part: float) -> None:
    """A factory cut in the middle: no crash, and the other file's finding is there."""
    text = factory(override=STALE, name="Half")
    put(root, "half.cpp", text[: int(len(text) * part)])
    done = check(root)
    assert done.status == 1
    assert [f["path"] for f in done.report["findings"] if f["id"] == STALE_ONE][:1] == ["good/good.cpp"]


@pytest.mark.parametrize(
    "junk", ["}", "{", "(((", "#if", "#define X(", '"', 'R"(', "/*", "template <", "namespace {", "\\", "%$§"]
)
def test_junk_in_front_of_a_factory(root: Path, junk: str) -> None:
    put(root, "junk.cpp", f"{junk}\n{factory(override=STALE, name='Junk')}")
    done = check(root)
    assert done.status == 1
    assert STALE_ONE in done.ids


@pytest.mark.parametrize("part", [0.45, 0.6, 0.8, 0.9])
def test_half_written_is_told(root: Path, part: float) -> None:
    text = factory(override=STALE, name="Half")
    put(root, "half.cpp", text[: int(len(text) * part)])
    done = check(root)
    assert done.names("half.cpp")


@pytest.mark.parametrize("junk", ["{", "(((", 'R"(', "template <"])
def test_junk_that_hides_a_factory_is_told(root: Path, junk: str) -> None:
    put(root, "junk.cpp", f"{junk}\n{factory(override=STALE, name='Junk')}")
    done = check(root)
    assert done.names("junk.cpp") or done.about("Junk")


@pytest.mark.parametrize("text", ["", "\n", "// create override_runtime_arguments", "\ufeff"])
def test_empty(root: Path, text: str) -> None:
    put(root, "empty.cpp", text)
    done = check(root, "empty.cpp", "good")
    assert (done.status, done.ids) == (1, [STALE_ONE])


def test_a_directory_called_like_a_source(root: Path) -> None:
    (root / "folder.cpp").mkdir()
    put(root, "folder.cpp/inner.cpp", factory(override=STALE, name="Inner"))
    done = check(root, "folder.cpp", "good")
    assert (done.status, done.ids) == (1, [STALE_ONE, STALE_ONE])
    assert check(root).ids == [STALE_ONE, STALE_ONE]


def test_a_link_that_leads_outside(root: Path) -> None:
    put(root.parent, "outside.cpp", factory(override=STALE, name="Outside"))
    (root / "link.cpp").symlink_to(root.parent / "outside.cpp")
    done = check(root)
    assert done.names("link.cpp")
    assert done.ids == [STALE_ONE]
    assert all("Outside" not in f["factory"] for f in done.report["factories"])


def test_a_link_that_leads_outside_by_name(root: Path) -> None:
    put(root.parent, "outside.cpp", factory(override=STALE, name="Outside"))
    (root / "link.cpp").symlink_to(root.parent / "outside.cpp")
    done = check(root, "link.cpp", "good")
    assert done.names("link.cpp")
    assert done.ids == [STALE_ONE]


def test_a_file_outside_the_root(root: Path) -> None:
    put(root.parent, "outside.cpp", factory(override=STALE, name="Outside"))
    done = check(root, "../outside.cpp", "good")
    assert done.status == 2
    assert done.names("outside.cpp")
    assert done.ids == [STALE_ONE]


def test_a_broken_link(root: Path) -> None:
    (root / "broken.cpp").symlink_to("nowhere.cpp")
    done = check(root)
    assert done.names("broken.cpp")
    assert done.ids == [STALE_ONE]


def test_links_in_a_circle(root: Path) -> None:
    (root / "a.cpp").symlink_to("b.cpp")
    (root / "b.cpp").symlink_to("a.cpp")
    done = check(root)
    assert done.names("a.cpp")
    assert done.ids == [STALE_ONE]


def test_links_to_folders_in_a_circle(root: Path) -> None:
    (root / "good" / "again").symlink_to(root)
    assert check(root).ids == [STALE_ONE]


def test_includes_in_a_circle_and_of_nothing(root: Path) -> None:
    put(root, "a.hpp", '#include "b.hpp"\n#include "nowhere.hpp"\n')
    put(root, "b.hpp", '#include "a.hpp"\n#include "b.hpp"\n')
    put(root, "ring.cpp", '#include "a.hpp"\n' + factory(override=STALE, name="Ring"))
    assert check(root).ids == [STALE_ONE, STALE_ONE]


def test_no_override(root: Path) -> None:
    put(root, "none.cpp", factory(override=None, name="None"))
    done = check(root, "none.cpp")
    assert done.status == 1
    assert done.ids == ["TTC405"]


def test_shared_variables_not_found(root: Path) -> None:
    text = factory(override=STALE, name="Lost")
    start, end = text.index("        struct shared_variables_t"), text.index("        using cached_program_t")
    put(root, "lost.cpp", text[:start] + text[end:])
    done = check(root)
    assert done.about("LostFactory")["status"] in ("analysed", "partial", "skipped")
    assert "good/good.cpp" in [f["path"] for f in done.report["findings"]]


def test_factory_without_its_class(root: Path) -> None:
    text = factory(override=STALE, name="Bare")
    put(root, "bare.cpp", "namespace x {\n" + text[text.index("BareOperation::BareFactory::cached_program_t") :])
    done = check(root)
    assert "good/good.cpp" in [f["path"] for f in done.report["findings"]]


ENDLESS = {
    "while": "uint32_t n = 0; while (true) { n++; }",
    "for": "for (;;) {}",
    "never counts": "for (uint32_t i = 0; i < 4;) { cores.size(); }",
    "grows": "std::vector<uint32_t> v; while (v.size() < v.size() + 1) { v.push_back(1); }",
    "doubles": "std::vector<uint32_t> v{1}; while (true) { v.insert(v.end(), v.begin(), v.end()); }",
    "long text": 'std::string s = "x"; while (true) { s = s + s; }',
    "big number": "uint64_t n = 2; while (true) { n = n * n + 1; }",
    "nested": "for (uint32_t i = 0; i < 100000; i++) { for (uint32_t j = 0; j < 100000; j++) { } }",
    "recursion": "forever(1);",
    "two by two": "even(1);",
    "lambda": "std::function<int(int)> g; g = [&](int n) { return g(n + 1); }; g(0);",
    "huge vector": "std::vector<uint32_t> v(4000000000u, 0);",
    "huge shift": "uint64_t n = uint64_t(1) << 1000000000; n++;",
    "huge power": "double d = std::pow(10, 1000000); uint32_t n = d; n++;",
    "huge grid": "auto c = grid_to_cores(1000000000, 100000, 100000);",
}
HELPERS = """
int forever(int n) { return forever(n + 1) + 1; }
int odd(int n);
int even(int n) { return odd(n + 1); }
int odd(int n) { return even(n + 1); }
"""


@pytest.mark.parametrize("what", ENDLESS)
def test_what_never_ends(root: Path, what: str) -> None:
    put(root, "bad.cpp", factory(create=ENDLESS[what] + CREATE, override=STALE, helpers=HELPERS, name="Bad"))
    done = check(root)
    assert "good/good.cpp" in [f["path"] for f in done.report["findings"]]
    found = done.about("BadFactory")
    assert found["status"] in ("partial", "skipped")
    assert found["reason"]


def test_what_never_ends_in_the_override(root: Path) -> None:
    put(root, "bad.cpp", factory(override="while (true) {}" + REFRESH, name="Bad"))
    done = check(root)
    assert done.ids == [STALE_ONE]
    assert done.about("BadFactory")["status"] in ("partial", "skipped")


def test_what_never_ends_in_the_validator(root: Path) -> None:
    put(root, "bad.cpp", factory(override=STALE, validate="while (true) {}", name="Bad"))
    assert "good/good.cpp" in [f["path"] for f in check(root).report["findings"]]


DEPTH = 10_000
DEEP = {
    "parentheses": "int n = " + "(" * DEPTH + "1" + ")" * DEPTH + ";",
    "unclosed parentheses": "int n = " + "(" * DEPTH + "1;",
    "blocks": "{" * DEPTH + "}" * DEPTH,
    "ifs": "if (true) " * DEPTH + ";",
    "sums": "int n = " + "1 + " * DEPTH + "1;",
    "negations": "bool b = " + "!" * DEPTH + "true;",
    "braces": "std::vector<int> v = " + "{" * DEPTH + "}" * DEPTH + ";",
    "calls": "int n = " + "abs(" * DEPTH + "1" + ")" * DEPTH + ";",
    "members": "int n = cores" + ".a" * DEPTH + ";",
    "ternaries": "int n = " + "true ? 1 : " * DEPTH + "2;",
    "else ifs": "if (false) {} " + "else if (false) {} " * DEPTH,
    "lambdas": "auto l = " + "[] { return " * 2_000 + "1" + "; }()" * 2_000 + ";",
    "templates": "std::vector<" * 2_000 + "int" + ">" * 2_000 + " v;",
}


@pytest.mark.parametrize("what", DEEP)
def test_deep_nesting(root: Path, what: str) -> None:
    put(root, "deep.cpp", factory(create=DEEP[what] + CREATE, override=STALE, name="Deep"))
    done = check(root, seconds=30)
    assert "good/good.cpp" in [f["path"] for f in done.report["findings"]]


@pytest.mark.parametrize("what", ["parentheses", "blocks", "sums"])
def test_deep_nesting_says_so(root: Path, what: str) -> None:
    put(root, "deep.cpp", factory(create=DEEP[what] + CREATE, override=STALE, name="Deep"))
    assert "nests too deeply" in check(root, "deep.cpp").about("Deep")["reason"]


@pytest.mark.parametrize("what", ["namespaces", "classes", "functions"])
def test_deep_declarations(root: Path, what: str) -> None:
    text = {
        "namespaces": "namespace a { " * DEPTH + "}" * DEPTH,
        "classes": "struct A { " * DEPTH + "};" * DEPTH,
        "functions": "void f() { " * DEPTH + "}" * DEPTH,
    }[what]
    put(root, "deep.cpp", text + factory(override=STALE, name="Deep"))
    done = check(root, seconds=30)
    assert "good/good.cpp" in [f["path"] for f in done.report["findings"]]


def test_many_factories_in_one_file(root: Path) -> None:
    put(root, "many.cpp", "\n".join(factory(override=STALE, name=f"Many{i}") for i in range(12)))
    assert check(root).ids == [STALE_ONE] * 13


def test_strange_names(root: Path) -> None:
    put(root, "späte spaces [x] 'q'.cpp", factory(override=STALE, name="Odd"))
    done = check(root)
    assert done.ids == [STALE_ONE, STALE_ONE]
    assert "späte spaces [x] 'q'.cpp" in [f["path"] for f in done.report["findings"]]


@pytest.mark.parametrize(
    "place", ["tt_cache_lint.facts.Collector.collect", "tt_cache_lint.hash.collect.Examiner.examine"]
)
def test_a_fault_of_this_tool_is_told_and_the_rest_is_checked(
    root: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "faulty/faulty.cpp", factory(override=STALE, name="Faulty"))
    module, owner, name = place.rsplit(".", 2)
    target = getattr(importlib.import_module(module), owner)
    original = getattr(target, name)

    def failing(self: Any, *args: Any, **more: Any) -> Any:
        looked_at = self.factory if name == "collect" else args[0]
        if "Faulty" in looked_at.name:
            raise KeyError("operation_attributes.\x1b[31m")
        return original(self, *args, **more)

    monkeypatch.setattr(target, name, failing)
    monkeypatch.delenv("TT_CACHE_LINT_DEBUG", raising=False)
    result = CliRunner().invoke(main, ["check", "--root", str(root), str(root), "--format", "json"])
    report = json.loads(result.stdout)
    assert result.exit_code == 2
    faulty = next(f for f in report["factories"] if "Faulty" in f["factory"])
    assert faulty["status"] == "partial"
    assert "internal error: KeyError" in faulty["reason"]
    assert any(p["path"] == "faulty/faulty.cpp" for p in report["problems"])
    assert [f["path"] for f in report["findings"] if f["id"] == "TTC301"] == ["good/good.cpp"]

    monkeypatch.setenv("TT_CACHE_LINT_DEBUG", "1")
    assert isinstance(CliRunner().invoke(main, ["check", "--root", str(root), str(root)]).exception, KeyError)


def test_an_error_before_any_factory_is_found_costs_one_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "faulty/faulty.cpp", factory(override=STALE, name="Faulty"))
    original = Finder.in_file

    def failing(self: Finder, name: str) -> Any:
        if "faulty" in name:
            raise ZeroDivisionError
        return original(self, name)

    monkeypatch.setattr(Finder, "in_file", failing)
    monkeypatch.delenv("TT_CACHE_LINT_DEBUG", raising=False)
    result = CliRunner().invoke(main, ["check", "--root", str(root), str(root), "--format", "json"])
    report = json.loads(result.stdout)
    assert result.exit_code == 2
    (problem,) = (p for p in report["problems"] if p["path"] == "faulty/faulty.cpp")
    assert problem["message"].startswith("internal error: ZeroDivisionError (finding its factories;")
    assert [f["path"] for f in report["findings"] if f["id"] == "TTC301"] == ["good/good.cpp"]
