"""The benchmark that breaks sound factories: what it breaks in these fixtures is found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOUND = (
    "stale-buffer-address/good_conditional_push_back",
    "hash-includes-per-dispatch/good_step_left_out",
    "hash-omits/good_pinned",  # without the shape in its hash, two runtime arguments stay stale
)


def test_broken_fixtures_are_found(tmp_path: Path) -> None:
    lines = []
    for folder in SOUND:
        output = tmp_path / "mutants.jsonl"
        command: list[str | Path] = [sys.executable, ROOT / "benchmarks/mutants.py", "--root", ROOT / "fixtures"]
        done = subprocess.run(
            [*command, "--below", folder, "--each", "9", "-o", output], capture_output=True, text=True, check=True
        )
        lines += [json.loads(line) for line in output.read_text().splitlines()]
        assert done.stdout.splitlines()[-1].startswith("all ")
    assert {line["kind"] for line in lines} >= {"write", "index", "hash"}
    missed = [(line["path"].rpartition("/")[2], line["old"]) for line in lines if not line["found"]]
    assert missed == [
        (
            "gated_scale_program_factory.cpp",
            "start_tile,",
        ),  # behind all that is refreshed, and there is no kernel to ask
        ("tile_only_program_factory.cpp", ", input.memory_config()"),  # nothing it makes depends on it
    ]
