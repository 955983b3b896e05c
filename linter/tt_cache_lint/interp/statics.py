"""The C++ type of an expression, told from the source alone.

A value does not know its type: 1 may be an int or a uint32_t. Where the type itself matters (a deduced template
parameter, decltype, the width of `~`), it is told from the expression as written; None when that does not tell it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp.ops import FLOATS, INTEGERS
from tt_cache_lint.interp.types import SCALARS, SEQUENCES, STANDARD, Type
from tt_cache_lint.source.declarators import qualified
from tt_cache_lint.source.defs import EnumDef, StructDef

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.names import Names

_CASTS = {"static_cast", "const_cast", "dynamic_cast", "reinterpret_cast", "bit_cast"}
_DECAYS = {"decay_t", "remove_cvref_t", "remove_reference_t", "remove_cv_t", "remove_const_t"}
_BOOLEAN = {"<", ">", "<=", ">=", "==", "!=", "&&", "||", "and", "or", "not_eq"}
_BY_FORM = {
    (8, True): "char",
    (16, True): "short",
    (32, True): "int",
    (64, True): "long",
    (8, False): "unsigned char",
    (16, False): "unsigned short",
    (32, False): "unsigned int",
    (64, False): "unsigned long",
}


def same_type(a: Type, b: Type) -> bool:
    """`std::is_same_v<a, b>`; uint32_t and unsigned int are two names of one type."""
    if a.scalar and b.scalar:
        return _canonical(a.name) == _canonical(b.name)
    return a.key == b.key


def _canonical(name: str) -> str:
    form = INTEGERS.get(name)
    return name if form is None else _BY_FORM[form]


def useful(type_: Type | None) -> bool:
    """Is this a type to bind a template parameter to?"""
    return type_ is not None and bool(type_.scalar or type_.decl is not None or type_.name in STANDARD)


def static_type(low: Names, node: Node | None, depth: int = 0) -> Type | None:
    """The type of an expression, without references."""
    if node is None or depth > 8:
        return None
    kind, following = node.type, depth + 1
    if kind == "parenthesized_expression":
        return static_type(low, node.named_children[0], following) if node.named_child_count == 1 else None
    if kind == "number_literal":
        return _literal_type(low.text(node))
    if kind in ("true", "false"):
        return SCALARS["bool"]
    if kind == "char_literal":
        return SCALARS["char"]
    if kind in ("identifier", "qualified_identifier"):
        return _named(low, node)
    if kind in ("cast_expression", "compound_literal_expression"):
        written = node.child_by_field_name("type")
        return _known(low.scoping.type(written)) if written is not None else None
    if kind == "sizeof_expression":
        return SCALARS["size_t"]
    if kind == "call_expression":
        return _called(low, node, following)
    if kind == "field_expression":
        owner = static_type(low, node.child_by_field_name("argument"), following)
        name = node.child_by_field_name("field")
        return _member(low, owner, low.text(name)) if owner is not None and name is not None else None
    if kind == "subscript_expression":
        base = static_type(low, node.child_by_field_name("argument"), following)
        return _element(base) if base is not None else None
    if kind == "unary_expression":
        operator = node.child_by_field_name("operator")
        if operator is not None and low.text(operator) in ("!", "not"):
            return SCALARS["bool"]
        return _promoted(static_type(low, node.child_by_field_name("argument"), following))
    if kind == "binary_expression":
        operator = node.child_by_field_name("operator")
        op = low.text(operator) if operator is not None else ""
        if op in _BOOLEAN:
            return SCALARS["bool"]
        left = static_type(low, node.child_by_field_name("left"), following)
        if op in ("<<", ">>"):
            return _promoted(left)
        return _common(left, static_type(low, node.child_by_field_name("right"), following))
    if kind == "conditional_expression":
        first = static_type(low, node.child_by_field_name("consequence"), following)
        second = static_type(low, node.child_by_field_name("alternative"), following)
        if first is not None and second is not None and same_type(first, second):
            return first
        return _common(first, second)
    return None


def decltype(low: Names, node: Node | None) -> Type | None:
    """The type `decltype(x)` or `std::decay_t<decltype(x)>` means; None for any other type."""
    while node is not None and node.type in ("type_descriptor", "qualified_identifier", "dependent_type"):
        if node.child_by_field_name("declarator") is not None:
            return None
        node = node.child_by_field_name("type") or node.child_by_field_name("name")
    if node is None:
        return None
    if node.type == "decltype":
        inner = [c for c in node.named_children if c.type not in ("auto", "comment")]
        return static_type(low, inner[0]) if inner else None
    if node.type == "template_type":
        name, given = node.child_by_field_name("name"), node.child_by_field_name("arguments")
        if name is not None and low.text(name) in _DECAYS and given is not None and given.named_child_count == 1:
            return decltype(low, given.named_children[0])
    return None


def _literal_type(text: str) -> Type:
    lower = text.replace("'", "").lower()
    hexadecimal = lower.startswith("0x")
    if not hexadecimal and any(c in lower for c in ".e"):
        return SCALARS["float" if lower.endswith("f") else "long double" if lower.endswith("l") else "double"]
    digits = lower.rstrip("ulz")
    suffix = lower[len(digits) :]
    try:
        value = int(digits, 0) if hexadecimal or lower.startswith("0b") else int(digits, 8 if digits[:1] == "0" else 10)
    except ValueError:
        return SCALARS["int"]
    unsigned = "u" in suffix
    wide = "l" in suffix or "z" in suffix or value >> 32 != 0
    if not unsigned and value >> (63 if wide else 31):
        if hexadecimal:
            unsigned = True
        else:
            wide = True
    if unsigned:
        return SCALARS["uint64_t" if wide else "uint32_t"]
    return SCALARS["long" if wide else "int"]


def _known(type_: Type) -> Type | None:
    """A declared type without its reference, None for auto."""
    if type_.name == "auto" and not type_.ptr:
        return None
    if type_.ref or type_.const:
        return Type(type_.name, type_.args, type_.decl, ptr=type_.ptr, array=type_.array)
    return type_


def _named(low: Names, node: Node) -> Type | None:
    path, _ = qualified(low.file, node)
    if not path:
        return None
    if len(path) == 1:
        place: Names | None = low
        while place is not None:  # not `resolve`, which would capture the name
            variable = place.find(path[0])
            if variable is not None:
                return _known(variable.type) or variable.deduced
            place = place.parent
        if path[0] in low.scoping.templates:
            return None
        if low.owner is not None and path[0] in low.interp.fields(low.owner):
            return _field(low, low.owner, path[0])
    const = low.interp.index.const(path[-1], low.file.path, low.scoping.scope, path[:-1])
    if const is not None and const.type is not None:
        return _known(low.interp.scoping(const.file, const.scope).type(const.type))
    return None


def _field(low: Names, decl: StructDef, name: str) -> Type | None:
    field = low.interp.fields(decl).get(name)
    return _known(low.interp.field_type(field, {}, ())) if field is not None and not decl.template else None


def _member(low: Names, owner: Type, name: str) -> Type | None:
    if isinstance(owner.decl, StructDef):
        return _field(low, owner.decl, name)
    if owner.name == "pair" and len(owner.args) == 2 and name in ("first", "second"):
        part = owner.args[0 if name == "first" else 1]
        return _known(part) if isinstance(part, Type) else None
    return None


def _element(base: Type) -> Type | None:
    if base.array:
        return Type(base.name, base.args, base.decl, ptr=base.ptr)
    if base.name in SEQUENCES and not base.ptr and base.args and isinstance(base.args[0], Type):
        return _known(base.args[0])
    return None


def _called(low: Names, node: Node, depth: int) -> Type | None:
    target, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if target is None:
        return None
    if target.type in ("primitive_type", "sized_type_specifier"):
        return _known(low.scoping.type(target))
    if target.type == "field_expression":
        name = target.child_by_field_name("field")
        owner = static_type(low, target.child_by_field_name("argument"), depth)
        sized = owner is not None and owner.name in SEQUENCES and name is not None and low.text(name) == "size"
        return SCALARS["size_t"] if sized else None
    path, _ = qualified(low.file, target)
    name_ = path[-1] if path else ""
    if name_ in _CASTS:
        last: Node | None = target
        while last is not None and last.type == "qualified_identifier":
            last = last.child_by_field_name("name")
        given = last.child_by_field_name("arguments") if last is not None else None
        return _known(low.scoping.type(given.named_children[0])) if given is not None and given.named_children else None
    if name_ in ("move", "forward", "as_const") and arguments is not None and arguments.named_child_count == 1:
        return static_type(low, arguments.named_children[0], depth)
    return SCALARS.get(name_) if len(path) == 1 or path[0] == "std" else None


def _promoted(type_: Type | None) -> Type | None:
    """Integral promotion."""
    if type_ is None or isinstance(type_.decl, EnumDef) or not type_.scalar:
        return None
    form = INTEGERS.get(type_.name)
    return SCALARS["int"] if type_.name == "bool" or (form is not None and form[0] < 32) else type_


def _common(first: Type | None, second: Type | None) -> Type | None:
    """The usual arithmetic conversions."""
    a, b = _promoted(first), _promoted(second)
    if a is None or b is None:
        return None
    for name in ("long double", "double", "float", "bfloat16"):
        if name in (a.name, b.name) and name in FLOATS:
            return SCALARS[name]
    x, y = INTEGERS[a.name], INTEGERS[b.name]
    if x[0] != y[0]:
        return a if x[0] > y[0] else b
    return a if not x[1] else b


def find_decltype(node: Node | None) -> Node | None:
    """The expression of a decltype inside a type, None when there is none."""
    stack = [node] if node is not None else []
    while stack:
        current = stack.pop()
        if current.type == "decltype":
            inner = [c for c in current.named_children if c.type not in ("auto", "comment")]
            return inner[0] if inner else None
        stack.extend(current.named_children)
    return None
