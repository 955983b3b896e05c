"""Scalar operations: C++ arithmetic and comparison over values with an origin.

Integers are Python integers; wrapping to a declared width happens where a value meets a declared type (`convert`).
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.refs import Reversed
from tt_cache_lint.interp.streams import Stream
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    Handle,
    InitList,
    Obj,
    Opt,
    Ptr,
    Ref,
    Unknown,
    Val,
    Value,
    Vec,
    empty,
    identity,
    key_of,
    mask,
)
from tt_cache_lint.interp.world import MAPPINGS

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

INTEGERS: dict[str, tuple[int, bool]] = {
    "uint8_t": (8, False),
    "uint16_t": (16, False),
    "uint32_t": (32, False),
    "uint64_t": (64, False),
    "int8_t": (8, True),
    "int16_t": (16, True),
    "int32_t": (32, True),
    "int64_t": (64, True),
    "int": (32, True),
    "unsigned": (32, False),
    "unsigned int": (32, False),
    "long": (64, True),
    "long long": (64, True),
    "unsigned long": (64, False),
    "unsigned long long": (64, False),
    "short": (16, True),
    "char": (8, True),
    "unsigned char": (8, False),
    "size_t": (64, False),
    "ssize_t": (64, True),
    "ptrdiff_t": (64, True),
    "uintptr_t": (64, False),
    "std::size_t": (64, False),
    "DeviceAddr": (64, False),
    "KernelHandle": (32, False),
    "CBHandle": (64, False),
    "byte": (8, False),
    "signed": (32, True),
    "uint": (32, False),
}
FLOATS = {"float", "double", "long double", "bfloat16"}


def quotient(a: Value, b: Value) -> Value:
    if type(a) is int and type(b) is int and a >= 0 and b > 0:
        return a // b
    if b == 0:
        if isinstance(a, float) or isinstance(b, float):
            return math.inf if a > 0 else -math.inf if a < 0 else math.nan
        raise Implausible("division by zero")
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    whole = abs(a) // abs(b)
    return whole if (a >= 0) == (b >= 0) else -whole


def _mod(a: Value, b: Value) -> Value:
    if type(a) is int and type(b) is int and a >= 0 and b > 0:
        return a % b
    if b == 0:
        raise Implausible("division by zero")
    if isinstance(a, float) or isinstance(b, float):
        return math.fmod(a, b)
    remainder = abs(a) % abs(b)
    return remainder if a >= 0 else -remainder


def _shift(function: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    def shift(a: Value, b: Value) -> Value:
        if not isinstance(a, int) or not isinstance(b, int) or not 0 <= b < 128:
            raise Implausible("shift out of range")
        return function(a, b) & 0xFFFFFFFFFFFFFFFF if a >= 0 else function(a, b)

    return shift


def _bits(function: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    return lambda a, b: function(int(a), int(b))


OPERATIONS: dict[str, Callable[[Value, Value], Value]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": quotient,
    "%": _mod,
    "<<": _shift(operator.lshift),
    ">>": _shift(operator.rshift),
    "&": _bits(operator.and_),
    "|": _bits(operator.or_),
    "^": _bits(operator.xor),
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
NUMBERS = frozenset((int, float, bool))
BOUND = 1 << 80  # what grows beyond is no number of a program
MOST_TEXT = 1 << 20  # and no text
TILE = 32
COMPARISONS = {"<", ">", "<=", ">=", "==", "!="}


def binary(m: Machine, op: str, a: Value, b: Value) -> Value:
    """`a op b`. Unknown operands give an unknown, except that arithmetic makes numbers of them."""
    type_a, type_b = type(a), type(b)
    if type_a is Val:
        va, pa = a.v, a.p
    elif type_a is int:
        va, pa = a, 0
    else:
        a, va, pa = _operand(a)
    if type_b is Val:
        vb, pb = b.v, b.p
    elif type_b is int:
        vb, pb = b, 0
    else:
        b, vb, pb = _operand(b)
    if type(va) not in NUMBERS or type(vb) not in NUMBERS:
        return _mixed(m, op, a, va, b, vb)
    if vb == 0 and op in ("/", "%") and isinstance(b, Val) and isinstance(va, int):
        from tt_cache_lint.interp.solving import want

        raise Thrown("division by zero", b.p, tuple(want(Val(False, b.p, ("!=", b, 0)), True)))
    try:
        value = OPERATIONS[op](va, vb)
    except (OverflowError, ValueError, TypeError) as error:
        raise Implausible(str(error)) from error
    if type(value) is int and not -BOUND < value < BOUND:
        raise Implausible("a number grows without bound")
    if pa or pb:
        return Val(value, pa | pb, (op, a, b))
    return value


def _operand(a: Value) -> tuple[Value, Value, int]:
    """An operand, its bare value and the inputs it derives from."""
    if isinstance(a, Ref):
        a = a.get()
    return (a, a.v, a.p) if isinstance(a, (Val, Handle)) else (a, a, 0)


def _mixed(m: Machine, op: str, a: Value, va: Value, b: Value, vb: Value) -> Value:
    if op == "<<" and isinstance(va, Stream):
        return va.put(b)
    if isinstance(va, Opt):
        if isinstance(vb, Opt) or empty(vb):
            return _equal(m, op, a, b)
        return binary(m, op, va.v, b)
    if isinstance(vb, Opt):
        return _equal(m, op, a, b) if empty(va) else binary(m, op, a, vb.v)
    if isinstance(va, Enum) and isinstance(vb, Enum):
        if op in ("==", "!="):
            return _result(op == "==" if va == vb else op == "!=", a, b, op)
        if va.number >= 0 and vb.number >= 0:
            return _result(OPERATIONS[op](va.number, vb.number), a, b, op)
    elif isinstance(va, Enum) and isinstance(vb, (int, float)) and va.number >= 0:
        return _result(OPERATIONS[op](va.number, vb), a, b, op)
    elif isinstance(vb, Enum) and isinstance(va, (int, float)) and vb.number >= 0:
        return _result(OPERATIONS[op](va, vb.number), a, b, op)
    if isinstance(va, str) and isinstance(vb, str) and op in ("+", *COMPARISONS):
        if len(va) + len(vb) > MOST_TEXT:
            raise Implausible("a text grows without bound")
        return _result(OPERATIONS[op](va, vb), a, b, op)
    if isinstance(va, Unknown) or isinstance(vb, Unknown):
        return _unknown(m, op, a, va, b, vb)
    if isinstance(va, Ptr) or isinstance(vb, Ptr):
        return _pointers(op, va, vb)
    if op in COMPARISONS:
        if op in ("==", "!="):
            return _equal(m, op, _converted(a, vb), _converted(b, va))
        left, right = identity(a), identity(b)
        try:
            return OPERATIONS[op](left, right)
        except TypeError:
            return Unknown(f"{key_of(a)} {op} {key_of(b)}")
    for side, other in ((va, vb), (vb, va)):
        overloaded = getattr(side, "arithmetic", None)
        if overloaded is not None:
            return overloaded(m, op, va, vb, other)
    return Unknown(f"({key_of(a)} {op} {key_of(b)})", mask(a) | mask(b))


def _result(value: Value, a: Value, b: Value, op: str) -> Value:
    p = (a.p if isinstance(a, Val) else 0) | (b.p if isinstance(b, Val) else 0)
    return Val(value, p, (op, a, b)) if p else value


def _converted(value: Value, beside: Value) -> Value:
    """A value as the type beside it, where that takes it by an implicit conversion."""
    convert = getattr(beside, "converted", None)
    made = convert(value.get() if isinstance(value, Ref) else value) if convert is not None else None
    return value if made is None else made


def _equal(m: Machine, op: str, a: Value, b: Value) -> Value:
    left, right = identity(a), identity(b)
    same = left == right
    p = mask(a) | mask(b)
    value = same if op == "==" else not same
    if op not in ("==", "!="):
        return Unknown(f"({key_of(a)} {op} {key_of(b)})", p)
    if "?" in _flat(left) or "?" in _flat(right):
        if same:
            return value
        return (
            Unknown(f"{key_of(a)} == {key_of(b)}", p)
            if op == "=="
            else negate(m, Unknown(f"{key_of(a)} == {key_of(b)}", p))
        )
    return Val(value, p, (op, a, b)) if p else value


def _flat(value: object, depth: int = 0) -> set[object]:
    if isinstance(value, tuple) and depth < 5:
        found: set[object] = set()
        for item in value:
            found |= _flat(item, depth + 1)
        return found
    return {value} if isinstance(value, str) else set()


def _unknown(m: Machine, op: str, a: Value, va: Value, b: Value, vb: Value) -> Value:
    p = mask(a) | mask(b)
    if isinstance(va, Unknown) and isinstance(vb, Unknown) and va.key == vb.key:
        if op in ("==", "<=", ">="):
            return True
        if op in ("!=", "<", ">"):
            return False
    arithmetic = op not in COMPARISONS
    if (isinstance(va, (int, float)) and not isinstance(va, bool)) or (arithmetic and isinstance(va, Unknown)):
        if isinstance(vb, (Unknown, int, float)) and (arithmetic or isinstance(vb, Unknown)):
            return binary(m, op, number(m, a), number(m, b))
    if isinstance(vb, (int, float)) and not isinstance(vb, bool):
        return binary(m, op, number(m, a), b)
    left, right = key_of(a), key_of(b)
    if op == "!=":
        return negate(m, Unknown(f"{left} == {right}" if left <= right else f"{right} == {left}", p))
    if op == "==":
        return Unknown(f"{left} == {right}" if left <= right else f"{right} == {left}", p)
    if op == ">":
        return Unknown(f"{right} < {left}", p)
    if op == "<=":
        return negate(m, Unknown(f"{right} < {left}", p))
    if op == ">=":
        return negate(m, Unknown(f"{left} < {right}", p))
    return Unknown(f"({left} {op} {right})", p)


def _pointers(op: str, a: Value, b: Value) -> Value:
    if isinstance(a, Ptr) and isinstance(b, Ptr):
        if op == "-":
            return a.at - b.at
        if op in COMPARISONS:
            if a.base is not b.base and op in ("==", "!=") and not (type(a.base) is Reversed and a.base == b.base):
                return op == "!="
            return OPERATIONS[op](a.at, b.at)
    if op == "+" and isinstance(a, Ptr):
        offset = b.v if isinstance(b, Val) else b
        if isinstance(offset, int):
            return Ptr(a.base, a.at + offset)
    if op == "-" and isinstance(a, Ptr):
        offset = b.v if isinstance(b, Val) else b
        if isinstance(offset, int):
            return Ptr(a.base, a.at - offset)
    if op in ("==", "!="):
        return (a is b) == (op == "==")
    return Unknown(f"pointer {op}")


def negate(m: Machine, a: Value) -> Value:
    """`!a`"""
    if isinstance(a, Unknown):
        return Val(not truth(m, a, touch=False), a.p | m.world.bit(condition_key(a)), ("!", a, None))
    if isinstance(a, Val):
        return Val(not truth(m, a, touch=False), a.p, ("!", a, None))
    return not truth(m, a, touch=False)


def unary(m: Machine, op: str, a: Value, form: tuple[int, bool] = (32, False)) -> Value:
    """`-a`, `+a`, `~a`; `form` is the width and signedness of the operand of `~`."""
    if isinstance(a, Ref):
        a = a.get()
    if isinstance(a, Unknown):
        a = number(m, a)
    if isinstance(a, Enum) and a.number >= 0:
        a = a.number
    if isinstance(a, Opt):
        a = a.v
    value = a.v if isinstance(a, (Val, Handle)) else a
    if not isinstance(value, (int, float)):
        return Unknown(f"{op}{key_of(a)}", mask(a))
    result: int | float
    if op == "~":
        result = wrap(~int(value), form if value < 1 << 32 else (64, form[1]))
    else:
        result = -value if op == "-" else +value
    return Val(result, a.p, (op, a, None)) if isinstance(a, Val) and a.p else result


def number(m: Machine, a: Value) -> Value:
    """The number a value is; an unknown gets one, the same for the same unknown."""
    if isinstance(a, Ref):
        a = a.get()
    if isinstance(a, Opt):
        a = a.v
    if isinstance(a, (int, float)):
        return a
    if isinstance(a, (Val, Handle)):
        if isinstance(a.v, Enum):
            return Val(a.v.number, a.p, a.t) if a.v.number >= 0 else m.unknown_number(repr(a.v), a.p)
        return a
    if isinstance(a, Enum):
        return a.number if a.number >= 0 else m.unknown_number(repr(a), 0)
    if isinstance(a, Unknown):
        return m.unknown_number(a.key, a.p)
    if isinstance(a, (InitList, Vec)) and len(a.items) == 1:
        return number(m, a.items[0])
    if empty(a):
        return 0
    return m.unknown_number(key_of(a), mask(a))


def condition_key(a: Unknown) -> str:
    return f"({a.key})"


def truth(m: Machine, a: Value, touch: bool = True) -> bool:
    """The truth of a condition. Branching on an input is noted in the world."""
    if a is True or a is False:
        return a
    if isinstance(a, Ref):
        a = a.get()
    if isinstance(a, Val):
        if touch:
            m.world.touch(a.p)
        value = a.v
        if value is True or value is False:
            return value
        return truth(m, value, touch) if isinstance(value, (Enum, Obj)) else bool(value)
    if isinstance(a, Unknown):
        fact = m.world.fact(condition_key(a), (False, True))
        if touch:
            m.world.touch(fact.p | a.p)
        return bool(fact.v)
    if isinstance(a, Enum):
        return a.number != 0
    if isinstance(a, Handle):
        return a.v != 0
    if a is None:
        return False
    if isinstance(a, (Opt, Absent)):
        if touch:
            m.world.touch(a.p)
        return isinstance(a, Opt)
    return bool(a) if isinstance(a, (int, float, str)) else True


def convert(m: Machine, a: Value, kind: str) -> Value:
    """A value as the scalar type `kind` (a key of INTEGERS, or float, or bool) sees it."""
    if type(a) is int:
        spec = INTEGERS.get(kind)
        if spec is not None:
            if 0 <= a < 0x80 or a >> (spec[0] - 1) == 0:
                return a
            return wrap(a, spec)
        if kind == "bool":
            return a != 0
        return float(a)
    if type(a) is Val and type(a.v) is int and 0 <= a.v < 0x80 and kind in INTEGERS:
        return a
    if isinstance(a, Ref):
        a = a.get()
    if kind == "bool":
        if isinstance(a, bool):
            return a
        if isinstance(a, Val):
            return a if isinstance(a.v, bool) else Val(truth(m, a, touch=False), a.p, ("!=", a, 0))
        if isinstance(a, Unknown):
            return a
        if isinstance(a, InitList):
            return convert(m, a.items[0], kind) if a.items else False
        return truth(m, a, touch=False)
    if isinstance(a, Handle):
        if a.kind == "cb" and INTEGERS.get(kind, (64, False))[0] < 64:
            return a.narrowed() if not a.narrow else a
        return a
    if isinstance(a, Unknown):
        return a
    if isinstance(a, InitList):
        return convert(m, a.items[0], kind) if a.items else (0 if kind in INTEGERS else 0.0)
    if isinstance(a, Val):
        value = a.v
        if isinstance(value, Enum):
            value = value.number
            if value < 0:
                return a
        if not isinstance(value, (int, float)):
            return a
        result = _scalar(value, kind)
        return a if result is value else Val(result, a.p, a.t if result == value else ("cast", a, kind))
    if isinstance(a, Enum):
        return a.number if a.number >= 0 else a
    if isinstance(a, (int, float)):
        return _scalar(a, kind)
    if isinstance(a, Opt):
        return convert(m, a.v, kind)
    if empty(a):
        return 0
    return a


def _scalar(value: int | float, kind: str) -> int | float:
    spec = INTEGERS.get(kind)
    if spec is None:
        return float(value)
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return 0
        value = int(value)
    if value is True or value is False:
        return int(value)
    return value if value >> (spec[0] - 1) == 0 else wrap(value, spec)


def beside(a: Value, b: Value) -> Value:
    """A negative constant as it is compared with `a`: as an unsigned number where `a` is too large to be signed."""
    x, y = a.v if isinstance(a, Val) else a, b.v if isinstance(b, Val) else b
    if type(x) is not int or type(y) is not int or y >= 0 or x < 1 << 31:
        return b
    return y & ((1 << 32) - 1 if x < 1 << 32 else (1 << 64) - 1)


def wrap(value: int, spec: tuple[int, bool]) -> int:
    """Two's complement of the given width and signedness."""
    bits, signed = spec
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def float_bits(value: float) -> int:
    """The bits of a 32-bit float, as a bit cast to uint32_t gives them."""
    try:
        return int(struct.unpack("<I", struct.pack("<f", float(value)))[0])
    except OverflowError:
        return 0x7F800000


def bits_float(bits: int) -> float:
    """The 32-bit float with these bits."""
    return float(struct.unpack("<f", struct.pack("<I", bits & 0xFFFFFFFF))[0])


def mapped(value: Value, mapping: str) -> Value:
    """What an enumerator among the inputs is turned into by one of MAPPINGS; it has to be there."""
    image = MAPPINGS[mapping][value.v if isinstance(value, Val) else value]
    return Val(image, value.p, ("mapped", value, mapping)) if isinstance(value, Val) else image
