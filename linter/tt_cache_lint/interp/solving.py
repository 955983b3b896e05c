"""Solving for inputs: what makes a value equal to another, or a condition true, by walking terms backwards."""

from __future__ import annotations

import math
import operator

from tt_cache_lint.interp.ops import COMPARISONS, TILE, condition_key, quotient
from tt_cache_lint.interp.values import Absent, Enum, Handle, InitList, Obj, Opt, Unknown, Val, Value, Vec
from tt_cache_lint.interp.world import DOMAINS, MAPPINGS

SMALL = (1, TILE)  # what a dimension can be made, if not anything: a tile's side is as small as it gets
MOST_OPERANDS = 16  # of a condition that are looked at
_MIRROR = {">": "<", "<=": "<", ">=": "<"}


def solve(a: Value, target: Value, depth: int = 0) -> list[dict[str, Value]]:
    """Assignments of inputs that make `a` equal `target`, by walking its term backwards. May be empty."""
    if not isinstance(a, Val) or depth > 12:
        return []
    if isinstance(target, (Val, Handle)):
        target = target.v
    term = a.t
    if isinstance(term, str):
        if term.startswith("address of ") or (type(a.v) is not type(target) and not isinstance(target, (int, float))):
            return []
        if isinstance(a.v, Enum) and (not isinstance(target, Enum) or a.v.type != target.type):
            return []
        if type(a.v) is int and isinstance(target, float):  # an input that is whole stays so
            return [{term: math.ceil(target)}] if math.isfinite(target) else []
        return [{term: target}]
    if not isinstance(term, tuple):
        return []
    op, x, y = term
    if op == "!":
        return want(x, not target, depth + 1)
    if op == "cast":
        return solve(x, target, depth + 1)
    if op == "mapped":
        return [r for source, image in MAPPINGS[y].items() if image == target for r in solve(x, source, depth + 1)]
    if op in COMPARISONS and isinstance(target, bool):
        return want(a, target, depth + 1)
    if not isinstance(target, (int, float)):
        return []
    vx = x.v if isinstance(x, Val) else x
    vy = y.v if isinstance(y, Val) else y
    found: list[dict[str, Value]] = []
    if op == "roundup":
        return solve(x, target, depth + 1) if not isinstance(y, int) or target % y == 0 else []
    if not isinstance(vx, (int, float)) or not isinstance(vy, (int, float)):
        return []
    if op in ("min", "max"):  # by the operand that is taken
        reach = operator.le if op == "min" else operator.ge  # what the other operand leaves within reach
        taken = [side for side, bare, other in ((x, vx, vy), (y, vy, vx)) if bare == a.v and reach(target, other)]
        found += [r for side in taken for r in solve(side, target, depth + 1)]
    elif op == "+":
        found += solve(x, target - vy, depth + 1) + solve(y, target - vx, depth + 1)
    elif op == "-":
        found += solve(x, target + vy, depth + 1) + solve(y, vx - target, depth + 1)
    elif op == "*" and target == 1:
        ones: list[list[dict[str, Value]]]
        ones = [[{}] if bare == 1 else solve(side, 1, depth + 1)[:1] for side, bare in ((x, vx), (y, vy))]
        found += [{**first, **second} for first in ones[0] for second in ones[1]]
    elif op == "*":
        if vy and target % vy == 0:
            found += solve(x, quotient(target, vy), depth + 1)
        if vx and target % vx == 0:
            found += solve(y, quotient(target, vx), depth + 1)
        if not found and isinstance(target, int) and target > 0:
            found += _factors(x, y, target, depth + 1) or _factors(y, x, target, depth + 1)
    elif op == "/":
        found += solve(x, target * vy, depth + 1)
        if target:
            found += solve(y, quotient(vx, target), depth + 1)
    elif op == "%" and vy and 0 <= target < abs(vy):
        base = vx - vx % vy + target
        for whole in (base, base + vy)[base <= 0 :]:
            found += solve(x, whole, depth)  # what is asked to be whole is worth a step more
        if target == 0 and isinstance(vx, int):
            found += [r for d in (vx, 1) if d for r in solve(y, d, depth + 1)]
    return found


def _factors(x: Value, y: Value, target: int, depth: int) -> list[dict[str, Value]]:
    """Assignments that make one factor as small as it goes, and the other what remains."""
    for small in SMALL:
        if target % small == 0:
            first, second = solve(x, small, depth), solve(y, target // small, depth)
            rest = y.v if isinstance(y, Val) else y
            if first and (second or rest == target // small):
                return [{**(second[0] if second else {}), **first[0]}]
    return []


def want(a: Value, target: bool, depth: int = 0) -> list[dict[str, Value]]:
    """Assignments of inputs that make the condition `a` come out as `target`."""
    if isinstance(a, Unknown):
        return [{condition_key(a): target}]
    if isinstance(a, (Opt, Absent)):
        return [{a.t: target}] if isinstance(a.t, str) else want(a.t, target, depth + 1)
    if not isinstance(a, Val) or depth > 12:
        return []
    term = a.t
    if isinstance(term, str):
        return [{term: target}]
    if not isinstance(term, tuple):
        return []
    op, x, y = term
    if op in ("!=", "==") and y == 0 and (bits := _of_conditions(x)) is not None:
        a, target = Val(a.v, a.p, bits), target == (op == "!=")
        op, x, y = bits
    if op == "!":
        return want(x, not target, depth + 1)
    if op in ("&&", "||"):
        parts = _operands(op, a)
        if (op == "&&") == target:
            return _every(parts, target, depth + 1)
        return [r for part in parts for r in want(part, target, depth + 1)]
    if not target:
        negated = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
        if op not in negated:
            return []
        op = negated[op]
    vx = x.v if isinstance(x, Val) else x
    vy = y.v if isinstance(y, Val) else y
    if op == "==" and (isinstance(vx, Obj) or isinstance(vy, Obj)):
        return [r for r in (unify(x, y), unify(y, x)) if r]
    if op == "==":
        return solve(x, vy, depth + 1) + solve(y, vx, depth + 1)
    if op == "!=" and isinstance(vx, bool) and isinstance(vy, bool):
        return solve(x, not vy, depth + 1) + solve(y, not vx, depth + 1)
    if op == "!=" and isinstance(vx, Enum):
        others = [v for v in DOMAINS.get(vx.type, ()) if v != vy and v != vx]
        return [r for v in others for r in solve(x, v, depth + 1)] + [
            r for v in others for r in solve(y, v, depth + 1) if isinstance(vy, Enum)
        ]
    if not isinstance(vx, (int, float)) or not isinstance(vy, (int, float)):
        return []
    step = {"<": -1, "<=": 0, ">": 1, ">=": 0}.get(op)
    if step is None and vy == 0 and vx == 0:
        return nonzero(x, depth + 1)
    if step is None:
        one = solve(x, vy + 1, depth + 1) + solve(y, vx + 1, depth + 1)
        return one or solve(x, vy + TILE, depth + 1) + solve(y, vx + TILE, depth + 1)
    found = solve(x, vy + step, depth + 1) + solve(y, vx - step, depth + 1)
    if found or type(vx) is not int or type(vy) is not int:
        return found
    less = op in ("<", "<=")  # where only whole tiles do
    return solve(x, _whole(vy + step, less), depth + 1) + solve(y, _whole(vx - step, not less), depth + 1)


def _whole(size: int, less: bool) -> int:
    """The next whole number of tiles, in the direction asked for."""
    return (size if less else size + TILE - 1) // TILE * TILE


def _operands(op: str, a: Value) -> list[Value]:
    """The operands of a chain such as `x && y && z`; of a long one the last."""
    found: list[Value] = []
    while len(found) < MOST_OPERANDS and isinstance(a, Val) and isinstance(a.t, tuple) and a.t[0] == op:
        found.append(a.t[2])
        a = a.t[1]
    return [a, *reversed(found)]


def _every(parts: list[Value], target: bool, depth: int) -> list[dict[str, Value]]:
    """Assignments that make all of the conditions come out as `target`, first those that leave alone what does."""
    kept: dict[str, Value] = {}
    wrong: list[list[dict[str, Value]]] = []
    for part in parts:
        right = (part.v if isinstance(part, Val) else part) is target
        if not right:
            wrong.append(want(part, target, depth))
        elif target and isinstance(part, Val) and isinstance(part.t, tuple) and part.t[0] == "==":
            kept.update((k, v) for r in want(part, target, depth) for k, v in r.items())
    wrong = wrong or [want(part, target, depth) for part in parts]
    whole: list[dict[str, Value]] = [{}]
    for found in wrong if len(wrong) > 1 and all(wrong) else ():
        whole = [{**w, **r} for w in whole for r in found[:2]][:MOST_OPERANDS]
    result = [*(w for w in whole if w), *(r for found in wrong for r in found)]
    return sorted(result, key=lambda r: any(k in kept and kept[k] != v for k, v in r.items()))


def _of_conditions(a: Value) -> tuple[str, Value, Value] | None:
    """`a & b` and `a | b` of conditions, as what they mean."""
    if not isinstance(a, Val) or not isinstance(a.t, tuple) or a.t[0] not in ("&", "|"):
        return None
    bits, x, y = a.t
    if all(isinstance(side.v if isinstance(side, Val) else side, bool) for side in (x, y)):
        return bits * 2, x, y
    return None


def nonzero(a: Value, depth: int = 0) -> list[dict[str, Value]]:
    """Assignments of inputs that make a number that is 0 something else."""
    if not isinstance(a, Val) or depth > 12:
        return []
    if isinstance(a.t, tuple) and a.t[0] in ("roundup", "cast"):
        return nonzero(a.t[1], depth + 1)
    if isinstance(a.t, tuple) and a.t[0] == "*":
        factors = [nonzero(f, depth + 1) for f in a.t[1:] if (f.v if isinstance(f, Val) else f) == 0]
        return [{k: v for found in factors for k, v in found[0].items()}] if all(factors) else []
    return solve(a, 1, depth + 1)


def unify(a: Value, b: Value, depth: int = 0) -> dict[str, Value]:
    """Assignments of inputs that make object `a` equal to object `b`, part by part."""
    if isinstance(a, Absent) and isinstance(b, Opt) and depth < 4:
        return _same_presence(a.t, b.t)
    if isinstance(a, Opt) and isinstance(b, Opt):
        return {**_same_presence(a.t, b.t), **unify(a.v, b.v, depth + 1)}
    if isinstance(a, Val) and isinstance(b, (Val, int, float, Enum)):
        bare = b.v if isinstance(b, Val) else b
        found = solve(a, bare) if a.v != bare else []
        return found[0] if found else {}
    first, second = _parts(a), _parts(b)
    result: dict[str, Value] = {}
    if depth < 6 and len(first) == len(second):
        for x, y in zip(first, second, strict=True):
            result.update(unify(x, y, depth + 1))
    elif isinstance(a, Vec) and a.kind == "Shape" and second:
        result = _of_rank(a, [item.v if isinstance(item, Val) else item for item in second])
    return result


def _of_rank(shape: Vec, sizes: list[Value]) -> dict[str, Value]:
    """Assignments that give a shape among the inputs another number of dimensions."""
    rank = shape.key.t if shape.key is not None else None
    if not isinstance(rank, str) or not rank.endswith(".rank") or not all(type(size) is int for size in sizes):
        return {}
    stem = rank.removesuffix(".rank")
    return {rank: len(sizes), **{f"{stem}.logical_shape[{i}]": size for i, size in enumerate(sizes)}}


def _parts(value: Value) -> list[Value]:
    if isinstance(value, (Vec, InitList)):
        return value.items
    own = getattr(value, "parts", None)
    return list(own()) if own is not None else []


def _same_presence(a: object, b: object) -> dict[str, Value]:
    """Make one presence follow the other: presence may rest on an enumeration such as a memory layout."""
    if isinstance(a, Val) and isinstance(b, Val) and isinstance(a.t, tuple) and isinstance(b.t, tuple):
        return unify(a.t[1], b.t[1], 5)
    return {a: True} if isinstance(a, str) else {}
