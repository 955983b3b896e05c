"""What the parts of the interpreter share: the index of the tree and what was looked up in it before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp.registry import CONSTRUCTORS
from tt_cache_lint.interp.types import Scoping, Type

if TYPE_CHECKING:
    from tt_cache_lint.interp.names import Closure
    from tt_cache_lint.interp.told import Told
    from tt_cache_lint.interp.values import Value
    from tt_cache_lint.source.defs import ConstDef, EnumDef, FieldDef, FunctionDef, StructDef
    from tt_cache_lint.source.index import Index


class Tree:
    """One source tree, and what outlives an execution."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.known = frozenset(CONSTRUCTORS)
        self.told: Told | None = None  # what a compile database adds
        self.kernels: dict[object, Any] = {}  # what is known of device kernels' sources, by what it is about
        self.launched: dict[StructDef, Any] = {}  # what those who launch an op say of its inputs, by its struct
        self._consts: dict[ConstDef, Value] = {}
        self._constants_at: dict[tuple[object, ...], ConstDef] = {}
        self._evaluating: set[ConstDef] = set()
        self._fields: dict[StructDef, dict[str, FieldDef]] = {}
        self._parameters: dict[FunctionDef, list[Type]] = {}
        self._completed: set[FunctionDef] = set()  # functions that have their default arguments
        self._types: dict[tuple[FieldDef, object], Type] = {}
        self._places: dict[FieldDef, tuple[str, ...]] = {}  # the classes and namespaces around a data member
        self._defaults: dict[tuple[FieldDef, StructDef, object], Closure] = {}  # what gives a member its default
        self._methods: dict[tuple[StructDef, str], list[FunctionDef]] = {}
        self._enums: dict[EnumDef, dict[str, int]] = {}
        self._functions: dict[tuple[object, ...], list[FunctionDef]] = {}
        self._owners: dict[tuple[str, tuple[str, ...]], StructDef | None] = {}
        self.memory: dict[str, object] = {}  # what the device model found out about the checked tree
        self.lowered: dict[FunctionDef, None] = {}  # the functions whose lowered code is kept

    def scoping(self, file: Any, scope: tuple[str, ...], templates: dict[str, Any] | None = None) -> Scoping:
        return Scoping(self.index, file, scope, templates, self.known)

    def defined_in(self, path: str, name: str) -> bool:
        """True when the file itself defines a function of this name."""
        defs = self.index.defs(path)
        return defs is not None and name in defs.functions
