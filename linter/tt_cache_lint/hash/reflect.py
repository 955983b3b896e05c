"""How the framework hashes a type, told from its declaration (device_model.md section 8, the table)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.types import Type
from tt_cache_lint.source.defs import FieldDef, FunctionDef, StructDef

DEPTH = 6
CONTAINERS = {"optional", "vector", "SmallVector", "array", "tuple", "pair", "variant", "set", "map", "span", "deque"}
UNORDERED = {"unordered_map", "unordered_set", "unordered_multimap", "unordered_multiset"}
ATTRIBUTES = "Attributes"  # tt::stl::reflection::Attributes: until June 2024 `attributes()` was what is hashed


# Classes that the device model provides: hashed by all that the model knows of them.
MODELLED = {
    "Tensor", "MeshTensor", "MemoryConfig", "Shape", "SimpleShape", "GlobalSemaphore", "GlobalCircularBuffer",
    "CoreCoord", "tt_xy_pair", "CoreRange", "CoreRangeSet", "ShardSpec", "Tile", "SubDeviceId", "MeshDevice",
    "IDevice", "Device", "TensorSpec",
}  # fmt: skip


class How(Enum):
    """What replaces the members of a class in its hash."""

    MEMBERS = "every member"
    STD_HASH = "std::hash"
    TO_HASH = "to_hash()"
    LISTED = "attribute_values()"
    ATTRIBUTES = "attributes()"


@dataclass(frozen=True, slots=True)
class Hashing:
    """How a class is hashed; `function` computes it where it is not member by member."""

    how: How
    function: FunctionDef | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A member that the hash of a class reaches. `path` is dotted, from the class that was asked about."""

    path: str
    type: Type
    field: FieldDef
    owner: StructDef


class Reflection:
    """Answers for the classes of one source tree."""

    def __init__(self, interp: Interp) -> None:
        self.interp = interp
        self._hashing: dict[StructDef, Hashing] = {}
        self._plain: dict[str, bool] = {}

    def hashing(self, decl: StructDef) -> Hashing:
        """The first of std::hash, to_hash, attribute_values and plain members that applies."""
        found = self._hashing.get(decl)
        if found is None:
            found = self._hashing[decl] = self._find(decl)
        return found

    def _find(self, decl: StructDef) -> Hashing:
        special = self._standard(decl)
        if special is not None:
            return Hashing(How.STD_HASH, special)
        for name, how in (("to_hash", How.TO_HASH), ("attribute_values", How.LISTED)):
            for method in self.interp.methods(decl, name):
                if method.body is not None and not method.params:
                    return Hashing(how, method)
        for method in self.interp.methods(decl, "attributes"):
            if method.body is not None and not method.params and self._old_attributes(method):
                return Hashing(How.ATTRIBUTES, method)
        return Hashing(How.MEMBERS)

    def _standard(self, decl: StructDef) -> FunctionDef | None:
        """The call operator of a std::hash specialisation for the class, if there is one next to it."""
        defs = self.interp.index.defs(decl.file.path)
        for struct in defs.structs.get("hash", ()) if defs is not None else ():
            for method in struct.methods.get("operator()", ()):
                if method.body is None or not method.params:
                    continue
                param = method.params[0]
                type_ = self.interp.scoping(struct.file, struct.scope).type(param.type, param.declarator)
                if type_.decl is decl:
                    return method
        return None

    def _old_attributes(self, method: FunctionDef) -> bool:
        """Is this the hook of 2023 and early 2024, which returns reflection's own Attributes?"""
        if method.returns is None:
            return False
        return self.interp.scoping(method.file, method.scope).type(method.returns).name == ATTRIBUTES

    # -- structure -------------------------------------------------------------------------------------------------

    def plain(self, type_: Type, depth: int = 0) -> bool:
        """Is everything below a type hashed member by member, so that nothing of it is left out?"""
        if depth > DEPTH:
            return True
        key = type_.key
        found = self._plain.get(key)
        if found is None:
            self._plain[key] = True  # a class that contains itself
            found = self._plain[key] = self._is_plain(type_, depth)
        return found

    def _is_plain(self, type_: Type, depth: int) -> bool:
        if not all(self.plain(a, depth + 1) for a in type_.args if isinstance(a, Type)):
            return False
        decl = type_.decl
        if not isinstance(decl, StructDef) or type_.name in MODELLED:
            return True
        if self.hashing(decl).how is not How.MEMBERS:
            return False
        return all(self.plain(self.interp.field_type(f, {}, ()), depth + 1) for f in self.interp.fields(decl).values())

    def members(self, type_: Type, path: str = "", depth: int = 0) -> Iterator[Member]:
        """The members below a class that its hash reaches one by one; not into classes with a hash of their own."""
        decl = type_.decl
        if depth > DEPTH or not isinstance(decl, StructDef) or type_.name in MODELLED:
            return
        if self.hashing(decl).how is not How.MEMBERS:
            return
        for name, field in self.interp.fields(decl).items():
            if field.is_static:
                continue
            inner = self.interp.field_type(field, {}, ())
            here = f"{path}.{name}" if path else name
            yield Member(here, inner, field, decl)
            for part in _parts(inner):
                yield from self.members(part, here, depth + 1)


def _parts(type_: Type, depth: int = 0) -> Iterator[Type]:
    """A type and what it is made of: the element of a container, the alternatives of a variant."""
    if depth > DEPTH:
        return
    yield type_
    for arg in type_.args:
        if isinstance(arg, Type):
            yield from _parts(arg, depth + 1)


def parts(type_: Type) -> list[Type]:
    """A type and the types it is made of."""
    return list(_parts(type_))
