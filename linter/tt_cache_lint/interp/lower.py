"""Lowering: a function's syntax tree becomes nested Python closures, once.

Names are resolved when a function is lowered; calls of free functions when they first run. The parts of the language
are in modules of their own, each a class that `Lowering` derives from: names, literals, operators, lambdas, packs,
expressions, declarations, statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp import build
from tt_cache_lint.interp.code import Code, binder, same
from tt_cache_lint.interp.names import Closure, Variable
from tt_cache_lint.interp.statements import Statements
from tt_cache_lint.interp.types import AUTO, Type

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.source.defs import Param


class Lowering(Statements):
    """The lowering of one function or lambda body."""

    def function(self, code: Code) -> None:
        """Lower parameters and body into `code`."""
        for param in code.params:
            self.parameter(code, param)
        code.body = self.block(code.node) if code.node is not None else None
        code.size = self.size

    def parameter(self, code: Code, param: Param) -> None:
        type_ = self.scoping.type(param.type, param.declarator)
        if param.is_pack:
            slot = self.declare(param.name, Variable(AUTO, False, pack=True))
            code.binders.append((-slot, same, None))
            return
        by_ref = param.is_ref and not (param.is_const and not param.is_rvalue_ref)
        slot = self.declare(param.name, Variable(type_, by_ref))
        convert = binder(type_, by_ref, param.is_const and param.is_ref)
        code.binders.append((slot, convert, self.default_of(param, type_)))

    def default_of(self, param: Param, type_: Type) -> Closure | None:
        """The default argument of a parameter."""
        if param.default is None:
            return None
        low = self
        if param.default_file is not None:
            low = Lowering(self.interp, self.scoping.inside(param.default_file, self.scoping.scope))
        return low.default_argument(param.default, type_)

    def default_argument(self, node: Node, type_: Type) -> Closure:
        inner = self.initialiser(node)
        return lambda f: build.coerce(f[0], inner(f), type_)
