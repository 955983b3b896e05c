"""Runs small C++ functions in the interpreter, as the engine would run a factory's helpers.

A snippet is one or several files below a temporary root. Its function is called in one world; what it returns comes
back as plain Python data, so that a test can say `value(root, "int f() { return 7 / 2; }") == 3`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# The two modules that fill the tables of known functions and types.
from tt_cache_lint import infra  # noqa: F401
from tt_cache_lint.device import tables  # noqa: F401
from tt_cache_lint.device.program import enter
from tt_cache_lint.engine import RECURSION
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.values import Map, Opt, Struct, Unknown, Value, Vec, plain
from tt_cache_lint.interp.world import World
from tt_cache_lint.source.files import SourceTree
from tt_cache_lint.source.index import Index

MAIN = "snippet.cpp"


@dataclass(frozen=True)
class Case:
    """A snippet whose function `f` a C++ compiler makes return `expected`."""

    name: str
    code: str
    expected: Any
    bug: str = ""  # why the interpreter says something else today


def parameters(cases: Iterable[Case]) -> list[Any]:
    """pytest parameters. What is known to be wrong has to stay wrong, or its mark must go."""
    return [
        pytest.param(c, id=c.name, marks=[pytest.mark.xfail(strict=True, reason=c.bug)] if c.bug else []) for c in cases
    ]


@dataclass
class Ran:
    """What a snippet gave."""

    value: Value
    machine: Machine
    interp: Interp

    @property
    def data(self) -> Any:
        return data(self.value)


def interp_of(root: Path, files: Mapping[str, str] | str) -> Interp:
    """The interpreter of a tree with these files."""
    for name, text in ({MAIN: files} if isinstance(files, str) else files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Interp(Index(SourceTree(root)))


def run(
    root: Path,
    files: Mapping[str, str] | str,
    name: str = "f",
    args: tuple[Value, ...] = (),
    *,
    targs: tuple[Any, ...] = (),
    at: str = MAIN,
    world: World | None = None,
    phase: str = "create",
) -> Ran:
    """Call the function `name` of the file `at`."""
    return call(interp_of(root, files), name, at, args, targs=targs, world=world, phase=phase)


def call(
    interp: Interp,
    name: str,
    at: str = MAIN,
    args: tuple[Value, ...] = (),
    *,
    targs: tuple[Any, ...] = (),
    world: World | None = None,
    phase: str = "create",
) -> Ran:
    """Call a function of a tree that is there already."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    defs = interp.index.defs(at)
    assert defs is not None
    machine = Machine(interp, world or World(0))
    machine.phase = phase
    enter(machine)
    function = defs.functions[name][0]
    code = interp.code(machine, function, targs, list(args))
    return Ran(value_of(machine.invoke(code, list(args))), machine, interp)


def value(root: Path, files: Mapping[str, str] | str, name: str = "f", args: tuple[Value, ...] = ()) -> Any:
    """What `name` returns, as plain Python data. Nothing in the snippet may stay unknown."""
    ran = run(root, files, name, args)
    assert not ran.machine.unknown, ran.machine.unknown
    return ran.data


def data(value: Value) -> Any:
    """A value as plain Python data: sequences as lists, structs and maps as dictionaries."""
    value = value_of(value)
    if isinstance(value, Opt):
        return data(value.v)
    if isinstance(value, Vec):
        return [data(item) for item in value.items]
    if isinstance(value, Map):
        return {data(key): data(item) for key, item in value.ordered()}
    if isinstance(value, Struct):
        return {name: data(value.get(name)) for name in value.names()}
    if isinstance(value, Unknown):
        return f"unknown {value.key}"
    xy = getattr(value, "xy", None)
    return xy if xy is not None else plain(value)
