"""Faults put into the interpreter on purpose, to see that its tests notice. test_fixtures_faults.py says who does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from tt_cache_lint.device import api, arguments, inputs, tensor_inputs, work_split
from tt_cache_lint.device.allocated import OWN
from tt_cache_lint.device.arguments import ArgRef, ArgView
from tt_cache_lint.infra import workload
from tt_cache_lint.interp import build, declarations
from tt_cache_lint.interp.lower import Lowering
from tt_cache_lint.interp.registry import FUNCTIONS
from tt_cache_lint.interp.values import Ref, Value, Vec
from tt_cache_lint.interp.world import World
from tt_cache_lint.source import declarators

FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {}


def fault(function: Callable[[], Iterator[None]]) -> Callable[[], Iterator[None]]:
    FAULTS[function.__name__.replace("_", " ")] = contextmanager(function)
    return function


@fault
def index_off_by_one() -> Iterator[None]:
    """`args[i]` is `args[i + 1]`."""
    original = ArgView.index_ref

    def mutant(self: ArgView, m: Any, at: Value) -> Ref:
        found = original(self, m, at)
        assert isinstance(found, ArgRef)
        found.at += 1
        return found

    with patch.object(ArgView, "index_ref", mutant):
        yield


@fault
def decision_ignored() -> Iterator[None]:
    """`if (x)` is taken whatever x is."""
    original, condition = Lowering.s_if_statement, Lowering.condition

    def always(self: Lowering, node: Any) -> Any:
        before, test = condition(self, node)
        return before, lambda f: (test(f), True)[1]

    def mutant(self: Lowering, node: Any) -> Any:
        with patch.object(Lowering, "condition", always):
            return original(self, node)

    with patch.object(Lowering, "s_if_statement", mutant):
        yield


@fault
def alias_lost() -> Iterator[None]:
    """`auto& x = y` makes a copy."""
    original = declarators.peel

    def mutant(node: Any) -> Any:
        return replace(original(node), ref=False)

    with patch.object(declarations, "peel", mutant):
        yield


@fault
def copy_is_an_alias() -> Iterator[None]:
    """`auto x = y` of a vector makes no copy."""
    with patch.object(Vec, "copy", lambda self: self):
        yield


@fault
def update_of_circular_buffers_lost() -> Iterator[None]:
    name = "UpdateDynamicCircularBufferAddress"
    with patch.dict(FUNCTIONS, {name: replace(FUNCTIONS[name], handler=lambda m, site, args: None)}):
        yield


@fault
def arguments_on_the_first_core_only() -> Iterator[None]:
    original = arguments.set_args

    def mutant(m: Any, kernel: Any, xys: Any, *rest: Any) -> Any:
        return original(m, kernel, list(xys)[:1], *rest)

    with patch.object(api, "set_args", mutant):
        yield


@fault
def rows_taken_for_columns() -> Iterator[None]:
    """Cores come column by column, whatever was asked for."""
    order, grid = work_split.ordered_cores, work_split.grid_order
    with (
        patch.object(work_split, "ordered_cores", lambda box, row_wise: order(box, False)),
        patch.object(work_split, "grid_order", lambda count, gx, gy, row_wise: grid(count, gx, gy, False)),
    ):
        yield


@fault
def second_core_group_works_as_much() -> Iterator[None]:
    original = work_split.split

    def mutant(*args: Any) -> Any:
        made = original(*args)
        made.items[5] = made.items[4]
        return made

    with patch.object(work_split, "split", mutant):
        yield


@fault
def second_call_gets_first_tensors() -> Iterator[None]:
    original = tensor_inputs.input_tensor
    with patch.object(inputs, "input_tensor", lambda world, name, run: original(world, name, 1)):
        yield


@fault
def fields_shifted_in_a_positional_list() -> Iterator[None]:
    """`T{a, b, c}` gives the members b, c, a."""
    original = build.aggregate

    def mutant(m: Any, decl: Any, type_: Any, given: Any) -> Any:
        if given.names is None and len(given.items) > 1 and decl.name.endswith("shared_variables_t"):
            given.items.append(given.items.pop(0))
        return original(m, decl, type_, given)

    with patch.object(build, "aggregate", mutant):
        yield


@fault
def nothing_is_freed() -> Iterator[None]:
    """What create() allocates lives on, whether anything holds it or not."""
    with patch.object(World, "run_of", lambda self, owner, run: 1 if run and owner.startswith(OWN) else run):
        yield


@fault
def bindings_of_a_workload_lost() -> Iterator[None]:
    with patch.object(workload, "patch", lambda call, program, binding: None):
        yield
