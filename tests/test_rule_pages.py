"""The rules' pages under docs/rules: what the rules say now, and what `explain` shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tt_cache_lint.cli import main
from tt_cache_lint.report import View, explain, pages
from tt_cache_lint.rule import Rule, load_rules

DOCS = Path(__file__).parents[1] / "docs/rules"
RULES = load_rules()


def test_the_pages_are_what_the_rules_say() -> None:
    made = pages.pages(RULES)
    kept = {file.name: file.read_text(encoding="utf-8") for file in DOCS.iterdir()}
    stale = sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))
    assert not stale, f"run `{pages.COMMAND}`"


@pytest.mark.parametrize("width", [60, 120])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_explain_shows_the_same(rule: Rule, width: int) -> None:
    shown = " ".join(explain.render(rule, View(width=width)).split())
    text = pages.page(rule)
    assert rule.summary in shown
    blocks = list(explain.blocks(text.partition("\n\nSeverity")[2].partition("\n\n")[2]))
    assert [content for kind, content in blocks if kind == "heading"][:2] == ["What it does", "Why is this bad"]
    for _, content in blocks:
        assert " ".join(content.split()) in shown


def test_the_command_writes_and_removes(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text(f"{pages.MARK}\n# TTC999 gone\n")
    (tmp_path / "own.md").write_text("# Somebody's notes\n")
    first = CliRunner().invoke(main, ["rules", "--write-docs", str(tmp_path)])
    assert first.exit_code == 0
    assert "stale-scalar.md" in first.output
    assert first.output.endswith("gone.md\n")
    assert not (tmp_path / "gone.md").exists()
    assert (tmp_path / "own.md").exists()
    again = CliRunner().invoke(main, ["rules", "--write-docs", str(tmp_path)])
    assert (again.exit_code, again.output) == (0, "")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["rules", "--write-docs", str(tmp_path / "file/docs")])
    assert done.exit_code == 2
    assert "Traceback" not in done.output
