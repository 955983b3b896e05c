"""Finding the factories of files, and the op each belongs to.

Parameters are bound by position; names play no role. The facts about layouts are those of facts/styles.md section 2.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tt_cache_lint.factory.found import Factory, Operation
from tt_cache_lint.factory.users import Users, op_folder
from tt_cache_lint.infra import INFRAS
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.types import Type
from tt_cache_lint.source.defs import FunctionDef, StructDef
from tt_cache_lint.source.reads import Reads

if TYPE_CHECKING:
    from tt_cache_lint.factory.python_call import CallFinder

MODERN = ("operation_attributes_t", "tensor_args_t")
METHODS = (
    "select_program_factory",
    "validate_on_program_cache_hit",
    "validate_on_program_cache_miss",
    "compute_output_specs",
    "create_output_tensors",
    "compute_program_hash",
)


class Finder:
    """Finds the factories of files."""

    def __init__(self, interp: Interp) -> None:
        self.interp = interp
        self.index = interp.index
        self.tree = interp.index.tree
        self.users = Users(self.tree)
        self._operations: dict[str, list[Operation]] = {}

    def again(self) -> Finder:
        """A finder in the same tree that remembers of it only what its files hold, with an interpreter of its own."""
        self.interp.forget()
        self.tree.reads = Reads()
        new = Finder(Interp(self.index.again()))
        new.users = self.users
        return new

    @cached_property
    def calls(self) -> CallFinder:
        """Finds how Python calls an op."""
        from tt_cache_lint.factory.python_call import CallFinder

        return CallFinder(self.interp)

    def in_file(self, path: str) -> list[Factory]:
        """The factories that are defined in the file, of all infras."""
        file = self.tree.get(path)
        if file is None:
            return []
        return [f for infra in INFRAS.values() if infra.mentioned(file.original) for f in infra.find(self, path)]

    def leading_to(self, path: str) -> list[str]:
        """The files with factories that a header, device operation, helper or device kernel belongs to.

        Those of its own op that use it, or else those that it includes. A file of another op is asked for only when it
        uses this one directly; what belongs to no op is followed until it meets factories.
        """
        self.tree.reads.lasting = False
        op = op_folder(path)
        around = {*self.users.within(path, op), *self.tree.folder(path.rpartition("/")[0])} - {path}
        found = sorted(user for user in around if op_folder(user) == op and self._has_factories(user))
        if not found:
            found = [user for user in self.users.made_of(path, op) if self._has_factories(user)]
        if found:
            return found
        shared = not any(op_folder(file) == op and self._has_factories(file) for file in self.tree.walk(op))
        for level in self.users.everywhere(path):
            found = [user for user in level if self._has_factories(user)]
            if found or not shared:
                break
        return found

    def _has_factories(self, path: str) -> bool:
        file = self.tree.get(path)
        if file is None or not any(infra.mentioned(file.original) for infra in INFRAS.values()):
            return False
        return bool(self.in_file(path))

    def has_override(self, create: FunctionDef) -> bool:
        return bool(
            self.index.functions("override_runtime_arguments", create.file.path, create.scope, create.scope[-1:])
        )

    def override(self, create: FunctionDef, struct: StructDef | None) -> FunctionDef | None:
        found = self.index.functions("override_runtime_arguments", create.file.path, create.scope, create.scope[-1:])
        exact = [f for f in found if f.scope[-2:] == create.scope[-2:]] or found
        if not exact and struct is not None:
            methods = self.interp.methods(struct, "override_runtime_arguments")
            exact = [f for f in methods if f.body is not None]
        return exact[0] if exact else None

    def name(self, create: FunctionDef, struct: StructDef | None) -> str:
        """The factory's class, with the op's class in front of it where it is nested."""
        if struct is None:
            return "::".join(create.scope[-2:])
        parts = [struct.name]
        outer = struct.scope
        while outer:
            owner = self.index.struct(outer[-1], struct.file.path, outer, ())
            if owner is None or owner.inner != outer:
                break
            parts.insert(0, owner.name)
            outer = outer[:-1]
        return "::".join(parts)

    def shared(self, create: FunctionDef, struct: StructDef | None) -> StructDef | None:
        if struct is None:
            return None
        scoping = self.interp.scoping(struct.file, struct.inner)
        type_ = scoping.named(("shared_variables_t",))
        if isinstance(type_.decl, StructDef):
            return type_.decl
        cached = scoping.named(("cached_program_t",))
        if cached.args and isinstance(cached.args[0], Type) and isinstance(cached.args[0].decl, StructDef):
            return cached.args[0].decl
        return None

    def templates(self, create: FunctionDef) -> list[dict[str, Any]]:
        """The instantiations to look at: those written out, else both values of each bool parameter."""
        if not create.template:
            return [{}]
        found = []
        for name, arguments in create.file.instantiations:
            if name.split("::")[-1] == create.scope[-1]:
                values = [a.strip() for a in arguments.split(",")]
                if len(values) == len(create.template):
                    found.append({n: _template_value(v) for n, v in zip(create.template, values, strict=True)})
        return found or [dict.fromkeys(create.template, True), dict.fromkeys(create.template, False)]

    # -- operations ------------------------------------------------------------------------------------------------

    def is_operation(self, struct: StructDef) -> bool:
        """Is the struct a device operation, by the types in it?"""
        defs = self.index.defs(struct.file.path)
        return defs is not None and all(
            any(d.scope == struct.inner for d in (*defs.structs.get(n, ()), *defs.aliases.get(n, ()))) for n in MODERN
        )

    def operation(self, create: FunctionDef, struct: StructDef | None) -> Operation | None:
        if struct is not None and struct.scope:
            owner = self.index.struct(struct.scope[-1], struct.file.path, struct.scope, ())
            if owner is not None and owner.inner == struct.scope:
                return self.describe(owner)
        name = struct.name if struct is not None else create.scope[-1]
        folder = create.file.path.rpartition("/")[0]
        for _ in range(3):
            for op in self._operations_below(folder):
                if name in op.factories:
                    return op
            folder = folder.rpartition("/")[0]
            if folder.endswith("operations") or not folder:
                break
        return None

    def _operations_below(self, folder: str) -> list[Operation]:
        if folder not in self._operations:
            found = []
            for path in self.tree.mentioning(folder, b"program_factory_t"):
                defs = self.index.defs(path) if path.endswith((".hpp", ".h")) else None
                for alias in defs.aliases.get("program_factory_t", ()) if defs is not None else ():
                    owner = self.index.struct(alias.scope[-1], path, alias.scope, ()) if alias.scope else None
                    if owner is not None and owner.inner == alias.scope:
                        found.append(self.describe(owner))
            self._operations[folder] = found
        return self._operations[folder]

    def describe(self, struct: StructDef) -> Operation:
        """The op that a struct with operation_attributes_t and tensor_args_t is."""
        op = Operation(struct)
        for name in METHODS:
            methods = [f for f in self.interp.methods(struct, name) if f.body is not None]
            if methods:
                op.methods[name] = methods[0]
        scoping = self.interp.scoping(struct.file, struct.inner)
        variant = scoping.named(("program_factory_t",))
        op.factories = tuple(a.name for a in variant.args if isinstance(a, Type))
        return op


def _template_value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text, 0)
    except ValueError:
        return Type(text)
