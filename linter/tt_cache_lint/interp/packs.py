"""Lowering of parameter packs: expansions and folds; and of what a requires expression asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp import ops
from tt_cache_lint.interp.names import Closure, Names
from tt_cache_lint.interp.operators import logical
from tt_cache_lint.interp.values import Struct, Value, Vec

if TYPE_CHECKING:
    from tree_sitter import Node


class Packs(Names):
    """Parameter packs."""

    def e_parameter_pack_expansion(self, node: Node) -> Closure:
        """`f(args)...`: a tuple of what the pattern gives for each element of the pack."""
        pattern = node.named_children[0]
        return self.ev(pattern) if pattern.type == "identifier" else self.expanded(pattern) or self.ev(pattern)

    def expanded(self, pattern: Node) -> Closure | None:
        """A closure for the tuple of a pattern's values over the packs in it; None when there is no pack in it."""
        packs: dict[str, tuple[int, int]] = {}
        stack = [pattern]
        while stack:
            current = stack.pop()
            stack.extend(current.named_children)
            found = self.resolve(self.text(current)) if current.type == "identifier" else None
            if found is not None and found[1].pack:
                packs[self.text(current)] = (found[0], found[1].slot)
        if not packs:
            return None
        inner, places = self.ev(pattern), tuple(packs.values())

        def run(f: list[Value]) -> Value:
            held = []
            for depth, slot in places:
                frame = f
                for _ in range(depth):
                    frame = frame[1]
                held.append((frame, slot, frame[slot]))
            values = []
            try:
                for at in range(min(len(pack.items) if isinstance(pack, Vec) else 0 for _, _, pack in held)):
                    for frame, slot, pack in held:
                        frame[slot] = pack.items[at]
                    values.append(inner(f))
            finally:
                for frame, slot, pack in held:
                    frame[slot] = pack
            return Vec(values, "tuple")

        return run

    def e_fold_expression(self, node: Node) -> Closure:
        """`(args + ... + 0)`, `(args && ...)`, `(f(args), ...)`"""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return self.not_understood(node)
        op = self.text(operator)
        first = None if left.type == "..." else self.expanded(left)
        pack = first or (self.expanded(right) if right.type != "..." else None)
        if pack is None or (op not in ops.OPERATIONS and op not in ("&&", "||", ",")):
            return self.not_understood(node)
        other = right if first is not None else left
        seed = self.ev(other) if other.type != "..." else None
        empty_value = {"&&": True, "||": False}.get(op)

        def run(f: list[Value]) -> Value:
            values = pack(f).items
            if seed is not None:
                values = [*values, seed(f)] if first is not None else [seed(f), *values]
            if not values:
                return empty_value
            backwards = first is not None  # `(args op ... op x)` and `(args op ...)` are folded from the right
            result = values[-1] if backwards else values[0]
            for value in reversed(values[:-1]) if backwards else values[1:]:
                a, b = (value, result) if backwards else (result, value)
                if op == ",":
                    result = values[-1]
                elif op in ("&&", "||"):
                    result = logical(op, lambda _, x=a: x, lambda _, x=b: x)(f)  # type: ignore[misc]
                else:
                    result = ops.binary(f[0], op, a, b)
            return result

        return run

    def e_requires_expression(self, node: Node) -> Closure:
        """`requires { x.member; }`: does the value have the member?"""
        wanted: list[tuple[Closure, str]] = []
        stack = [node]
        while stack:
            current = stack.pop()
            if current.type == "field_expression":
                argument, field = current.child_by_field_name("argument"), current.child_by_field_name("field")
                if argument is not None and field is not None:
                    wanted.append((self.ev(argument), self.text(field)))
                continue
            stack.extend(current.named_children)

        def run(f: list[Value]) -> Value:
            for base, name in wanted:
                owner = base(f)
                if isinstance(owner, Struct) and owner.type is not None and name not in f[0].interp.fields(owner.type):
                    return False
            return True

        return run
