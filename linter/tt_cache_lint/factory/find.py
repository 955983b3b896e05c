"""Finding the factories of files, and the op each belongs to.

Parameters are bound by position; names play no role. The facts about layouts are those of facts/styles.md section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.source.defs import AliasDef, FunctionDef, StructDef

METHODS = (
    "select_program_factory",
    "validate_on_program_cache_hit",
    "validate_on_program_cache_miss",
    "compute_output_specs",
    "create_output_tensors",
    "compute_program_hash",
)


@dataclass(slots=True, eq=False)
class Operation:
    """A device operation: its struct, its functions, and the names of its factories."""

    struct: StructDef
    methods: dict[str, FunctionDef] = field(default_factory=dict)
    factories: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.struct.name


@dataclass(slots=True, eq=False)
class Factory:
    """A program factory: the pair of create() and override_runtime_arguments() with what they share."""

    name: str
    infra: str
    create: FunctionDef
    override: FunctionDef | None
    struct: StructDef | None
    shared: StructDef | None
    op: Operation | None
    attributes: Type
    tensor_args: Type
    returns: Type
    templates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.create.file.path

    @property
    def line(self) -> int:
        return self.create.line


class Finder:
    """Finds the factories of files."""

    def __init__(self, interp: Interp) -> None:
        self.interp = interp
        self.index = interp.index
        self.tree = interp.index.tree
        self._operations: dict[str, list[Operation]] = {}

    def in_file(self, path: str) -> list[Factory]:
        """The factories whose create() is defined in the file."""
        file = self.tree.get(path)
        if file is None or b"create" not in file.original:
            return []
        if b"override_runtime_arguments" not in file.original and b"cached_program_t" not in file.original:
            return []
        defs = self.index.defs(path)
        if defs is None:
            return []
        found = []
        for create in defs.functions.get("create", ()):
            factory = self._factory(create)
            if factory is not None:
                found.append(factory)
        return found

    def leading_to(self, path: str) -> list[str]:
        """The files with factories that a header, device operation or other file belongs to."""
        found = []
        for candidate in self._around(path):
            file = self.tree.get(candidate)
            if file is None or b"override_runtime_arguments" not in file.original:
                continue
            if candidate != path and path in self.tree.closure(candidate):
                found.append(candidate)
        return found

    def _around(self, path: str) -> Iterator[str]:
        folder = path.rpartition("/")[0]
        if folder.endswith("/kernels") or "/kernels/" in folder:
            folder = folder.partition("/kernels")[0]
        seen: set[str] = set()
        yield from self._once(self.tree.walk(folder), seen)
        if folder.rpartition("/")[2] in ("device", "factory", "factories"):
            yield from self._once(self.tree.walk(folder.rpartition("/")[0]), seen)

    @staticmethod
    def _once(paths: Iterable[str], seen: set[str]) -> Iterator[str]:
        for path in paths:
            if path not in seen:
                seen.add(path)
                yield path

    def _factory(self, create: FunctionDef) -> Factory | None:
        if not create.scope or len(create.params) < 2 or create.body is None:
            return None
        interp = self.interp
        struct = interp.owner_of(create)
        if struct is None and not self._has_override(create):
            return None
        returned = create.file.text_of(create.returns) if create.returns is not None else ""
        override = self._override(create, struct)
        if override is None and "cached_program_t" not in returned and "CachedProgram" not in returned:
            return None
        scoping = interp.scoping(create.file, create.scope)
        op = self._operation(create, struct)
        params = [scoping.type(p.type, p.declarator) for p in create.params] + [AUTO] * 3
        return Factory(
            self._name(create, struct),
            "typed",
            create,
            override,
            struct,
            self._shared(create, struct),
            op,
            params[0],
            params[1],
            params[2],
            self._templates(create),
        )

    def _has_override(self, create: FunctionDef) -> bool:
        return bool(
            self.index.functions("override_runtime_arguments", create.file.path, create.scope, create.scope[-1:])
        )

    def _override(self, create: FunctionDef, struct: StructDef | None) -> FunctionDef | None:
        found = self.index.functions("override_runtime_arguments", create.file.path, create.scope, create.scope[-1:])
        exact = [f for f in found if f.scope[-2:] == create.scope[-2:]] or found
        if not exact and struct is not None:
            methods = self.interp.methods(struct, "override_runtime_arguments")
            exact = [f for f in methods if f.body is not None]
        return exact[0] if exact else None

    def _name(self, create: FunctionDef, struct: StructDef | None) -> str:
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

    def _shared(self, create: FunctionDef, struct: StructDef | None) -> StructDef | None:
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

    def _templates(self, create: FunctionDef) -> list[dict[str, Any]]:
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

    def _operation(self, create: FunctionDef, struct: StructDef | None) -> Operation | None:
        if struct is not None and struct.scope:
            owner = self.index.struct(struct.scope[-1], struct.file.path, struct.scope, ())
            if owner is not None and owner.inner == struct.scope:
                return self._describe(owner)
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
            for path in self.tree.walk(folder):
                file = self.tree.get(path)
                if file is None or b"program_factory_t" not in file.original or not path.endswith((".hpp", ".h")):
                    continue
                defs = self.index.defs(path)
                for alias in defs.aliases.get("program_factory_t", ()) if defs is not None else ():
                    owner = self.index.struct(alias.scope[-1], path, alias.scope, ()) if alias.scope else None
                    if owner is not None and owner.inner == alias.scope:
                        found.append(self._describe(owner, alias))
            self._operations[folder] = found
        return self._operations[folder]

    def _describe(self, struct: StructDef, alias: AliasDef | None = None) -> Operation:
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
