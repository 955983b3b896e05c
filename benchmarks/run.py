"""How fast the analysis is: one file, one folder, a whole tree, each in a process of its own.

    python benchmarks/run.py --root TREE [--file FILE] [--folder FOLDER] [--whole FOLDER]

Prints seconds from the start of the process, peak memory, factories and worlds a second. A short loop of plain Python
is timed before and after: machines that are shared get slower and faster while one looks.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

OPERATIONS = "ttnn/cpp/ttnn/operations"
FILE = f"{OPERATIONS}/data_movement/fold/device/fold_multi_core_program_factory.cpp"
FOLDER = f"{OPERATIONS}/data_movement"
LOOP = 3_000_000


def measure(root: Path, path: Path) -> dict[str, float]:
    """Analyse one path in this process."""
    started = time.perf_counter()
    from tt_cache_lint.engine import Options, analyse

    analysis = analyse(root, [path], Options())
    facts = analysis.facts
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time(),
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "files": analysis.files,
        "factories": len(facts),
        "worlds": sum(f.worlds for f in facts),
        "steps": sum(int(f.budget.split()[0]) for f in facts if f.budget),
        "differences": sum(len(f.differences) for f in facts),
    }


def loop() -> float:
    """Seconds of a fixed amount of plain Python."""
    started = time.perf_counter()
    total = 0
    for number in range(LOOP):
        total += number & 7
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the tt-metal tree")
    parser.add_argument("--file", default=FILE)
    parser.add_argument("--folder", default=FOLDER)
    parser.add_argument("--whole", default=OPERATIONS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.root, given.root / given.one)))
        return
    print(
        f"{'what':8} {'wall s':>8} {'cpu s':>8} {'MiB':>6} {'files':>6} {'factories':>10} {'worlds':>8} "
        f"{'steps':>9} {'fact./s':>8} {'worlds/s':>9}"
    )
    print(f"loop of {LOOP:,}: {loop():.2f} s")
    for name, path in (("file", given.file), ("folder", given.folder), ("whole", given.whole)):
        started = time.perf_counter()
        command = [sys.executable, __file__, "--root", str(given.root), "--one", path]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        wall = time.perf_counter() - started
        print(
            f"{name:8} {wall:8.2f} {found['cpu']:8.2f} {found['mib']:6.0f} {found['files']:6} {found['factories']:10} "
            f"{found['worlds']:8} {found['steps']:9} {found['factories'] / wall:8.1f} {found['worlds'] / wall:9.0f}"
        )
    print(f"loop of {LOOP:,}: {loop():.2f} s")


if __name__ == "__main__":
    main()
