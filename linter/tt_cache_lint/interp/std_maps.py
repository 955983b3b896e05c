"""std::map and std::string."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp.access import index_ref, value_of
from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.registry import Site, method, method_ref
from tt_cache_lint.interp.std_values import range_of
from tt_cache_lint.interp.values import InitList, Map, Ptr, Value, Vec, identity, key_of, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


# -- maps ------------------------------------------------------------------------------------------------------------


@method(Map, "size")
def map_size(m: Machine, site: Site, v: Map) -> Value:
    return len(v.items)


@method(Map, "empty")
def map_empty(m: Machine, site: Site, v: Map) -> Value:
    return not v.items


@method(Map, "contains", "count")
def map_contains(m: Machine, site: Site, v: Map, key: Value) -> Value:
    return identity(key) in v.items


@method_ref(Map, "at", "operator[]")
def map_at(m: Machine, site: Site, v: Map, key: Value) -> Value:
    if identity(key) not in v.items and site.name == "at":
        raise Implausible(f"map::at of a missing key {key_of(key)}")
    return index_ref(m, v, key)


@method(Map, "insert", "emplace", "insert_or_assign", "try_emplace")
def map_insert(m: Machine, site: Site, v: Map, *args: Value) -> Value:
    if len(args) == 1 and isinstance(args[0], (Vec, InitList)):
        args = tuple(args[0].items)
    if len(args) >= 2:
        if isinstance(args[0], Ptr) and isinstance(args[1], Ptr):
            for item in range_of(m, args[0], args[1]):
                pair = value_of(item)
                m.interp.map_put(m, v, pair.items[0], pair.items[1])
            return None
        value = args[1]
        if len(args) > 2:
            value = InitList(list(args[1:]), [site.mark] * (len(args) - 1), None, site.mark)
        fresh = identity(args[0]) not in v.items
        if fresh or site.name == "insert_or_assign":
            m.interp.map_put(m, v, args[0], value)
        return Vec([_map_iterator(v, args[0]), fresh], "pair")
    return None


def _map_iterator(v: Map, key: Value) -> Ptr:
    wanted = identity(key)
    for position, (k, _) in enumerate(v.ordered()):
        if identity(k) == wanted:
            return Ptr(v, position)
    return Ptr(v, len(v.items))


@method(Map, "find")
def map_find(m: Machine, site: Site, v: Map, key: Value) -> Value:
    return _map_iterator(v, key)


@method(Map, "begin", "cbegin")
def map_begin(m: Machine, site: Site, v: Map) -> Value:
    return Ptr(v, 0)


@method(Map, "end", "cend")
def map_end(m: Machine, site: Site, v: Map) -> Value:
    return Ptr(v, len(v.items))


@method(Map, "erase")
def map_erase(m: Machine, site: Site, v: Map, key: Value, last: Value = None) -> Value:
    if not isinstance(key, Ptr):
        return int(v.items.pop(identity(key), None) is not None)
    end = last.at if isinstance(last, Ptr) else key.at + 1
    for gone, _ in list(v.ordered())[key.at : end]:
        del v.items[identity(gone)]
    return Ptr(v, key.at)


@method(Map, "clear")
def map_clear(m: Machine, site: Site, v: Map) -> None:
    v.items.clear()


@method(Map, "reserve")
def map_reserve(m: Machine, site: Site, v: Map, *args: Value) -> None:
    return None


@method(Map, "merge")
def map_merge(m: Machine, site: Site, v: Map, other: Value) -> None:
    if isinstance(other, Map):
        for key, pair in other.items.items():
            v.items.setdefault(key, pair)


# -- strings ---------------------------------------------------------------------------------------------------------


@method(str, "size", "length")
def str_size(m: Machine, site: Site, v: str) -> Value:
    return len(v)


@method(str, "empty")
def str_empty(m: Machine, site: Site, v: str) -> Value:
    return not v


@method(str, "c_str", "data", "str", "string")
def str_self(m: Machine, site: Site, v: str) -> Value:
    return v


@method(str, "substr")
def str_substr(m: Machine, site: Site, v: str, start: Value = 0, count: Value = None) -> Value:
    first = plain(start)
    return v[first:] if count is None else v[first : first + plain(count)]


@method(str, "find", "rfind")
def str_find(m: Machine, site: Site, v: str, what: Value, *args: Value) -> Value:
    return v.find(str(plain(what)))


@method(str, "starts_with")
def str_starts(m: Machine, site: Site, v: str, what: Value) -> Value:
    return v.startswith(str(plain(what)))
