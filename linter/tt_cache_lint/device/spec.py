"""Metal 2.0: the Program that a ProgramSpec and its run arguments make.

The structs are ordinary aggregates of the analysed tree (tt-metalium/experimental/metal2_host_api); their members were
renamed and rearranged several times in 2026. What is relied on is what stayed: kernels, buffers and tensor parameters
have names, a run argument belongs to the kernel whose name stands beside it and to the node that it is listed under,
and what is given by name is found by name (facts/since_may_2026.md sections 1.5 and 2.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import XY, CoreCoord, CoreRange, CoreRangeSet, cores_of
from tt_cache_lint.device.program import CircularBuffer, CoreArgs, Kernel, Program, new_program
from tt_cache_lint.device.tensors import Buffer, Tensor
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.registry import Site, function
from tt_cache_lint.interp.values import NOWHERE, InitList, Map, Mark, Opt, Struct, Value, Vec, identity, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

NAMED = "unique_id"  # the name of a kernel, a buffer, a tensor parameter
BORROWED = "borrowed_from"  # of a buffer: the tensor parameter in whose memory it lies
BINDINGS = "tensor_bindings"
TENSOR = "tensor "  # how the label of a slot begins that holds the address of a tensor argument
PLACES = (CoreRangeSet, CoreRange, CoreCoord)
DEPTH = 8


class NamedValues(Map):
    """The named values of a node, with where each is given."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__("unordered_map")
        self.marks: dict[object, Mark | None] = {}

    def copy(self) -> NamedValues:
        other = NamedValues()
        other.items, other.elem, other.key, other.marks = dict(self.items), self.elem, self.key, dict(self.marks)
        return other


@dataclass(slots=True)
class RunArgs:
    """What one kernel is given: by node (None: all of them) and label."""

    values: dict[XY | None, dict[str, tuple[Value, Mark | None]]] = field(default_factory=dict)

    def put(self, node: XY | None, label: str, value: Value, mark: Mark | None) -> None:
        self.values.setdefault(node, {})[label] = (value, mark)


def program_from_spec(m: Machine, spec: Struct, run: Struct) -> Program:
    """The program with its first run arguments. Raises Thrown when it has no kernels that can be read."""
    program = new_program(m, None)
    tensors = tensor_arguments(run)
    listed = spec.get("kernels")
    for position, item in enumerate(_items(listed)):
        if isinstance(item, Struct):
            _add_kernel(m, program, spec, item, listed.marks[position] if isinstance(listed, Vec) else None)
    if not program.kernels:
        raise Thrown("the spec has no kernels that can be read")
    for item in _items(spec.get("dataflow_buffers")):
        if isinstance(item, Struct):
            _add_buffer(m, program, item, tensors)
    given = run_arguments(run, [kernel.handle.name for kernel in program.kernels])
    for kernel in program.kernels:
        bound = {name: b for name, b in tensors.items() if name in set(_texts(kernel.config.get(BINDINGS)))}
        _give(m, kernel, given.get(kernel.handle.name, RunArgs()), bound)
    return program


def _add_kernel(m: Machine, program: Program, spec: Struct, item: Struct, mark: Mark | None) -> None:
    name = text_of(item.get(NAMED))
    source = next(iter(_texts(item.get("source"))), None)
    cores = [xy for place in _places_of(spec, name) for xy in cores_of(m, place)]
    kernel = Kernel(program, source, sorted(set(cores)), item, item.marks.get("") or mark or NOWHERE)
    kernel.stack = tuple(m.stack)
    kernel.handle.name = name
    kernel.named = True
    program.kernels.append(kernel)


def _places_of(spec: Struct, kernel: str) -> Iterator[Value]:
    """The nodes that the units of work name which name the kernel."""
    for name, value in _members(spec).items():
        if name == "kernels":
            continue
        for unit in _items(value):
            if isinstance(unit, Struct) and kernel in set(_texts(unit.get("kernels"))):
                yield from (v for v in map(_opened, _members(unit).values()) if isinstance(v, PLACES))


def _add_buffer(m: Machine, program: Program, item: Struct, tensors: dict[str, Buffer]) -> None:
    mark = item.marks.get("") or NOWHERE
    cb = CircularBuffer(program, [], mark)
    cb.stack = tuple(m.stack)
    name = text_of(item.get(NAMED))
    size, count = ops.number(m, item.get("entry_size")), ops.number(m, item.get("num_entries"))
    cb.total = ops.binary(m, "*", size, count)
    cb.formats[name], cb.pages[name] = item.get("data_format_metadata"), size
    borrowed = next(iter(_texts(item.get(BORROWED))), "")
    cb.buffer = tensors.get(borrowed)
    program.cbs.append(cb)


def _give(m: Machine, kernel: Kernel, given: RunArgs, tensors: dict[str, Buffer]) -> None:
    """The first values of the run arguments, and the addresses of the tensors that are bound to the kernel."""
    common = given.values.setdefault(None, {}) if tensors else given.values.get(None, {})
    listed = kernel.config.marks.get(BINDINGS) or kernel.mark
    for name, buffer in tensors.items():
        written = Mark(listed.path, listed.line, listed.column, listed.line, name)
        common[f"{TENSOR}{name}"] = (m.world.address(buffer.owner, buffer.run), written)
    for node, values in given.values.items():
        if not values:
            continue
        labels = m.world.labels.setdefault((kernel.handle.name, node is None), [])
        labels += [label for label in values if label not in labels]
        found = [values.get(label, (None, None)) for label in labels]
        data = CoreArgs([v for v, _ in found], [mark for _, mark in found], kernel.mark, kernel.stack)
        if node is None:
            kernel.common = data
        else:
            kernel.args[node] = data
            if node not in kernel.inside:  # the units of work were not understood
                kernel.cores.append(node)
                kernel.inside = kernel.inside | {node}


def apply_run_arguments(m: Machine, program: Program, run: Struct) -> None:
    """UpdateProgramRunArgs(): what is given is written, everything else keeps its value
    (tt_metal/impl/metal2_host_api/program_run_args.cpp)."""
    given = run_arguments(run, [kernel.handle.name for kernel in program.kernels])
    for kernel in program.kernels:
        for node, values in given.get(kernel.handle.name, RunArgs()).values.items():
            data = kernel.common if node is None else kernel.args.get(node)
            labels = m.world.labels.get((kernel.handle.name, node is None), [])
            for label, (value, mark) in values.items():
                if data is not None and label in labels and labels.index(label) < len(data.vals):
                    at = labels.index(label)
                    data.vals[at] = value
                    data.writes[at] = (mark or data.set_call, tuple(m.stack))
    apply_tensors(m, program, tensor_arguments(run))


def apply_tensors(m: Machine, program: Program, tensors: dict[str, Buffer]) -> None:
    """UpdateTensorArgs(): the addresses of these tensors, for the kernels and in borrowed memory."""
    for kernel in program.kernels:
        labels, data = m.world.labels.get((kernel.handle.name, True), []), kernel.common
        for at, label in enumerate(labels):
            buffer = tensors.get(label.removeprefix(TENSOR)) if label.startswith(TENSOR) else None
            if buffer is not None and data is not None and at < len(data.vals):
                data.vals[at] = m.world.address(buffer.owner, buffer.run)
                data.writes[at] = (data.set_call, data.stacks)
    for cb in program.cbs:
        borrowed = next(
            (b for b in tensors.values() if isinstance(cb.buffer, Buffer) and b.owner == cb.buffer.owner), None
        )
        if borrowed is not None:
            cb.buffer = borrowed
            cb.writes.append((cb.mark, cb.stack))


# -- reading ---------------------------------------------------------------------------------------------------------


def run_arguments(run: Struct, kernels: list[str]) -> dict[str, RunArgs]:
    """What each kernel is given."""
    found: dict[str, RunArgs] = {}
    for value in _members(run).values():
        for name, part in _named_parts(value, kernels):
            _collect(part, found.setdefault(name, RunArgs()), None, "", name)
    return found


def tensor_arguments(run: Struct) -> dict[str, Buffer]:
    """The buffers of the tensor arguments, by the name of the parameter."""
    found: dict[str, Buffer] = {}
    for entry in _entries(run.get("tensor_args")):
        buffer = next(_buffers(entry), None)
        name = next(iter(_texts(entry)), "")
        if buffer is not None and name:
            found[name] = buffer
    return found


def _named_parts(value: Value, names: list[str], depth: int = 0) -> Iterator[tuple[str, Value]]:
    """The parts of a value that stand beside one of some names, as its key or as a member."""
    for entry in _entries(value) if depth < DEPTH else ():
        parts = list(_members(entry).values()) if isinstance(entry, Struct) else _items(entry)
        name = next((text for part in parts for text in [text_of(part)] if text in names), "")
        if name:
            yield name, entry


def _collect(
    value: Value, into: RunArgs, node: XY | None, label: str, kernel: str, depth: int = 0, at: Mark | None = None
) -> None:
    """Every number below a value, which is written `at` some place, with the node that it is listed under."""
    value = _opened(value)
    if depth > DEPTH or isinstance(value, (str, *PLACES)) or value is None:
        return
    if isinstance(value, Map):
        for identity_of_key, (key, item) in value.items.items():
            place = _opened(key)
            if isinstance(value, NamedValues) and text_of(key):
                into.put(node, text_of(key), value_of(item), value.marks.get(identity_of_key))
                continue
            if isinstance(place, CoreCoord):
                _collect(item, into, place.xy, label, kernel, depth + 1)
            else:
                _collect(item, into, node, text_of(key) or label, kernel, depth + 1)
    elif isinstance(value, Struct):
        places = (p.xy for p in map(_opened, _members(value).values()) if isinstance(p, CoreCoord))
        node = next(places, node)
        for name, item in _members(value).items():
            _collect(item, into, node, name, kernel, depth + 1, value.marks.get(name))
    elif isinstance(value, (Vec, InitList)):
        parts = [_opened(item) for item in value.items]
        second = value.marks[1] if len(parts) == 2 and len(value.marks) == 2 else None
        if len(parts) == 2 and isinstance(parts[0], CoreCoord):
            _collect(parts[1], into, parts[0].xy, label, kernel, depth + 1, second)
        elif len(parts) == 2 and text_of(parts[0]):
            name = text_of(parts[0])
            _collect(parts[1], into, node, label if name == kernel else name, kernel, depth + 1, second)
        else:
            for index, item in enumerate(value.items):
                mark = value.marks[index] if index < len(value.marks) else None
                if isinstance(_opened(item), (Struct, Map, Vec, InitList)):
                    _collect(item, into, node, label, kernel, depth + 1)
                else:
                    into.put(node, f"{label}[{index}]", value_of(item), mark)
    elif not isinstance(value, (Buffer, Tensor)):
        into.put(node, label, value, at)


def _members(value: Struct) -> dict[str, Value]:
    """The members that were given a value, or that were written to in place."""
    return {**value.defaults, **value.fields}


def _entries(value: Value) -> list[Value]:
    """The entries of a table: pairs of a name and what it has, or structs in which the name is a member."""
    value = _opened(value)
    if isinstance(value, Map):
        return [Vec([key, item], "pair") for key, item in value.items.values()]
    return _items(value)


def _items(value: Value) -> list[Value]:
    value = _opened(value)
    return [_opened(item) for item in value.items] if isinstance(value, (Vec, InitList)) else []


def _opened(value: Value) -> Value:
    value = value_of(value)
    return value.v if isinstance(value, Opt) else value


def text_of(value: Value) -> str:
    """A name: a string, or a class around one."""
    bare = plain(_opened(value))
    if isinstance(bare, str):
        return bare
    if isinstance(bare, Struct) and len(_members(bare)) == 1:
        return text_of(next(iter(_members(bare).values())))
    return text_of(bare.items[0]) if isinstance(bare, InitList) and len(bare.items) == 1 else ""


def _texts(value: Value, depth: int = 0) -> Iterator[str]:
    """All texts in a value."""
    value = _opened(value)
    found = text_of(value)
    if found:
        yield found
    elif depth < DEPTH:
        inner = list(_members(value).values()) if isinstance(value, Struct) else _entries(value)
        for item in inner:
            yield from _texts(item, depth + 1)


def _buffers(value: Value, depth: int = 0) -> Iterator[Buffer]:
    value = _opened(value)
    if isinstance(value, Tensor):
        yield value.buffer
    elif isinstance(value, Buffer):
        yield value
    elif depth < DEPTH:
        for item in list(_members(value).values()) if isinstance(value, Struct) else _entries(value):
            yield from _buffers(item, depth + 1)


@function("AddRuntimeArgsForNode", arity=(3, 3))
def add_arguments(m: Machine, site: Site, args: list[Value]) -> None:
    """Add named values for a node to a table of run arguments."""
    table, node = _opened(args[0]), _opened(args[1])
    if not isinstance(table, Map) or not isinstance(node, CoreCoord):
        m.unknown_call(site.name, args, (0,))
        return
    found = table.items.get(identity(node))
    values = found[1] if found is not None else NamedValues()
    table.items[identity(node)] = (node.copy(), values)
    for entry in _entries(args[2]):
        parts = _items(entry)
        if isinstance(values, Map) and len(parts) == 2:
            values.items[identity(parts[0])] = (parts[0], parts[1])
        if isinstance(values, NamedValues) and isinstance(entry, (InitList, Vec)) and len(parts) == 2:
            values.marks[identity(parts[0])] = entry.marks[1] or site.mark


@function("MakeRuntimeArgsForSingleNode", arity=(2, 2))
def make_arguments(m: Machine, site: Site, args: list[Value]) -> Value:
    """A table of run arguments with named values for one node."""
    table = Map()
    add_arguments(m, site, [table, *args])
    return table
