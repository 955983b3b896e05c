"""Names that stand outside of functions: constants, variables, macros and enumerators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build
from tt_cache_lint.interp.classes import Classes
from tt_cache_lint.interp.expressions import function_reference
from tt_cache_lint.interp.lower import Lowering
from tt_cache_lint.interp.overloads import takes
from tt_cache_lint.interp.registry import CONSTANTS, ENUM_NUMBERS, FUNCTIONS, STATELESS
from tt_cache_lint.interp.values import Enum, FuncRef, Mark, TypeRef, Unknown, Value, mask, plain
from tt_cache_lint.interp.world import HIDDEN_STATE
from tt_cache_lint.source.declarators import template_names
from tt_cache_lint.source.defs import ConstDef, EnumDef, FunctionDef, StructDef
from tt_cache_lint.source.files import SourceFile

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.types import Scoping


class Constants(Classes):
    """The constants of the tree."""

    def global_value(self, m: Machine, path: tuple[str, ...], scoping: Scoping) -> tuple[Value, bool]:
        """What a name that is no local variable means, and whether that is the same in every execution."""
        place = (path, scoping.file.path, scoping.scope)
        known = self._constants_at.get(place)
        if known is not None and not scoping.templates and not scoping.local:
            return self.constant(m, known), known in self._consts
        name, qualifier = path[-1], path[:-1]
        full = "::".join(path[-2:])
        if full in CONSTANTS:
            return CONSTANTS[full], True
        if name in CONSTANTS and (not qualifier or qualifier[-1] in _API_SCOPES):
            return CONSTANTS[name], True
        if qualifier:
            type_ = scoping.named(qualifier)
            if isinstance(type_.decl, EnumDef) and name in type_.decl.values:
                return build.enum_value(m, type_.decl, name), True
            if isinstance(type_.decl, StructDef):
                nested = self.index.enumerator(name, type_.decl.file.path, type_.decl.inner, ())
                if nested is not None and nested.scope == type_.decl.inner:
                    return build.enum_value(m, nested, name), True
                static = self.static_member(m, type_.decl, name)
                if static is not None:
                    return static, False
        const = self.index.const(name, scoping.file.path, scoping.scope, qualifier)
        if const is None and qualifier:  # a using-directive brings what a nested namespace has into its parent
            const = self.index.const(name, scoping.file.path, qualifier)
            if const is not None and (len(const.scope) <= len(qualifier) or const.scope[: len(qualifier)] != qualifier):
                const = None
        if const is not None and (const.value is not None or const.is_mutable):
            if not scoping.templates and not scoping.local:
                self._constants_at[place] = const
            return self.constant(m, const), const in self._consts
        enum = self.index.enumerator(name, scoping.file.path, scoping.scope, qualifier)
        if enum is not None:
            return build.enum_value(m, enum, name), True
        if name in CONSTANTS:
            return CONSTANTS[name], True
        functions = self.index.functions(name, scoping.file.path, scoping.scope, qualifier)
        if functions:
            return self._reference(functions), True
        if name in FUNCTIONS:
            return function_reference(name, FUNCTIONS[name]), True
        if qualifier:
            numbers = ENUM_NUMBERS.get(qualifier[-1], ())
            return Enum(qualifier[-1], name, numbers.index(name) if name in numbers else -1), True
        type_ = scoping.named(path)
        if type_.decl is not None:
            return TypeRef(type_), True
        return Unknown(name), True

    def _reference(self, functions: list[FunctionDef]) -> FuncRef:
        def call(m: Machine, site: Mark | None, args: list[Value]) -> Value:
            fitting = [f for f in functions if takes(f, len(args))] or functions
            function = fitting[0] if len(fitting) == 1 else self.overload(m, fitting, args)
            assert function is not None
            return m.invoke(self.code(m, function, (), args), args, None, None, None, site)

        return FuncRef(functions[0].name, call)

    def function_object(self, m: Machine, path: tuple[str, ...], scoping: Scoping) -> Value:
        """The global function object of a name, where its class keeps no state; None where there is none."""
        const = self.index.const(path[-1], scoping.file.path, scoping.scope, path[:-1]) if path else None
        if const is None or const.value is None or const.value.type == "preproc_arg":
            return None
        stateless = self.scoping(const.file, const.scope).type(const.type).name in STATELESS
        return self._evaluate(m, const) if stateless else None

    def constant(self, m: Machine, const: ConstDef) -> Value:
        """The value of a constant, evaluated once; a variable that may change between calls is hidden state."""
        if const.is_mutable:
            return hidden_state(m, const)
        key = const
        if key in self._consts:
            return self._consts[key]
        if key in self._evaluating or const.value is None:
            return Unknown(const.qualified)
        self._evaluating.add(key)
        try:
            value = self._evaluate(m, const)
            if self.told is not None and (isinstance(value, Unknown) or not m.world.is_known(mask(value))):
                value = self.told.constant(const, value)
        finally:
            self._evaluating.discard(key)
        if not mask(value):
            self._consts[key] = value
        return value

    def variable_template(self, m: Machine, const: ConstDef, targs: tuple[Any, ...]) -> Value:
        """The value of `name<targs>`."""
        parent = const.node.parent
        listed = parent.child_by_field_name("parameters") if parent is not None else None
        names = template_names(const.file, listed) if listed is not None else ()
        return self._evaluate(m, const, dict(zip(names, targs, strict=False)))

    def _evaluate(self, m: Machine, const: ConstDef, templates: dict[str, Any] | None = None) -> Value:
        scoping = self.scoping(const.file, const.scope, templates)
        low = Lowering(self, scoping)
        node = const.value
        assert node is not None
        if node.type == "preproc_arg":
            return self._macro(m, const)
        declarator = const.node.child_by_field_name("declarator")
        if declarator is not None and declarator.type == "init_declarator":
            declarator = declarator.child_by_field_name("declarator")
        type_ = scoping.type(const.type, declarator)
        run = low.initial_value(type_, node, low.mark(const.node), alias=type_.ptr)
        frame: list[Value] = [m, None, None, None, *([None] * (low.size - 4))]
        return run(frame)

    def _macro(self, m: Machine, const: ConstDef) -> Value:
        assert const.value is not None
        text = const.file.text_of(const.value).strip()
        from tt_cache_lint.interp.literals import literal, string_value

        if text[:1].isdigit() and text.replace("'", "").replace(".", "").isalnum():
            return literal(text)
        if text[:1] == '"' and text.count('"') == 2:
            return string_value(text)
        if text.replace("_", "").replace("::", "").isalnum():
            return self.global_value(m, tuple(text.split("::")), self.scoping(const.file, const.scope))[0]
        # on a line of its own the semicolon stays outside of a comment behind the text
        part = SourceFile(const.file.path, f"auto macro = {text}\n;".encode(), fixed_line=const.line)
        item = part.root.named_children[0] if part.root.named_children else None
        if item is None or part.root.has_error:
            return Unknown(const.name)
        declarator = item.child_by_field_name("declarator")
        node = declarator.child_by_field_name("value") if declarator is not None else None
        if node is None:
            return Unknown(const.name)
        low = Lowering(self, self.scoping(part, const.scope))
        run = low.initialiser(node)
        return run([m, None, None, None, *([None] * (low.size - 4))])

    def enum_number(self, m: Machine, decl: EnumDef, name: str) -> int:
        """The value of an enumerator, -1 when it cannot be told."""
        numbers = self._enums.get(decl)
        if numbers is None:
            numbers = self._enums[decl] = {}
            following = 0
            low = Lowering(self, self.scoping(decl.file, decl.scope))
            for key, node in decl.values.items():
                if node is not None:
                    text = decl.file.text_of(node).strip()
                    if text in numbers:
                        following = numbers[text]
                    else:
                        value = plain(low.ev(node)([m, None, None, None]))
                        following = value.number if isinstance(value, Enum) else value if isinstance(value, int) else -1
                numbers[key] = following
                following = following + 1 if following >= 0 else -1
        return numbers.get(name, -1)

    def static_member(self, m: Machine, decl: StructDef, name: str) -> Value:
        found = self.index.const(name, decl.file.path, decl.inner, (decl.name,))
        if found is not None and not self._belongs(found, decl):
            defs = self.index.defs(decl.file.path)
            others = defs.consts.get(name, ()) if defs is not None else ()
            found = next((c for c in others if self._belongs(c, decl) and c.scope == decl.inner), None)
        return self.constant(m, found) if found is not None else None


def hidden_state(m: Machine, const: ConstDef) -> Unknown:
    """What a variable that outlives the call holds: unknown, and told apart by its leaf (rule hidden-state)."""
    return Unknown(f"hidden state {const.qualified}", m.world.bit(f"{HIDDEN_STATE}{const.qualified}"))


_API_SCOPES = {"tt", "tt_metal", "constants", "std", "ttnn", "CBIndex", "CB", "hal", "numbers", "types"}
