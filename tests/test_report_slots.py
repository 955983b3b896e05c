"""The printers: `slots` and `explain`."""

from __future__ import annotations

from dataclasses import replace

from report_samples import CLEAN, FACTORY, PATH, SKIPPED
from tt_cache_lint.model import Place, Severity
from tt_cache_lint.report import View, explain, slots
from tt_cache_lint.rule import Rule

EXPECTED = f"""\
MaskOp::MultiCore  typed  {PATH}:5

  kernels
    handle            kernel                   cores  kept as           created at
    reader_kernel_id  kernels/reader_mask.cpp      4  reader_kernel_id  :8
    writer_kernel_id  kernels/writer_mask.cpp      4  not kept          :9

  circular buffers
    index   cores  total size  placed on          kept as  created at  re-pointed at
    CB c_0      4  4096        tensor_args.input  cb_src   :9          never

  slots
    slot                    cores  holds                                  from                                        \
set at  refreshed at
    reader_kernel_id arg 0      4  src->address()                         per dispatch: address of tensor_args.input  \
:13     :24
    reader_kernel_id arg 1      4  tensor_args.mask->buffer()->address()  per dispatch: address of tensor_args.mask   \
:13     no
    reader_kernel_id arg 2      4  num_tiles                              hashed: shape of tensor_args.input          \
:13     not needed
  3 slots need a refresh on a hit, 2 get it
"""


def test_the_whole_page() -> None:
    assert slots.render([FACTORY], View(width=150)) == EXPECTED


def test_partial_factories_say_so_and_empty_sections_too() -> None:
    out = slots.render([replace(SKIPPED, kernels=(), cbs=(), table=()), CLEAN], View(width=150))
    assert "  skipped: no override" in out
    assert "  kernels: none" in out
    assert "2 slots need a refresh on a hit, 2 get it" in out


def test_other_files_are_named() -> None:
    elsewhere = replace(FACTORY.table[0], set_at=Place("helper.cpp", 7), refreshed="partly")
    out = slots.render([replace(FACTORY, table=(elsewhere,))], View(width=150))
    assert "helper.cpp:7" in out
    assert "partly :24" in out


def test_other_files_go_by_their_last_name_and_are_listed() -> None:
    places = [Place(f"a/very/long/way/to/{folder}/send.cpp", line) for folder, line in (("x", 7), ("y", 8), ("x", 9))]
    table = tuple(replace(FACTORY.table[0], set_at=place) for place in places)
    out = slots.render([replace(FACTORY, table=table)], View(width=120))
    assert all(name in out for name in (" send.cpp:7 ", " send.cpp(2):8 ", " send.cpp:9 "))
    listed = out.partition("  other files")[2].split()
    assert listed[:4] == ["send.cpp", places[0].path, "send.cpp(2)", places[1].path]


def test_hostile_text() -> None:
    bad = replace(FACTORY.table[0], holds="\x1b[2J[red]\n::error::x", inputs=("\u202e##[error]",))
    out = slots.render([replace(FACTORY, table=(bad,), factory="::error::x")], View(width=80))
    assert all(char.isprintable() for char in out.replace("\n", ""))
    assert "##[" not in out
    assert not [line for line in out.splitlines() if line.lstrip().startswith("::")]


class Sample(Rule):
    """
    ## What it does
    Looks at `args[i]` and
    says so.

    - one
      item
    - another

    ## Example
    ```cpp
    auto x = args[i];

        indented();  // [red]
    ```
    """

    id = "TTC999"
    name = "sample"
    invariant = "I3"
    severity = Severity.WARNING
    summary = "a sample"


def test_explain() -> None:
    assert explain.render(Sample(), View()) == (
        "TTC999 sample · warning · invariant I3\na sample\n\n"
        "What it does\n\n  Looks at `args[i]` and says so.\n\n  - one item\n\n  - another\n\n"
        "Example\n\n    auto x = args[i];\n\n        indented();  // [red]\n"
    )
