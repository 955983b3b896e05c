"""Making values of a type: defaults, conversion of what is given to what is declared, construction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import ops, solving
from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.refs import Pointer, sequence_length
from tt_cache_lint.interp.registry import CONSTRUCTORS
from tt_cache_lint.interp.types import AUTO, MAPS, SEQUENCES, STRINGS, Type
from tt_cache_lint.interp.values import (
    NOWHERE,
    Absent,
    Enum,
    InitList,
    Map,
    Mark,
    Obj,
    Opt,
    Ptr,
    Ref,
    Struct,
    TypeRef,
    Unknown,
    Val,
    Value,
    Vec,
    copied,
    empty,
    key_of,
    mask,
    plain,
)
from tt_cache_lint.source.defs import EnumDef, FieldDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

MAX_ITEMS = 20_000
COPIED_PER_STEP = 32  # elements that cost as much as a statement
MOST_NESTED = 4
FEW = 8
SEEMLY = 64  # items in a vector whose size makes no sense
_VECTOR_LIKE = SEQUENCES | {"tuple", "pair"}


def default_value(m: Machine, type_: Type) -> Value:
    """What `T x{}` holds."""
    if type_.ptr:
        return None
    kind = type_.scalar
    if kind:
        return False if kind == "bool" else 0.0 if kind == "float" else 0
    name = type_.name
    if type_.decl is None and name in CONSTRUCTORS:
        return CONSTRUCTORS[name](m, type_, [], None)
    if isinstance(type_.decl, StructDef):
        if m.interp.methods(type_.decl, type_.decl.name):
            return m.interp.construct_user(m, type_.decl, type_, [], None)
        return new_struct(m, type_.decl, type_)
    if isinstance(type_.decl, EnumDef):
        return enum_value(m, type_.decl, next(iter(type_.decl.values), ""))
    if name in ("tuple", "pair"):
        return Vec([default_value(m, a) if isinstance(a, Type) else 0 for a in type_.args], name)
    if name in SEQUENCES:
        vector = Vec([], name)
        vector.elem = _elem(type_)
        if name == "array" and len(type_.args) > 1 and isinstance(type_.args[1], int):
            if not 0 <= type_.args[1] <= MAX_ITEMS:
                raise Implausible("an array of absurd size")
            fill(vector, copies(m, default_value(m, vector.elem or AUTO), type_.args[1]))
        return vector
    if name in MAPS:
        result = Map("map" if name == "map" else "unordered_map")
        result.elem = next((a for a in type_.args[1:2] if isinstance(a, Type)), None)
        result.key = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else None
        return result
    if name in STRINGS:
        return ""
    if name in ("optional", "function", "nullopt_t"):
        return None
    if name == "variant" and type_.args and isinstance(type_.args[0], Type):
        return default_value(m, type_.args[0])
    if name == "auto":
        return 0
    if name == "monostate":
        return TypeRef(type_)
    return Unknown(f"{type_.key}{{}}")


def array(m: Machine, elem: Type, sizes: list[Value], given: Value) -> Vec:
    """A C array; what the braced list does not give is zero. A size of None is that of the list."""
    items, marks = (
        ([], []) if not isinstance(given, InitList) else _unelided(m, elem if len(sizes) == 1 else AUTO, given)
    )
    bare = plain(ops.number(m, sizes[0])) if sizes[0] is not None else len(items)
    count = bare if isinstance(bare, int) else len(items)
    if not len(items) <= count <= MAX_ITEMS:
        raise Implausible("an array of absurd size")
    inner = sizes[1:]
    vector = Vec(
        [array(m, elem, inner, i) if inner else coerce(m, copied(i), elem) for i in items], "array", list(marks)
    )
    vector.elem = None if inner else elem
    if count == len(items):
        return vector
    zero = array(m, elem, inner, None) if inner else default_value(m, elem)
    return fill(vector, copies(m, zero, count - len(items)))


def _unelided(m: Machine, elem: Type, given: InitList) -> tuple[list[Value], list[Mark | None]]:
    """The elements of a braced list with the braces around classes that it may leave out ([dcl.init.aggr]/15)."""
    items, marks = given.items, given.marks
    members = len(m.interp.fields(elem.decl)) if isinstance(elem.decl, StructDef) else 0
    if (
        not members
        or all(isinstance(item, (InitList, Obj, Unknown)) for item in items)
        or m.interp.methods(elem.decl, elem.name)
    ):
        return items, marks
    found: list[Value] = []
    at: list[Mark | None] = []
    position = 0
    while position < len(items):
        whole = isinstance(items[position], (InitList, Obj, Unknown))
        following = position + (1 if whole else members)
        own = InitList(items[position:following], marks[position:following], None, given.mark)
        found.append(items[position] if whole else own)
        at.append(marks[position])
        position = following
    return found, at


def copies(m: Machine, value: Value, count: int) -> list[Value]:
    """As many C++ copies of a value. Raises Exhausted for more of them than a factory has use for."""
    m.spend(count * weight(value) // COPIED_PER_STEP)
    return [copied(value) for _ in range(count)]


def weight(value: Value, depth: int = 0) -> int:
    """How many elements a copy of a value makes, about."""
    if depth > MOST_NESTED or not isinstance(value, (Vec, Struct)):
        return 1
    inside = value.items if isinstance(value, Vec) else list(value.fields.values())
    if len(inside) > FEW and isinstance(value, Vec):
        return 1 + len(inside) * weight(inside[0], depth + 1)
    return 1 + sum(weight(item, depth + 1) for item in inside)


def fill(vector: Vec, items: list[Value], mark: Mark | None = None) -> Vec:
    """Append items to a vector."""
    if len(vector.items) + len(items) > MAX_ITEMS:
        raise Implausible("a vector grows without bound")
    vector.items.extend(items)
    vector.marks.extend([mark] * len(items))
    return vector


def _elem(type_: Type) -> Type | None:
    return type_.args[0] if type_.args and isinstance(type_.args[0], Type) and type_.args[0].name != "auto" else None


def new_struct(m: Machine, decl: StructDef, type_: Type | None = None) -> Struct:
    """An instance of a class with nothing set."""
    templates = template_arguments(decl, type_.args) if type_ is not None and decl.template else {}
    key = template_key(templates)

    def default(struct: Struct, field: str) -> Value:
        found = m.interp.fields(decl).get(field)
        if found is None:
            constant = m.interp.static_member(m, decl, field)
            return constant if constant is not None else Unknown(f"{decl.name}.{field}")
        if decl.kind == "union" and struct.fields:
            return _punned(m, next(reversed(struct.fields.values())), m.interp.field_type(found, templates, key))
        struct.defaults[field] = Unknown(f"{decl.name}.{field}")  # for an initialiser that comes back to it
        return m.interp.field_default(m, struct, decl, found, key)

    struct = Struct(decl, decl.name, default)
    if templates:
        struct.targs = templates
    return struct


def template_key(templates: dict[str, Any]) -> object:
    """Template arguments as a key of a cache."""
    return tuple(sorted((k, str(v)) for k, v in templates.items())) if templates else ()


def template_arguments(decl: StructDef, args: tuple[Any, ...]) -> dict[str, Any]:
    """The template arguments of a class by name; one that is still a text could not be evaluated."""
    return {k: v for k, v in zip(decl.template, args, strict=False) if not isinstance(v, str)}


def _punned(m: Machine, value: Value, type_: Type) -> Value:
    bare = plain(value)
    if type_.scalar and type_.scalar != "float" and isinstance(bare, float):
        bits = ops.float_bits(bare)
        return Val(bits, value.p, ("bits", value, None)) if isinstance(value, Val) else bits
    return value


def enum_value(m: Machine, decl: EnumDef, name: str) -> Enum:
    """An enumerator with its number."""
    return Enum(decl.name, name, m.interp.enum_number(m, decl, name))


def enum_from_number(m: Machine, decl: EnumDef, value: Value) -> Value:
    """`static_cast<E>(number)`"""
    bare = plain(value)
    if isinstance(bare, Enum):
        return value
    if isinstance(bare, int):
        for name in decl.values:
            if m.interp.enum_number(m, decl, name) == bare:
                found = Enum(decl.name, name, bare)
                return Val(found, value.p, ("cast", value, decl.name)) if isinstance(value, Val) else found
        return Enum(decl.name, str(bare), bare)
    return Unknown(f"{decl.name}({bare!r})", mask(value))


def coerce(m: Machine, value: Value, type_: Type) -> Value:
    """A value as a variable of the declared type holds it. Does not copy objects."""
    kind = type_.scalar
    if kind:
        return ops.convert(m, value, kind)
    if isinstance(value, Ref):
        value = value.get()
    if type_.name == "auto" and not type_.ptr:
        return value
    if isinstance(value, InitList):
        return from_list(m, value, type_)
    if type_.ptr:
        return value
    name = type_.name
    if name == "optional":
        if empty(value) or isinstance(value, (Opt, Unknown)):
            return value
        inner = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else AUTO
        return Opt(coerce(m, value, inner))
    if isinstance(value, Opt):
        if name == "variant" and hasattr(value, "index"):  # which alternative it holds is an input
            return value
        return coerce(m, value.v, type_) if not isinstance(value.v, Opt) else value
    own = getattr(value, "as_vector", None)
    if own is not None and name in ("vector", "SmallVector"):
        return own(m)
    if name in _VECTOR_LIKE and isinstance(value, Vec):
        if name not in SEQUENCES:
            return _member_wise(m, value, type_)
        if value.elem is None:
            value.elem = _elem(type_)
        return value
    if isinstance(type_.decl, EnumDef):
        return value
    converter = _CONVERSIONS.get(name) if type_.decl is None else None
    if converter is not None:
        return converter(m, value, type_)
    return value


def _member_wise(m: Machine, given: Vec, type_: Type) -> Vec:
    """A tuple or pair as another one: what is of a class that converts does so, the rest stays as it is."""
    if len(given.items) != len(type_.args):
        return given
    items = [
        coerce(m, item, kind) if isinstance(kind, Type) and kind.name in _CONVERSIONS else item
        for item, kind in zip(given.items, type_.args, strict=True)
    ]
    if all(a is b for a, b in zip(items, given.items, strict=True)):
        return given
    return Vec(items, given.kind, list(given.marks))


def _to_ranges(m: Machine, value: Value, type_: Type) -> Value:
    return CONSTRUCTORS[type_.name](m, type_, [value], None)


_CONVERSIONS: dict[str, Any] = dict.fromkeys(("CoreRangeSet", "CoreRange", "Shape", "MeshCoordinateRange"), _to_ranges)


def from_list(m: Machine, given: InitList, type_: Type) -> Value:
    """A braced list as a value of the type."""
    name = type_.name
    if type_.array and not type_.ptr:
        vector = Vec([], "array")
        inner = Type(name, type_.args, type_.decl)
        return fill(vector, [coerce(m, item, inner) for item in given.items])
    if type_.ptr:
        return given.items[0] if given.items else None
    if name == "optional":
        if not given.items:
            return None
        inner = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else AUTO
        return (
            coerce(m, given.items[0] if len(given.items) == 1 and not given.names else given, type_)
            if (len(given.items) == 1 and not given.names)
            else Opt(coerce(m, given, inner))
        )
    if type_.decl is None and name in CONSTRUCTORS:
        return CONSTRUCTORS[name](m, type_, given.items if given.names is None else [given], given.mark)
    if isinstance(type_.decl, StructDef):
        return aggregate(m, type_.decl, type_, given)
    if isinstance(type_.decl, EnumDef):
        return enum_from_number(m, type_.decl, given.items[0]) if given.items else default_value(m, type_)
    if name in ("tuple", "pair"):
        kinds = [a if isinstance(a, Type) else AUTO for a in type_.args]
        kinds += [AUTO] * (len(given.items) - len(kinds))
        items = [coerce(m, copied(item), kind) for item, kind in zip(given.items, kinds, strict=False)]
        return Vec(items, name, list(given.marks))
    if name in SEQUENCES:
        return sequence(m, given, type_)
    if name in MAPS:
        result = default_value(m, type_)
        key_type = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else AUTO
        for item in given.items:
            if isinstance(item, (InitList, Vec)) and len(item.items) == 2:
                m.interp.map_put(m, result, coerce(m, item.items[0], key_type), item.items[1])
        return result
    if name in STRINGS:
        return given.items[0] if given.items else ""
    if name == "variant":
        return _variant(m, given, type_)
    if len(given.items) == 1:
        return given.items[0]
    if name == "auto":
        return given
    if not given.items:
        return default_value(m, type_)
    return Unknown(f"{type_.key}{{{', '.join(key_of(item) for item in given.items)}}}", mask(given))


def _variant(m: Machine, given: InitList, type_: Type) -> Value:
    if len(given.items) == 1 and not given.names:
        return given.items[0]
    for alternative in type_.args:
        if isinstance(alternative, Type) and isinstance(alternative.decl, StructDef) and given.names:
            if set(given.names) <= set(m.interp.fields(alternative.decl)):
                return from_list(m, given, alternative)
    return default_value(m, type_)


def sequence(m: Machine, given: InitList, type_: Type) -> Vec:
    """A braced list as a sequence container."""
    elem = _elem(type_)
    items, marks = _unelided(m, elem, given) if type_.name == "array" and elem else (given.items, given.marks)
    vector = Vec([], type_.name)
    vector.elem = elem
    if (
        len(items) == 1
        and isinstance(items[0], InitList)
        and elem is not None
        and (elem.scalar or type_.name == "array")
    ):
        if elem.scalar or len(items[0].items) != 1 or isinstance(items[0].items[0], InitList):
            items, marks = items[0].items, items[0].marks
    if (
        len(items) == 1
        and isinstance(items[0], Vec)
        and elem is not None
        and (elem.scalar or items[0].kind == type_.name)
    ):
        if elem.name not in SEQUENCES:
            return items[0].copy()
    if elem is not None and not elem.ptr and len(items) == 2 and all(type(i) is Ptr for i in items):
        return _construct_sequence(m, type_, items, given.mark)  # two iterators are no elements
    if elem is not None and elem.name in SEQUENCES and len(items) == 2 and isinstance(plain(items[0]), int):
        count = plain(items[0])
        if not 0 <= count <= MAX_ITEMS:
            raise Implausible("a vector of absurd size")
        return fill(vector, copies(m, coerce(m, copied(items[1]), elem), count), marks[1])
    if elem is None:
        vector.items = [copied(i) for i in items]
    elif elem.scalar:
        scalar = elem.scalar
        vector.items = [i if type(i) is int and 0 <= i < 0x80 else ops.convert(m, i, scalar) for i in items]
    else:
        vector.items = [coerce(m, copied(i), elem) for i in items]
    vector.marks = list(marks)
    if type_.name == "array" and len(type_.args) > 1 and isinstance(type_.args[1], int):
        missing = min(type_.args[1], MAX_ITEMS) - len(vector.items)
        if missing > 0:
            fill(vector, copies(m, default_value(m, elem or AUTO), missing))
    return vector


def aggregate(m: Machine, decl: StructDef, type_: Type, given: InitList) -> Value:
    """`T{a, b}` or `T{.x = a}`: through a constructor of the class where it has one, else member by member."""
    items = given.items
    if len(items) == 1 and given.names is None:
        only = items[0].v if isinstance(items[0], Opt) else items[0]
        if isinstance(only, Struct) and only.type is not None and only.type.qualified == decl.qualified:
            return only
    if given.names is None and m.interp.methods(decl, decl.name):
        return m.interp.construct_user(m, decl, type_, list(items), given.mark)
    struct = new_struct(m, decl, type_)
    struct.marks[""] = given.mark
    fields = m.interp.fields(decl)
    key = template_key(struct.targs)
    if given.names is not None:
        for name, item, mark in zip(given.names, items, given.marks, strict=True):
            if name in fields:
                _set_member(m, struct, fields[name], item, mark, key)
        return struct
    for field, item, mark in zip(fields.values(), items, given.marks, strict=False):
        _set_member(m, struct, field, item, mark, key)
    return struct


def _set_member(m: Machine, struct: Struct, field: FieldDef, item: Value, mark: Mark | None, key: object) -> None:
    templates = struct.targs
    type_ = m.interp.field_type(field, templates, key)
    is_array = type_.array and isinstance(item, InitList)
    if type_.ref and isinstance(item, Ref) and not isinstance(plain(item), Obj):
        struct.fields[field.name] = item  # a reference member of a scalar
        return
    value = m.interp.array_field(m, field, item, templates) if is_array else coerce(m, item, type_)
    struct.fields[field.name] = value if type_.ref or type_.ptr else copied(value)
    if mark is not None:
        struct.marks[field.name] = mark


def construct(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """`T(args)`"""
    args = [a.get() if isinstance(a, Ref) else a for a in args]
    kind = type_.scalar
    if kind:
        return ops.convert(m, args[0], kind) if args else default_value(m, type_)
    name = type_.name
    if type_.decl is None and name in CONSTRUCTORS:
        return CONSTRUCTORS[name](m, type_, args, mark)
    if not args:
        if isinstance(type_.decl, StructDef) and m.interp.methods(type_.decl, type_.decl.name):
            return m.interp.construct_user(m, type_.decl, type_, [], mark)
        return default_value(m, type_)
    if isinstance(type_.decl, StructDef):
        return aggregate(m, type_.decl, type_, InitList(args, [mark] * len(args), None, mark or NOWHERE))
    if isinstance(type_.decl, EnumDef):
        return enum_from_number(m, type_.decl, args[0])
    if name in SEQUENCES:
        return _construct_sequence(m, type_, args, mark)
    if name in STRINGS or name in ("variant", "function"):
        return coerce(m, args[0], type_)
    return coerce(m, args[0] if len(args) == 1 else InitList(args, [mark] * len(args), None, mark or NOWHERE), type_)


def _construct_sequence(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Vec:
    vector = Vec([], type_.name)
    vector.elem = _elem(type_)
    first = args[0]
    if isinstance(first, Ptr):
        end = args[1].at if len(args) > 1 and isinstance(args[1], Ptr) else sequence_end(args, first)
        end = min(end, sequence_length(first.base))  # a view in bytes is longer than what it views
        refs = [m.interp.element(first.base, i) for i in range(first.at, end)]
        note_copy(m, vector, first.base)
        return fill(vector, [coerce(m, copied(r), vector.elem) if vector.elem else copied(r) for r in refs], mark)
    if isinstance(first, (Vec, InitList)):
        if isinstance(first, InitList):
            return sequence(m, first, type_)
        return first.copy()
    own = getattr(first, "as_vector", None)
    if own is not None:
        listed: Vec = own(m)
        return listed
    count = plain(ops.number(m, first))
    if not isinstance(count, int) or not 0 <= count <= MAX_ITEMS:
        raise absurd(first)
    value = args[1] if len(args) > 1 else default_value(m, vector.elem or AUTO)
    if vector.elem is not None:
        value = coerce(m, value, vector.elem)
    return fill(vector, copies(m, value, count), mark)


def absurd(size: Value) -> Thrown:
    """A vector of more items than any op has; its size is mostly a difference that came out below zero."""
    return Thrown("a vector of absurd size", mask(size), tuple(solving.solve(size, SEEMLY)))


def note_copy(m: Machine, vector: Vec, source: Any) -> None:
    """Remember that a vector was filled from a kernel's runtime arguments."""
    if getattr(source, "as_vector", None) is not None and first_copy(vector):
        vector.copy_of = source


def first_copy(vector: Vec) -> bool:
    return vector.copy_of is None


def sequence_end(args: list[Value], first: Ptr) -> int:
    """The end of a span given as (pointer, length)."""
    length = plain(args[1]) if len(args) > 1 else 0
    return first.at + (length if isinstance(length, int) else 0)


def _is_storage(value: Value, which: Type) -> bool | None:
    """A buffer stands for the device storage that holds it."""
    if getattr(type(value), "is_storage", False) and which.name.endswith("Storage"):
        return which.name == "DeviceStorage"
    return None


def is_type(m: Machine, value: Value, type_: Type) -> bool | None:
    """Does a variant hold this alternative? None when it cannot be told."""
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, Pointer):
        return is_type(m, value.ref.get(), type_) if type_.ptr else False
    if isinstance(value, Absent) or value is None:
        return type_.name in ("monostate", "nullopt_t", "nullptr_t")
    if isinstance(value, TypeRef):
        return bool(value.type.key == type_.key)
    if isinstance(value, Struct):
        if isinstance(type_.decl, StructDef) and value.type is not None:
            return value.type.qualified == type_.decl.qualified
        return value.name == type_.name
    if isinstance(value, Unknown):
        return None
    storage = _is_storage(value, type_)
    if storage is not None:
        return storage
    bare = plain(value)
    if type_.scalar:
        if isinstance(bare, bool):
            return type_.scalar == "bool"
        if isinstance(bare, int):
            return type_.scalar not in ("bool", "float")
        return isinstance(bare, float) and type_.scalar == "float"
    if isinstance(bare, str):
        return type_.name in STRINGS
    if isinstance(bare, Enum):
        return bare.type == type_.name
    if isinstance(value, Vec):
        return type_.name == value.kind or (type_.name in SEQUENCES and value.kind in SEQUENCES)
    if isinstance(value, Obj):
        return type(value).__name__ == type_.name
    return None


def alternative_index(m: Machine, value: Value, type_: Type) -> int | None:
    """The position of the alternative that a variant of this type holds; None when it cannot be told."""
    for position, alternative in enumerate(type_.args):
        holds = is_type(m, value, alternative) if isinstance(alternative, Type) else None
        if holds is None:
            return None
        if holds:
            return position
    return None
