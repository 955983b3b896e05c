"""How the code that runs on a hit spells what it works with: the program, the handles it keeps, tensors and attributes.

In the typed infra these are members of the parameters of override_runtime_arguments(). A callback of the old infra gets
lists of tensors, or before 2023-11 of buffers, and what it captured it knows by name (ttnn/cpp/ttnn/operation.hpp).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.tensors import HELD_BUFFER

if TYPE_CHECKING:
    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.source.defs import FunctionDef

INPUTS, OPTIONAL, OUTPUTS = "tensor_args.input_tensors", "tensor_args.optional_input_tensors", "tensor_return_value"
TENSORS, BUFFERS = ["input_tensors", "optional_input_tensors", "output_tensors"], ["input_buffers", "output_buffers"]

OF_PROGRAMS = ("descriptor", "workload-descriptor")  # infras whose override gets the program itself


class Spelling:
    """The names of an override, or of a create() that is to bind them."""

    def __init__(self, factory: Factory) -> None:
        keys = ("operation_attributes", "tensor_args", "tensor_return_value")
        override = factory.override
        params = override.params if override is not None else []
        given = factory.create.params if factory.bound else params[factory.given_at :]  # what binds goes into create()
        names = {key: param.name or key for key, param in zip(keys, given, strict=False)}
        self.names = {**dict(zip(keys, keys, strict=True)), **names}
        self.cached = (params[0].name if params else "") or "cached_program"
        self.gets_program = factory.infra in OF_PROGRAMS

    def program(self, of_workload: bool) -> str:
        """The program that a hit works on."""
        if self.gets_program:
            return self.cached
        return "program" if of_workload else f"{self.cached}.program"

    def kept(self, name: str, of_workload: bool) -> str:
        """What create() left for the hit under a name."""
        return f"{self.cached}.shared_variables{'.at(range)' if of_workload else ''}.{name}"

    def tensor(self, owner: str) -> str:
        """A tensor, or any other part of what the op is given."""
        head, dot, rest = owner.partition(".")
        name = self.names.get(head.partition("[")[0], head)
        if head != name and "[" in head:
            name += head[head.index("[") :]
        return f"{name}{dot}{rest}"

    def attribute(self, key: str) -> str:
        """A member of the attributes; empty where the code that runs on a hit does not get them."""
        return self.tensor(key)

    def buffer(self, tensor: str) -> str:
        """The Buffer* of a tensor that is spelt so."""
        return tensor if tensor.endswith(HELD_BUFFER) else f"{tensor}.buffer()"


class CallbackSpelling(Spelling):
    """The names of a callback."""

    def __init__(self, factory: Factory, sizes: dict[str, int], op: str) -> None:
        super().__init__(factory)
        params = factory.override.params if factory.override is not None else []
        whole = len(params) == 5  # (operation, program, inputs, optional inputs, outputs), else lists of buffers
        self.buffers = factory.override is not None and _of_buffers(factory.override)
        lists = [p.name for p in params[-3:]] if whole else [p.name for p in params[-2:]]
        usual = TENSORS if whole else BUFFERS
        lists = [given or name for given, name in zip([*lists, *usual[len(lists) :]], usual, strict=True)]
        self.operation = f"static_cast<const {op}*>({params[0].name or 'operation'})" if whole else ""
        self.lists = {INPUTS: lists[0], OPTIONAL: lists[1] if whole else lists[0], OUTPUTS: lists[-1]}
        self.behind = 0 if whole else sizes.get("input_tensors", 0)  # buffers of optional inputs follow the others

    def program(self, of_workload: bool) -> str:
        return "program"

    def kept(self, name: str, of_workload: bool) -> str:
        return name

    def tensor(self, owner: str) -> str:
        head, found, rest = owner.partition("[")
        name = self.lists.get(head)
        if name is None:
            return owner
        number, _, rest = rest.partition("]") if found else ("0", "", "")
        at = int(number) + (self.behind if head == OPTIONAL else 0) if number.isdigit() else number
        return f"{name}.at({at}){rest}"

    def attribute(self, key: str) -> str:
        return f"{self.operation}->{key.partition('.')[2]}" if self.operation else ""

    def buffer(self, tensor: str) -> str:
        return tensor if self.buffers else super().buffer(tensor)


def _of_buffers(callback: FunctionDef) -> bool:
    types = (callback.file.text_of(p.type) for p in callback.params if p.type is not None)
    return any("Buffer" in text for text in types)


def spelling_of(factory: Factory) -> Spelling:
    """How the code that runs on a factory's hits spells things."""
    if factory.infra != "callback":
        return Spelling(factory)
    op = factory.op.struct.name if factory.op is not None else "void"
    return CallbackSpelling(factory, getattr(factory, "sizes", {}), op)
