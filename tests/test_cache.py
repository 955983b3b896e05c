"""Results that are kept: what comes from an earlier run is what a run without them says, whatever changed between."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from small_factory import CREATE, REFRESH, STALE, factory
from tt_cache_lint.cache import state, store
from tt_cache_lint.cache.entry import Answer, Entry, pack, pack_answer, unpack
from tt_cache_lint.engine import Analysis, Options, analyse
from tt_cache_lint.factory.find import Finder
from tt_cache_lint.source.reads import Reads

OPS = "ttnn/cpp/ttnn/operations"
FACTORY = f"{OPS}/copy/device/copy_program_factory.cpp"
HEADER = f"{OPS}/copy/device/copy_device_operation.hpp"
LAUNCHER = f"{OPS}/copy/copy.cpp"
KERNEL = f"{OPS}/copy/device/kernels/reader.cpp"
HELPER = f"{OPS}/common/address.cpp"
OTHER = f"{OPS}/far/other.hpp"
MISSING = f"{OPS}/far/missing.hpp"
MOVE = f"{OPS}/move/device/move_program_factory.cpp"
CACHE = ".tt-cache-lint/cache"
INCLUDES = """
#include "copy_device_operation.hpp"
#include "ttnn/operations/far/missing.hpp"
#include "ttnn/operations/far/other.hpp"
#include "ttnn/operations/common/address.hpp"
"""
ADDRESS = "#pragma once\nuint32_t start_of(const Tensor& tensor);\n"
START = '#include "address.hpp"\nuint32_t start_of(const Tensor& tensor) {{ return {value}; }}\n'
READER = """
void kernel_main() {
    uint32_t source = get_arg_val<uint32_t>(0);
    uint32_t count = get_arg_val<uint32_t>(1);
    for (uint32_t i = 0; i < count; i++) { noc_async_read(source, i, 4); }
}
"""
NEARER = "inline uint32_t start_of(const Tensor& tensor) { return 5; }"
LAUNCH = """
Tensor copy(const Tensor& input) {
    return ttnn::device_operation::launch<ttnn::operations::test::CopyOperation>({1, false}, {input, std::nullopt});
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two ops; the factory of one uses its header, a kernel, a header that is missing and what others use, too."""
    header, _, body = factory(CREATE, REFRESH).partition("CopyOperation::CopyFactory::cached_program_t")
    body = f"namespace ttnn::operations::test {{\nCopyOperation::CopyFactory::cached_program_t{body}"
    body = body.replace("tensors.input.buffer()->address()", "start_of(tensors.input)")
    body = body.replace('"reader.cpp"', f'"{KERNEL}"')
    put(tmp_path, HEADER, f"#pragma once\n{header}\n}}\n")
    put(tmp_path, FACTORY, INCLUDES + body)
    put(tmp_path, LAUNCHER, LAUNCH)
    put(tmp_path, KERNEL, READER)
    put(tmp_path, f"{OPS}/common/address.hpp", ADDRESS)
    put(tmp_path, HELPER, START.format(value="tensor.buffer()->address()"))
    put(tmp_path, OTHER, "#pragma once\nconstexpr uint32_t UNUSED = 1;\n")
    put(tmp_path, MOVE, factory(CREATE, STALE, name="Move"))
    return tmp_path


@pytest.fixture(params=[False, True], ids=["by content", "by marks"], autouse=True)
def trusting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The files of these tests are too young for their times to be relied on; once they are relied on all the same."""
    if request.param:
        monkeypatch.setattr(state, "GRAIN", -(10**15))
    return bool(request.param)


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def change(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))


def looked(root: Path, *paths: str, cache: bool = True) -> Analysis:
    return analyse(root, [root / path for path in paths], Options(cache=cache))


def same(root: Path, *paths: str) -> int:
    """Check that the cache changes nothing, and that next time all comes from it; how many batches came from it now."""
    fresh, kept, again = looked(root, *paths, cache=False), looked(root, *paths), looked(root, *paths)
    for one in (kept, again):
        assert (one.facts, one.operations, one.problems) == (fresh.facts, fresh.operations, fresh.problems)
        assert (one.files, one.batches) == (fresh.files, fresh.batches)
    assert again.cached == again.batches
    assert fresh.cached == 0
    return kept.cached


Change = Callable[[Path], object]


def together(*changes: Change) -> Change:
    def change(root: Path) -> None:
        for one in changes:
            one(root)

    return change


def touch(root: Path) -> None:
    for path in root.rglob("*.[ch]pp"):
        os.utime(path, (1e9, 1e9))


# Each with whether the answer changes: the opposite would mean that the change is not one that has to be noticed.
CHANGES: dict[str, tuple[Change, bool]] = {
    "the factory forgets a slot": (
        lambda r: change(r, FACTORY, "shared.writer, core)[0]", "shared.writer, core)[1]"),
        True,
    ),
    "a line above": (lambda r: change(r, FACTORY, "#include", "\n#include"), True),
    "a shared variable": (lambda r: change(r, HEADER, "KernelHandle reader{};", "uint16_t reader{};"), True),
    "a helper in another file": (lambda r: put(r, HELPER, START.format(value="7")), True),
    "a helper is gone": (lambda r: (r / HELPER).unlink(), True),
    "an include is gone": (lambda r: change(r, FACTORY, '#include "ttnn/operations/common/address.hpp"\n', ""), True),
    "a folder has another name": (lambda r: (r / OPS / "common").rename(r / OPS / "shared"), True),
    "the kernel reads more": (lambda r: change(r, KERNEL, "(1)", "(5)"), True),
    "the kernel is gone": (lambda r: (r / KERNEL).unlink(), False),
    "a nearer definition": (
        lambda r: put(r, f"{OPS}/copy/device/near.cpp", START.format(value="7")),
        True,
    ),
    "a definition where there was none": (
        lambda r: put(r, OTHER, "#pragma once\nuint32_t start_of(const Tensor& tensor) { return 3; }\n"),
        True,
    ),
    "a missing include": (
        lambda r: put(r, MISSING, "#pragma once\ninline uint32_t start_of(const Tensor& tensor) { return 3; }\n"),
        True,
    ),
    "an include that means another file": (
        lambda r: put(
            r,
            f"{OPS}/copy/device/ttnn/operations/common/address.hpp",
            "inline uint32_t start_of(const Tensor& tensor) { return 5; }\n",
        ),
        True,
    ),
    "an include folder": (
        lambda r: put(
            r,
            f"{OPS}/include/ttnn/operations/far/missing.hpp",
            "inline uint32_t start_of(const Tensor& t) { return 5; }\n",
        ),
        True,
    ),
    "an include of an include": (
        together(
            lambda r: put(r, f"{OPS}/deep/deep.hpp", f"namespace ttnn::operations::test {{ {NEARER} }}\n"),
            lambda r: put(r, OTHER, '#pragma once\n#include "ttnn/operations/deep/deep.hpp"\n'),
        ),
        True,
    ),
    "who launches it": (lambda r: change(r, LAUNCHER, "{1, false}", "{4, true}"), False),
    "another launcher": (lambda r: put(r, f"{OPS}/copy/more.cpp", LAUNCH.replace("{1, false}", "{4, true}")), False),
    "a file that cannot be read": (lambda r: (r / HELPER).write_bytes(b"\0"), True),
    "a file that is a link": (
        together(
            lambda r: (r / HELPER).unlink(),
            lambda r: put(r, "other/far.cpp", "int x;"),
            lambda r: (r / HELPER).symlink_to(r / "other/far.cpp"),
        ),
        True,
    ),
}
# What cannot matter, with the batches that are analysed again all the same: those whose files are not what they were.
IDLE: dict[str, Change] = {
    "nothing": lambda r: None,
    "the times of all files": touch,
    "a file that is looked through": lambda r: put(r, OTHER, "#pragma once\nconstexpr uint32_t UNUSED = 2;\n"),
    "a new file in a folder of includes": lambda r: put(r, f"{OPS}/common/new.hpp", "constexpr uint32_t NEW = 2;\n"),
    "a new file beside": lambda r: put(r, f"{OPS}/copy/device/new.hpp", "constexpr uint32_t NEW = 2;\n"),
    "a new folder": lambda r: put(r, "docs/new.md", "new"),
    "a file that was looked through is gone": lambda r: (r / OTHER).unlink(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_noticed(root: Path, what: str) -> None:
    made, matters = CHANGES[what]
    before = looked(root, FACTORY)
    assert same(root, FACTORY) == 1
    made(root)
    after = looked(root, FACTORY, cache=False)
    assert (after.facts != before.facts or after.operations != before.operations) == matters
    same(root, FACTORY)
    same(root, OPS)


def test_a_file_that_only_others_could_see(root: Path) -> None:
    put(root, f"{OPS}/deep/deep.hpp", NEARER)
    put(root, HELPER, f"namespace helpers {{\n{START.format(value='tensor.buffer()->address()')}}}\n")
    put(root, LAUNCHER, f'#include "ttnn/operations/deep/deep.hpp"\n{LAUNCH}')
    before = looked(root, FACTORY)
    put(root, OTHER, '#pragma once\n#include "ttnn/operations/deep/deep.hpp"\n')
    assert looked(root, FACTORY, cache=False).facts != before.facts
    same(root, FACTORY)


@pytest.mark.parametrize("what", IDLE)
def test_a_change_that_cannot_matter(root: Path, what: str) -> None:
    same(root, FACTORY, MOVE)
    IDLE[what](root)
    assert same(root, FACTORY, MOVE) == 2


def test_only_the_op_concerned_is_analysed_again(root: Path) -> None:
    same(root, OPS)
    batches = looked(root, OPS).batches
    change(root, MOVE, "[0] =", "[1] =")
    assert same(root, OPS) == batches - 1
    change(root, KERNEL, "(1)", "(5)")
    assert same(root, OPS) == batches - 1


def test_a_change_back(root: Path) -> None:
    first = looked(root, FACTORY)
    text = (root / HELPER).read_text()
    put(root, HELPER, START.format(value="7"))
    assert looked(root, FACTORY).facts != first.facts
    put(root, HELPER, text)
    assert looked(root, FACTORY).facts == first.facts


def test_the_order_of_batches_does_not_matter(root: Path) -> None:
    one = looked(root, FACTORY, MOVE, cache=False)
    other = looked(root, MOVE, FACTORY, cache=False)
    assert sorted(one.facts, key=repr) == sorted(other.facts, key=repr)


def test_options_are_told_apart(root: Path) -> None:
    looked(root, FACTORY)
    for options in (Options(cache=True, only="Nothing"), Options(cache=True, paths_budget=2)):
        assert analyse(root, [root / FACTORY], options).cached == 0
        assert analyse(root, [root / FACTORY], options).cached == 1
    for options in (Options(cache=True, calls=True), Options(cache=True, inputs=True)):
        looked(root, FACTORY)
        assert analyse(root, [root / FACTORY], options).cached == 0


def test_what_a_time_limit_ended_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tt_cache_lint.hash.calls.SECONDS", 0.0)
    looked(root, FACTORY)
    assert looked(root, FACTORY).cached == 0


def test_a_fault_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("tt_cache_lint.engine._facts", _fails)
        assert any(problem.fault for problem in looked(root, FACTORY).problems)
    again = looked(root, FACTORY)
    assert again.cached == 0
    assert not again.problems


def _fails(*_: object) -> object:
    raise ValueError("of this tool")


# -- the recording -----------------------------------------------------------------------------------------------------


class Forgetful(Reads):
    """Forgets what it is told of."""

    forgotten = ""

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        return type(found)() if name == object.__getattribute__(self, "forgotten") else found


@pytest.mark.parametrize(
    ("forgotten", "what"),
    [
        ("used", "the kernel reads more"),
        ("closures", "an include of an include"),
        ("closures", "a definition where there was none"),
        ("closures", "a missing include"),
        ("asked", "a definition where there was none"),
        ("asked", "an include of an include"),
    ],
)
def test_these_tests_see_what_is_not_recorded(
    root: Path, monkeypatch: pytest.MonkeyPatch, forgotten: str, what: str
) -> None:
    monkeypatch.setattr(Forgetful, "forgotten", forgotten)
    monkeypatch.setattr("tt_cache_lint.factory.find.Reads", Forgetful)
    looked(root, FACTORY)
    CHANGES[what][0](root)
    with pytest.raises(AssertionError):
        same(root, FACTORY)


def test_a_finder_remembers_nothing_of_a_batch(root: Path) -> None:
    from tt_cache_lint.engine import Worker

    worker = Worker(root, Options())
    worker.analyse({FACTORY: True})
    first, again = worker.finder, worker.finder.again()
    assert isinstance(again, Finder)
    assert again.interp is not first.interp
    assert again.index is not first.index
    assert not again.interp.lowered
    assert not any(f.instances for d in first.index._defs.values() for group in d.functions.values() for f in group)


# -- the command -------------------------------------------------------------------------------------------------------


def command(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "tt_cache_lint", "check", "--root", ".", *args]
    return subprocess.run(line, cwd=root, capture_output=True, text=True)


def report(root: Path, *args: str) -> dict[str, Any]:
    done = command(root, "--format", "json", *args)
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    found["summary"].pop("seconds")
    return found


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    folder = Path(__file__).parents[1] / "fixtures"
    for name in ("include", "stale-scalar", "hash-omits", "narrowed-handle"):
        shutil.copytree(folder / name, tmp_path / name)
    return tmp_path


def test_reports_are_the_same(fixtures: Path, trusting: bool) -> None:
    fresh = report(fixtures, "--no-cache", ".")
    assert not (fixtures / CACHE).exists()
    assert len(fresh["findings"]) > 5
    assert report(fixtures, ".") == fresh
    assert (fixtures / CACHE).exists()
    assert report(fixtures, ".") == fresh
    assert report(fixtures, "--jobs", "2", ".") == fresh


FOLDERS = sorted(f for f in (Path(__file__).parents[1] / "fixtures").iterdir() if f.is_dir() and f.name != "include")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_found_can_be_kept(folder: Path) -> None:
    """What cannot be kept is found anew in every run, which nobody would notice."""
    found = analyse(folder.parent, [folder], Options())
    assert found.lasting
    assert pack_answer(Answer(found.facts, found.operations, found.problems, found.files))


def test_several_processes_keep_and_find(fixtures: Path) -> None:
    options = Options(cache=True, jobs=2)
    first = analyse(fixtures, [fixtures], options)
    again = analyse(fixtures, [fixtures], options)
    assert first.cached == 0
    assert again.cached == again.batches == first.batches > 4
    assert (again.facts, again.operations, again.problems) == (first.facts, first.operations, first.problems)


def test_settings_are_followed(root: Path) -> None:
    assert report(root, OPS)["findings"]
    put(root, "tt-cache-lint.toml", 'exclude = ["**/move/**"]\n')
    assert not report(root, OPS)["findings"]
    put(root, "tt-cache-lint.toml", 'ignore = ["TTC3"]\n')
    assert [f["factory"] for f in report(root, OPS)["factories"]]
    put(root, "tt-cache-lint.toml", "path-budget = 1\n")
    assert report(root, OPS) == report(root, "--no-cache", OPS)


def test_verbose_says_what_came_from_it(root: Path) -> None:
    assert "From the cache" not in command(root, "-v", FACTORY).stdout
    assert "From the cache: 1 of 1 groups of files" in command(root, "-v", FACTORY).stdout
    assert "From the cache" not in command(root, FACTORY).stdout


# -- the store ---------------------------------------------------------------------------------------------------------


def entries(root: Path) -> list[Path]:
    (folder,) = (f for f in (root / CACHE).iterdir() if f.is_dir())
    return sorted(folder.iterdir())


def test_it_is_marked_as_a_cache(root: Path) -> None:
    looked(root, FACTORY)
    assert (root / CACHE / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert (root / CACHE / ".gitignore").read_text() == "*\n"


def hostile(data: bytes) -> dict[str, bytes]:
    chance = random.Random(7)
    entry = unpack(data)
    far = Entry(unpack(data).made, entry.answer)
    far.made.closures["../../etc/x.cpp"] = b""
    path = Entry(unpack(data).made, entry.answer)
    path.made.used["/etc"] = {"passwd": bytes(24)}
    name = Entry(unpack(data).made, entry.answer)
    name.made.passed[""] = {"..": bytes(24), "a/../../b": bytes(24)}
    wrong = Entry(unpack(data).made, msgspec.msgpack.encode({"facts": [{"factory": 7}]}))
    other = Entry(unpack(data).made, b"\xdd\xff\xff\xff\xff")
    short = Entry(unpack(data).made, entry.answer)
    short.made.used = {folder: dict.fromkeys(names, b"") for folder, names in short.made.used.items()}
    return {
        "nothing": b"",
        "noise": chance.randbytes(5_000),
        "half": data[: len(data) // 2],
        "more": data + b"x",
        "a bit": data[:200] + bytes([data[200] ^ 1]) + data[201:],
        "json": b'{"made": []}',
        "no code": b"cos\nsystem\n(S'touch hacked'\ntR.",
        "above the root": pack(far),
        "from the root of all": pack(path),
        "names that are paths": pack(name),
        "another answer": pack(wrong),
        "a list of four thousand million": pack(other),
        "no digests": pack(short),
    }


def test_hostile_entries(root: Path) -> None:
    fresh = looked(root, FACTORY, cache=False)
    looked(root, FACTORY)
    (file,) = entries(root)
    good = file.read_bytes()
    for what, data in hostile(good).items():
        file.write_bytes(data)
        found = looked(root, FACTORY)
        assert (found.facts, found.operations, found.problems) == (fresh.facts, fresh.operations, fresh.problems), what
        assert found.cached == 0, what
        assert looked(root, FACTORY).cached == 1, what


def test_a_bomb(root: Path) -> None:
    import zlib

    from tt_cache_lint.source.reads import digest

    looked(root, FACTORY)
    (file,) = entries(root)
    body = zlib.compress(bytes(200_000_000), 1)
    file.write_bytes(digest(body) + body)
    assert looked(root, FACTORY).cached == 0


@pytest.mark.parametrize("level", [".tt-cache-lint", CACHE, "version", "entry"])
def test_links_are_not_followed(root: Path, tmp_path_factory: pytest.TempPathFactory, level: str) -> None:
    looked(root, FACTORY)
    (entry,) = entries(root)
    place = {"version": entry.parent, "entry": entry}.get(level, root / level)
    far = tmp_path_factory.mktemp("far") / "moved"
    place.rename(far)
    place.symlink_to(far)
    before = {f: f.read_bytes() for f in far.parent.rglob("*") if f.is_file()}
    assert looked(root, FACTORY).cached == 0
    assert {f: f.read_bytes() for f in far.parent.rglob("*") if f.is_file()} == before
    assert looked(root, FACTORY).cached == (level == "entry")  # which was written where the link was


@pytest.mark.parametrize("what", ["file", "fifo", "folder"])
def test_something_else_in_its_place(root: Path, what: str) -> None:
    looked(root, FACTORY)
    (entry,) = entries(root)
    entry.unlink()
    if what == "fifo":
        os.mkfifo(entry)
    elif what == "folder":
        entry.mkdir()
    else:
        shutil.rmtree(root / ".tt-cache-lint")
        (root / ".tt-cache-lint").write_text("mine")
    assert looked(root, FACTORY).cached == 0
    looked(root, FACTORY)


def test_a_folder_that_cannot_be_written_to(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    fresh = looked(root, FACTORY, cache=False)
    assert looked(root, FACTORY).facts == fresh.facts
    assert not (root / ".tt-cache-lint").exists()
    monkeypatch.undo()
    looked(root, FACTORY)
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    put(root, HELPER, START.format(value="7"))
    assert looked(root, FACTORY).facts == looked(root, FACTORY, cache=False).facts


def test_two_at_once(root: Path) -> None:
    fresh = looked(root, FACTORY, MOVE, cache=False)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tt_cache_lint", "check", "--root", ".", "--format", "json", FACTORY, MOVE],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    reports = []
    threads = [threading.Thread(target=lambda p=p: reports.append(p.communicate())) for p in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {error for _, error in reports} == {b""}
    found = [json.loads(out)["findings"] for out, _ in reports]
    assert found == [found[0]] * 4
    kept = looked(root, FACTORY, MOVE)
    assert kept.cached == 2
    assert kept.facts == fresh.facts
    assert not [file for file in entries(root) if file.name.startswith(".")]


def test_it_does_not_grow_for_ever(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_ENTRIES", 3)
    for budget in range(1, 9):
        analyse(root, [root / MOVE], Options(cache=True, paths_budget=budget))
    assert len(entries(root)) <= 4
    for at in range(5):
        put(root, f"{CACHE}/{at:020x}/entry", "")
    put(root, f"{CACHE}/mine/entry", "")
    put(root, MOVE, factory(CREATE, REFRESH, name="Move"))
    looked(root, MOVE)
    versions = [f for f in (root / CACHE).iterdir() if f.is_dir()]
    assert len(versions) <= store.MOST_VERSIONS + 1


def test_another_version_of_the_tool(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked(root, FACTORY)
    monkeypatch.setattr(store, "tool", lambda: "0123456789abcdef0123")
    assert looked(root, FACTORY).cached == 0
    assert looked(root, FACTORY).cached == 1
