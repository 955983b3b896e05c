"""The mock host API does what facts/device_model.md says: a C++ program checks it rule by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

import fixture_driver
import fixture_report
from fixture_report import variable_of

MOST_LINES = 400


def test_semantics() -> None:
    fixture_driver.run_program(Path(__file__).parent / "mock_semantics.cpp")


def test_headers_stay_small() -> None:
    long = {
        path.name: len(path.read_text().splitlines()) for path in fixture_driver.INCLUDE.rglob("*") if path.is_file()
    }
    assert {name: lines for name, lines in long.items() if lines > MOST_LINES} == {}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("auto reader_id = CreateKernel(a);", "reader_id"),
        ("const KernelHandle reader_id =\n    tt::tt_metal::CreateKernel(\n        a);", "reader_id"),
        ("KernelHandle reader_id{CreateKernel(a)};", "reader_id"),
        ("ids.push_back(CreateKernel(a));", "ids"),
        ("shared.ids[i] = CreateKernel(a);", "shared.ids[i]"),
        ("shared_variables_t shared{.reader_id = CreateKernel(a)};", "reader_id"),
        ("return CreateKernel(a);", ""),
        ("use(CreateKernel(a));", ""),
    ],
)
def test_name_of_a_handle(tmp_path: Path, code: str, name: str) -> None:
    source = tmp_path / "factory.cpp"
    source.write_text(f"void create() {{\n{code}\n}}\n")
    line = next(number for number, text in enumerate(source.read_text().splitlines(), 1) if "CreateKernel(" in text)
    call = fixture_report.call_at(source, line)
    assert call is not None
    assert variable_of(call) == name
