"""The hash of one call, executed: every item that goes into it, with the inputs it derives from.

Two calls collide when all their items are equal. An input that is hashed as it is covers everything below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tt_cache_lint.device.inputs import InputStruct, Variant
from tt_cache_lint.device.mesh_device import MeshSocket
from tt_cache_lint.device.program import Program
from tt_cache_lint.device.tensor_spec import MemoryConfig, PageConfig, ShardSpec, TensorLayout, TensorSpec
from tt_cache_lint.device.tensors import Buffer, Device, GlobalSemaphore, Tensor
from tt_cache_lint.hash.reflect import How, Reflection
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.refs import Pointer
from tt_cache_lint.interp.registry import Site, function
from tt_cache_lint.interp.std_values import Tied
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    InitList,
    Lambda,
    Map,
    Mark,
    Opaque,
    Opt,
    Ptr,
    Struct,
    Unknown,
    Val,
    Value,
    Vec,
    identity,
    mask,
    plain,
)

HASHERS = ("hash_operation", "hash_objects_with_default_seed", "hash_objects", "hash_combine", "hash_object")
DEPTH = 12
TYPES = ("typeid(", "type_hash")  # what stands for the op's type in a hash


@dataclass(slots=True)
class Item:
    """One thing that is hashed: its content, the inputs it derives from, and where it is given to the hash."""

    content: object
    p: int
    mark: Mark | None


@dataclass(slots=True)
class Key:
    """What a call's hash is made of.

    `whole` maps inputs that are hashed as they are to the place that does it. `addresses` are what is hashed by its
    address, `walked` the unordered containers that the hash function walks over (what, container, where). `unclear`
    says what could not be followed, "" when everything was; `throws` that the hash function does. `branched` are the
    inputs that the hash function branches on.
    """

    items: list[Item] = field(default_factory=list)
    whole: dict[str, Mark | None] = field(default_factory=dict)
    addresses: list[tuple[str, Mark | None]] = field(default_factory=list)
    walked: list[tuple[str, str, Mark]] = field(default_factory=list)
    unclear: str = ""
    throws: bool = False
    branched: int = 0

    def covers(self, leaf: str) -> bool:
        """Is an input, or something it is part of, hashed as it is?"""
        return covering(leaf, self.whole) is not None

    def content(self) -> tuple[object, ...]:
        """Equal for two calls that get the same program."""
        return tuple(item.content for item in self.items)

    def mask(self) -> int:
        p = 0
        for item in self.items:
            p |= item.p
        return p


def covering(leaf: str, whole: dict[str, Mark | None]) -> str | None:
    """The name in `whole` that an input is part of."""
    if leaf in whole:
        return leaf
    for at, char in enumerate(leaf):
        if char in ".[<" and leaf[:at] in whole:
            return leaf[:at]
    return None


class Hashed(Unknown):
    """A hash, and the values that it was made of; those of hash_combine(), which go into its seed, aside."""

    __slots__ = ("given",)

    def __init__(self, given: list[Value]) -> None:
        super().__init__("hash")
        self.given = given


@function(*HASHERS)
def note_hashed(m: Machine, site: Site, args: list[Value]) -> Value:
    """Everything that is given to a hash function is hashed; for hash_combine(seed, value) that is the value."""
    if site.name == "hash_combine":
        m.hash_sink.extend((value, site.mark) for value in args[1:])
        return Unknown("hash")
    made = Hashed(list(args))
    m.hash_sink.extend((value, site.mark, made) for value in args)
    return made


def hashed(sink: list[Any], result: Value) -> Iterator[tuple[Value, Mark | None]]:
    """What was given to hash functions, with its place; not what went into a hash that `result` is not made of, where
    that can be told."""
    used = _used(result)
    for value, mark, *made in sink:
        if not (used and made and id(made[0]) not in used):
            yield value, mark


def _used(result: Value) -> set[int]:
    """The hashes that a hash is made of, itself among them."""
    found: set[int] = set()
    waiting = [result]
    while waiting:
        value = value_of(waiting.pop())
        if isinstance(value, Hashed) and id(value) not in found:
            found.add(id(value))
            waiting += value.given
    return found


class Reader:
    """Takes values apart as the framework's hash does."""

    def __init__(self, m: Machine, reflection: Reflection) -> None:
        self.m = m
        self.reflection = reflection
        self.key = Key()
        self.mark: Mark | None = None

    def add(self, value: Value, depth: int = 0) -> None:
        """Take a value into the hash."""
        value = value_of(value)
        if depth > DEPTH:
            self.key.unclear = self.key.unclear or "a value that nests too deeply"
        elif isinstance(value, Variant):
            self.item(identity(value.index), mask(value.index))
            self.add(value.v, depth + 1)
        elif isinstance(value, Opt):
            self.item("present", value.p)
            self.add(value.v, depth + 1)
        elif value is None or isinstance(value, Absent):
            self.item(None, mask(value))
        elif isinstance(value, Struct):
            self.struct(value, depth)
        elif isinstance(value, (Vec, InitList)):
            self.sequence(value, depth)
        elif isinstance(value, Tied):
            for item in elements(value):
                self.add(item, depth + 1)
        elif isinstance(value, Map):
            for name, item in value.ordered():
                self.add(name, depth + 1)
                self.add(item, depth + 1)
        else:
            self.leaf(value)

    def leaf(self, value: Value) -> None:
        if isinstance(value, Tensor):
            self.key.whole.setdefault(value.name, self.mark)
            if value.spec_ is not None and value.make is None:
                self.spec(value.spec)
        elif isinstance(value, TensorSpec):
            self.spec(value)
        elif isinstance(value, TensorLayout):
            self.layout(value)
        elif isinstance(value, MemoryConfig):
            self.memory(value)
            self.item(identity(value), mask(value))
        elif isinstance(value, PageConfig):
            self.as_it_is(value.layout)
            self.item(identity(value), mask(value.layout))
        elif isinstance(value, GlobalSemaphore):
            self.key.whole.setdefault(f"{value.name}.cores", self.mark)
        elif isinstance(value, MeshSocket):
            self.key.whole.setdefault(value.key, self.mark)
        elif isinstance(value, (Device, Buffer, Program, Pointer, Ptr)):
            self.key.addresses.append((_called(value), self.mark))
        elif isinstance(value, Unknown):
            self.unknown(value)
        elif isinstance(value, (Opaque, Lambda)):
            self.key.unclear = self.key.unclear or getattr(value, "key", "a lambda")
        elif isinstance(value, Val):
            self.as_it_is(value)
            self.item(identity(value), value.p)
        else:
            self.item(identity(value) if isinstance(value, (int, float, str, Enum)) else _stable(value), mask(value))

    def as_it_is(self, value: Value) -> None:
        """Note an input that goes into the hash unchanged."""
        if isinstance(value, Val) and isinstance(value.t, str):
            self.key.whole.setdefault(value.t, self.mark)

    def memory(self, value: MemoryConfig) -> None:
        """Note the parts of a memory config that are inputs as they are."""
        self.as_it_is(value.memory_layout)
        self.as_it_is(value.buffer_type)
        shard = plain(value.shard_spec) if value.sharded else None
        if isinstance(shard, ShardSpec):
            for part in (*elements(shard.shape), shard.orientation):
                self.as_it_is(value_of(part))
            owner, found, _ = str(getattr(value.memory_layout, "t", "")).rpartition(".memory_layout")
            if found and getattr(shard.orientation, "t", None) == f"{owner}.shard_spec.orientation":
                self.key.whole.setdefault(f"{owner}.shard_spec", self.mark)

    def item(self, content: object, p: int) -> None:
        self.key.items.append(Item(content, p, self.mark))

    def unknown(self, value: Unknown) -> None:
        """What an unknown function makes of its arguments is taken to differ whenever they differ."""
        if value.key.startswith(TYPES):
            return  # the same for all calls of the op
        if not value.p and value.key != "hash" and not value.key.startswith("index of "):
            self.key.unclear = self.key.unclear or value.key
        self.item(("?", value.key), value.p)

    def spec(self, spec: TensorSpec) -> None:
        self.sequence(spec.shape, 0)
        self.layout(spec.layout)

    def layout(self, layout: TensorLayout) -> None:
        for part in (layout.dtype, layout.page, layout.memory):
            self.leaf(part)

    def sequence(self, value: Vec | InitList, depth: int) -> None:
        size = value.key if isinstance(value, Vec) else None
        self.item(len(value.items), mask(size) if size is not None else 0)
        for item in value.items:
            self.add(item, depth + 1)

    def struct(self, value: Struct, depth: int) -> None:
        """A class: by what replaces its members, else member by member."""
        decl = value.type
        hashing = self.reflection.hashing(decl) if decl is not None else None
        if hashing is not None and hashing.how is not How.MEMBERS and hashing.function is not None:
            self.replaced(value, hashing.how, hashing.function, depth)
            return
        given = isinstance(value, InputStruct)
        if isinstance(value, InputStruct) and not value.fields and decl is not None:
            from tt_cache_lint.interp.types import Type

            if self.reflection.plain(Type(decl.name, (), decl)):
                self.key.whole.setdefault(value.key, self.mark)
                return
        if decl is None:
            names = value.names()
        else:
            fields = self.m.interp.fields(decl)
            names = [n for n, f in fields.items() if not f.is_static]
        for name in names:
            if isinstance(value, InputStruct) and name not in value.fields:
                type_ = self.m.interp.field_type(self.m.interp.fields(decl)[name], {}, ())
                if self.reflection.plain(type_):
                    self.key.whole.setdefault(f"{value.key}.{name}", self.mark)
                    continue
            self.add(value.get(name), depth + 1)
        if not names and not given:
            self.item(("struct", value.name), 0)

    def replaced(self, value: Struct, how: How, body: object, depth: int) -> None:
        from tt_cache_lint.source.defs import FunctionDef

        assert isinstance(body, FunctionDef)
        m, interp = self.m, self.m.interp
        owner = interp.owner_of(body)
        code = interp.instance(body, {}, owner)
        before, m.hash_sink = m.hash_sink, []
        result = value_of(m.invoke(code, [value]) if how is How.STD_HASH else m.invoke(code, [], value))
        inner, m.hash_sink = m.hash_sink, before
        for item, _ in hashed(inner, result):
            self.add(item, depth + 1)
        items = elements(result) or [result]
        if how is How.LISTED and value.type is not None:
            names = elements(interp.static_member(m, value.type, "attribute_names"))
            if names:
                items = items[: len(names)]  # as many values as there are names are hashed
        for item in items:
            self.add(item, depth + 1)


def elements(value: Value) -> list[Value]:
    """The elements of a tuple, by value or of references; none of anything else."""
    if isinstance(value, (Vec, InitList)):
        return list(value.items)
    return [value_of(place) for place in value.places] if isinstance(value, Tied) else []


def _stable(value: Value) -> object:
    """What a value is, without the identity of Python objects and the run that they belong to."""
    stable = getattr(value, "stable_key", None)
    if stable is not None:
        return stable()
    found = identity(value)
    return type(value).__name__ if isinstance(found, tuple) and found[:1] == ("@",) else found


def _called(value: Value) -> str:
    if isinstance(value, Device):
        return "the device"
    return str(getattr(value, "owner", type(value).__name__.lower()))


def read_key(m: Machine, reflection: Reflection, result: Value) -> Key:
    """The key of a hash function that was executed on `m` and returned `result`; `m.hash_sink` is what it hashed."""
    reader = Reader(m, reflection)
    for value, mark in hashed(list(m.hash_sink), result):
        reader.mark = mark
        reader.add(value)
    reader.mark = None
    if result is not None:
        reader.add(result)
    reader.key.walked.extend(m.walked)
    for condition, *_ in m.branches:
        reader.key.branched |= mask(condition)
    return reader.key
