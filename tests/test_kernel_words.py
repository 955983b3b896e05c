"""Which runtime arguments a device kernel makes nothing of, and that a finding about such a slot is a note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from small_factory import CREATE, REFRESH, STALE, factory
from tt_cache_lint.device.kernel_build import Compiled
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_readers import Elsewhere
from tt_cache_lint.device.kernel_words import uses
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.model import Cause, Confidence, Severity
from tt_cache_lint.rule import load_rules
from tt_cache_rules.stale_buffer_address import StaleBufferAddress


def arg(index: object) -> str:
    return f"get_arg_val<uint32_t>({index})"


def unused(
    body: str, *arguments: int | None, index: int = 0, before: str = "", header: str = "", **compiled: object
) -> bool:
    """Does `void kernel_main()` with this body make nothing of an argument?"""
    text = f"{before}\nvoid kernel_main() {{\n{body}\n}}".encode()
    code, beside = KernelCode("k.cpp", text), Elsewhere()
    beside.add(code.file, code.body)
    other = KernelCode("h.hpp", header.encode()).file
    beside.add(other, None)
    given = Compiled(
        texts=(text, other.text),
        elsewhere=frozenset(beside.literal),
        helpers=beside.helpers(),
        **compiled,  # type: ignore[arg-type]
    )
    return uses(code, given, arguments or (None,) * 8, ()).ignores(index, False)


A = f"const uint32_t a = {arg(0)};"
B = f"const uint32_t b = {arg(1)};"
SENDER = "constexpr bool sender = get_compile_time_arg_val(2);"


@pytest.mark.parametrize(
    "body",
    [
        "",
        A,
        f"{A} {B} send(b);",
        f"uint32_t i = 0; uint32_t a = {arg('i++')}; uint32_t b = {arg('i++')}; send(b);",
        f"{A} const auto reader = TensorAccessor(args, a);",
        f"{A} InterleavedAddrGenFast<true> s = {{.bank_base_address = a, .page_size = 32}};",
        f"{A} uint32_t c = a + 4; uint32_t d = c * 2;",
        f"{A} uint32_t c = 0; c = a;",
        f"{A} (void)a;",
        f"{A} if constexpr (false) {{ send(a); }}",
        f"{A} {B} {SENDER} if constexpr (sender) {{ send(a); }} else {{ f(b); }}",
        f"{A} {SENDER} for (int k = 0; k < 9; ++k) {{ if constexpr (sender) {{ f(a); }} }}",
        f"{A}\n#ifdef OFF\nsend(4);\n#else\nrest();\n#endif",
        f"uint32_t i = 0; {A}\n#ifdef OFF\ni++;\n#endif\nauto b = {arg('i + 1')}; send(b);",
        f"uint32_t i = 0; {A}\n#if defined(OFF) || !defined(ON)\ni++;\n#else\ni += 2;\n#endif\nauto b = {arg('i')};",
        f"{A}\nvolatile tt_l1_ptr uint32_t* p = reinterpret_cast<volatile tt_l1_ptr uint32_t*>(4); *p = 1;",
        f"{A} const uint32_t from = 2; auto c = {arg('from')}; helper(from);",
        f"{A} return; send(a);",
        f"{A} {SENDER} if constexpr (not sender or sender) {{ rest(); }} else {{ send(a); }}",
        "helper(1); rest(0);",
    ],
)
def test_unused(body: str) -> None:
    header = "void helper(uint32_t i) { send(get_arg_val<uint32_t>(i)); }"
    assert unused(body, header=header, words={2: 0}, roles=frozenset((2,)), defines={"ON": "1"})


@pytest.mark.parametrize(
    "body",
    [
        f"send({arg(0)});",
        f"{A} send(a);",
        f"{A} const auto reader = TensorAccessor(args, a); noc_async_read_page(0, reader, 4);",
        f"{A} TensorAccessor reader(args, a); noc_async_read_page(0, reader, 4);",
        f"{A} Connection c(a);",
        f"{A} uint32_t c = a + 4; for (int k = 0; k < c; ++k) {{ rest(); }}",
        f"{A} uint32_t c = 0; if (x) {{ c = a; }} send(c);",
        f"{A} auto f = [&]() {{ send(a); }}; f();",
        f"{A} if (a > 3) {{ rest(); }}",
        f"{A} if (unknown) {{ send(a); }}",
        f"{A} constexpr bool sender = get_compile_time_arg_val(3); if constexpr (sender) {{ send(a); }}",
        f"{A} while (x) {{ send(a); }}",
        f"{A} return a;",
        f"{A}\n#ifdef ON\nsend(a);\n#endif",
        f"{A}\n#ifdef OFF\nsend(a);\n#endif",  # for other inputs
        f"{A}\n#ifndef ON\nsend(a);\n#endif",
        f"{A} constexpr bool dram = get_compile_time_arg_val(3); if constexpr (dram) {{ send(a); }}",
        f"{A} {SENDER} constexpr bool dram = get_compile_time_arg_val(3); if constexpr (dram || sender) {{ send(a); }}",
        f"constexpr bool dram = get_compile_time_arg_val(3); uint32_t a = dram ? {arg(0)} : 0; send(a);",
        f"{A}\n#ifdef ARCH_BLACKHOLE\nsend(a);\n#endif",
        f"{A}\n#ifdef HERE\nsend(a);\n#endif",
        f"{A}\n#define FIRST a\nsend(FIRST);",
        f"{A} table[a] = 3;",
        f"{A} *reinterpret_cast<uint32_t*>(a) = 3;",
        f"{A} DPRINT << a << ENDL();",
        f"uint32_t i = 0; if (x) {{ i++; }} auto a = {arg('i')};",
        "uint32_t i = 0; helper(i);",
        "helper(0);",
        "helper(start);",
        "auto p = (uint32_t*)get_arg_addr(0); send(p[0]);",
        "outer();",
        f"{A} {B} if (b == 1) {{ send(a); }}",
    ],
)
def test_used(body: str) -> None:
    header = (
        "#define HERE 1\nvoid helper(uint32_t i) { send(get_arg_val<uint32_t>(i)); }\n"
        "struct Outer { Outer() { send(get_arg_val<uint32_t>(0)); } }; void outer() { Outer o; }"
    )
    assert not unused(body, header=header, words={2: 0, 3: 0}, roles=frozenset((2,)), defines={"ON": "1"})


def test_an_object_that_fetches_arguments_may_read_any() -> None:
    fetcher = "struct Fetcher { int at = 0; uint32_t next() { return get_arg_val<uint32_t>(at++); } };"
    assert unused("other();", header=fetcher)
    assert not unused("Fetcher fetcher; const auto a = fetcher.next(); send(a);", header=fetcher)


def test_a_core_s_other_arguments_decide() -> None:
    body = f"{A} const bool worker = {arg(1)}; if (worker) {{ send(a); }}"
    own = frozenset((1,))
    assert [unused(body, None, number, own=own) for number in (0, 1, None)] == [True, False, False]
    assert not unused(body, None, 0)  # the same on all cores: other inputs may give another number


def test_without_the_defines_numbers_are_lost() -> None:
    body = f"uint32_t i = 0; {A}\n#ifdef OFF\ni++;\n#endif\nauto b = {arg('i + 1')}; send(b);"
    assert (unused(body, defines={}), unused(body, defines=None)) == (True, False)


@pytest.mark.parametrize("flag", ["0", "1"])
def test_a_condition_in_words_is_not_taken_for_its_opposite(flag: str) -> None:
    body = f"int n = 5; {A}\n#if not FLAG\nn = 0;\n#endif\nif (n) {{ send(a); }}"
    assert not unused(body, defines={"FLAG": flag})


@pytest.mark.parametrize(("read", "expected"), [(arg(0), Confidence.POSSIBLE), ("0", Confidence.CERTAIN)])
def test_a_call_that_never_worked_shows_nothing_for_certain(tmp_path: Path, read: str, expected: Confidence) -> None:
    """The override writes to a core that create() gave no arguments, and where the kernel reads some."""
    (tmp_path / "writer.cpp").write_text(f"void kernel_main() {{ send({read}); }}")
    create = CREATE.replace("SetRuntimeArgs(program, writer", "if (core.x == 0) SetRuntimeArgs(program, writer")
    (tmp_path / "op.cpp").write_text(factory(create, REFRESH))
    (found,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    (outside,) = [d for d in found.differences if d.cause is Cause.OUT_OF_RANGE]
    assert (outside.slot.name, outside.confidence) == ("writer arg 0", expected)


@pytest.mark.parametrize(("line", "severity"), [("", None), ("noc_async_write(0, a, 32);", Severity.ERROR)])
def test_a_finding_without_effect_is_a_note(tmp_path: Path, line: str, severity: Severity | None) -> None:
    (tmp_path / "writer.cpp").write_text(f"void kernel_main() {{ {A} {line} }}")
    (tmp_path / "op.cpp").write_text(factory(CREATE, STALE))
    (found,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    (finding,) = StaleBufferAddress().check(found)
    assert finding.slot == "writer arg 0"
    assert finding.severity is (severity or Severity.NOTE)
    assert ("makes nothing of this argument" in finding.message) is (severity is None)


@pytest.mark.parametrize(
    "body",
    [
        f"{A}\n#ifdef OFF\nsend(a);\n#endif",
        f"{A}\n#ifdef ON\nrest();\n#else\nsend(a);\n#endif",
        f"{A}\n#if defined(OFF)\nsend(a);\n#elif MODE == 3\nsend(a + 1);\n#else\nrest();\n#endif",
        f"{A} constexpr uint32_t mode = MODE; if constexpr (mode == 3) {{ send(a); }}",
        f"{A} constexpr bool dram = get_compile_time_arg_val(3); if constexpr (dram) {{ send(a); }}",
        f'{A} constexpr bool dram = get_named_compile_time_arg_val("dram"); if constexpr (dram) {{ send(a); }}',
    ],
)
def test_what_one_program_is_compiled_with(body: str) -> None:
    """It decides when no other program matters; what is used by this one is used."""
    given: dict[str, Any] = {"words": {3: 0}, "named": {"dram": 0}, "defines": {"ON": "1", "MODE": "2"}}
    other: dict[str, Any] = {"words": {3: 1}, "named": {"dram": 1}, "defines": {"OFF": "1", "MODE": "3"}}
    assert [unused(body, exact=exact, **given) for exact in (False, True)] == [False, True]
    assert not unused(body, exact=True, **other)


DEFINE = """std::map<std::string, std::string> defines;
    if (attributes.flag) { defines["SEND"] = "1"; }
    auto cores ="""


@pytest.mark.parametrize(
    ("fresh", "severity"), [("!attributes.flag", Severity.ERROR), ("attributes.flag", Severity.NOTE)]
)
def test_a_guard_is_judged_by_what_is_compiled_under_it(tmp_path: Path, fresh: str, severity: Severity) -> None:
    """The argument is fresh under one condition, and the kernel that uses it is compiled under one."""
    text = factory(CREATE, f"{STALE} if ({fresh}) {{ {REFRESH} }}").replace("auto cores =", DEFINE, 1)
    text = text.replace("WriterDataMovementConfig({})", "WriterDataMovementConfig({}, defines)")
    (tmp_path / "op.cpp").write_text(text)
    (tmp_path / "writer.cpp").write_text(f"void kernel_main() {{ {A}\n#ifdef SEND\nsend(a);\n#endif\n}}")
    (found,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert [(d.slot.name, d.cause) for d in found.differences] == [("writer arg 0", Cause.GUARD)]
    assert [f.severity for rule in load_rules() for f in rule.check(found)] == [severity]
