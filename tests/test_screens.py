"""README's screens show what the command line prints today."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).parents[1]
SECONDS = re.compile(r"\d+\.\d\ds")


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screens", REPO / "tools/screens.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


screens = loaded()


def words(svg: str) -> str:
    """The text of a drawing in reading order, without blanks and without the time it took."""
    texts = ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("}text")]
    return SECONDS.sub("", re.sub(r"\s", "", "".join(texts)))


@pytest.mark.parametrize("name", list(screens.COMMANDS))
def test_a_screen_is_up_to_date(name: str) -> None:
    kept = (REPO / f"docs/screens/{name}.svg").read_text(encoding="utf-8")
    made = screens.drawn(name, screens.output(*screens.COMMANDS[name]))
    assert words(kept) == words(made), "run `python tools/screens.py`"
    assert "font-face" not in kept
    assert f"docs/screens/{name}.svg" in (REPO / "README.md").read_text(encoding="utf-8")
