"""What outlives one execution: lowered code, resolved names, constants, class members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp import build
from tt_cache_lint.interp.constants import Constants
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Map, Obj, Value, copied, identity

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


class Interp(Constants):
    """The interpreter of one source tree."""

    def map_put(self, m: Machine, target: Map, key: Value, value: Value) -> None:
        kept = build.coerce(m, copied(value), target.elem) if isinstance(target.elem, Type) else copied(value)
        if isinstance(target.key, Type) and isinstance(key, Obj):
            key = build.coerce(m, key, target.key)
        target.items[identity(key)] = (copied(key), kept)
