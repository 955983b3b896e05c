"""All fixtures for libclang, in as few translation units as they fit into: what takes time are the headers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from fixture_driver import FIXTURES

ROUNDS = 4


def sources(root: Path) -> list[Path]:
    """The sources of all fixtures below a root; the scenarios are no part of an op."""
    found = sorted(path for path in root.glob("*/*/*.cpp") if path.name != "scenarios.cpp")
    return [path for path in found if path.relative_to(root).parts[0] != "include"]


def copied_fixtures(root: Path) -> Path:
    """A copy of the fixtures with a compile database of a few units that include them all.

    Fixtures that cannot be compiled together, because two call something alike, end up in different units.
    """
    from clang import cindex

    from tt_cache_lint.source.clang import builtin_headers

    shutil.copytree(FIXTURES, root, ignore=shutil.ignore_patterns("*.json", "scenarios.cpp"))
    include = str(root / "include")
    headers = builtin_headers(root)
    arguments = ["-std=c++20", f"-I{include}", *(("-isystem", headers) if headers else ())]
    entries = []
    pending = sources(root)
    for number in range(ROUNDS):
        unit = root / f"unity{number}.cpp"
        unit.write_text("".join(f'#include "{path.relative_to(root)}"\n' for path in pending))
        parsed = cindex.Index.create().parse(str(unit), args=["-x", "c++", "-ferror-limit=0", *arguments])
        wrong = {Path(d.location.file.name).parent for d in parsed.diagnostics if d.severity >= 3 and d.location.file}
        together = [path for path in pending if path.parent not in wrong]
        unit.write_text("".join(f'#include "{path.relative_to(root)}"\n' for path in together))
        entries.append({"directory": ".", "file": unit.name, "arguments": ["c++", "-std=c++20", "-Iinclude"]})
        pending = [path for path in pending if path.parent in wrong]
        if not pending:
            break
    assert pending == []
    (root / "compile_commands.json").write_text(json.dumps(entries))
    return root
