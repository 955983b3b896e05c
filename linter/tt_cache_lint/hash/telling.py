"""An omission in a person's words: what two calls differ in, under which condition, and what to add to the hash."""

from __future__ import annotations

from tt_cache_lint.factory.found import Operation
from tt_cache_lint.hash.builds import shown
from tt_cache_lint.hash.calls import replica
from tt_cache_lint.hash.hasher import Hasher
from tt_cache_lint.hash.reflect import How, Reflection
from tt_cache_lint.hash.trial import Trial
from tt_cache_lint.infra.callback_lists import MAKERS
from tt_cache_lint.interp.values import Enum, Value, plain
from tt_cache_lint.interp.world import World
from tt_cache_lint.source.defs import StructDef
from tt_cache_lint.words import condition

# The end of a fact's key, and what it is to a reader of the property it belongs to.
ASPECTS = (
    (".memory_layout", "memory layout "),
    (".buffer_type", "buffer type "),
    (".shard_spec.orientation", "shard orientation "),
    (".shard_spec.shape[0]", "shard height "),
    (".shard_spec.shape[1]", "shard width "),
    (".shard_spec.grid.size", "ranges of cores "),
    (".shard_spec.grid.x", "cores from x "),
    (".shard_spec.grid.y", "cores from y "),
    (".shard_spec.grid.columns", "columns of cores "),
    (".shard_spec.grid.rows", "rows of cores "),
    (".columns", "columns of cores "),
    (".rows", "rows of cores "),
    (".rank", "rank "),
    (".size", "size "),
)
SHAPE = ".logical_shape["
TENSOR = "tensor_args."
LISTS = ("input_tensors", "optional_input_tensors")  # what a member hash function gets
CALLS = {"logical_shape", "dtype", "layout", "memory_config"}  # properties of a tensor that are a method of it


def values_of(trial: Trial) -> tuple[str, str]:
    """The varied input in the two calls, as text."""
    leaf = trial.leaf
    fact = trial.outcome.world.facts[leaf]
    if isinstance(fact.value, bool) and leaf.endswith(".has_value"):
        return ("present", "absent") if fact.value else ("absent", "present")
    if leaf.endswith(".index") and fact.words:  # which alternative of a variant
        names = fact.words.split("|")
        both = [plain(value) for value in (fact.value, trial.varying[leaf])]
        if all(isinstance(at, int) and 0 <= at < len(names) for at in both):
            return names[both[0]], names[both[1]]
    head, found, _ = leaf.rpartition(SHAPE)
    if found:
        return _shape(trial.outcome.world, head, {}), _shape(trial.outcome.world, head, trial.varying)
    aspect = next((words for end, words in ASPECTS if leaf.endswith(end)), "")
    return f"{aspect}{_text(fact.value)}", f"{aspect}{_text(trial.varying[leaf])}"


def _shape(world: World, head: str, varying: dict[str, Value]) -> str:
    """A whole shape, since one dimension does not say which."""
    keys = [key for key in world.facts if key.startswith(f"{head}{SHAPE}")]
    keys.sort(key=lambda key: int(key.removeprefix(f"{head}{SHAPE}").rstrip("]")))
    return f"[{', '.join(_text(varying.get(key, world.facts[key].value)) for key in keys)}]"


def _text(value: Value) -> str:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bool):
        return "true" if value else "false"
    return "one" if value is None else shown(value) if not isinstance(value, str) else value


def hash_conditions(hasher: Hasher, trial: Trial) -> tuple[str, ...]:
    """The decisions of the hash function without which it would tell the two calls apart."""
    world = replica(trial.outcome.world)
    asked = hasher.key(world, 1).branched
    said = []
    for name in world.leaves(asked):
        fact = world.facts[name]
        for other in fact.choices if name not in trial.varying else ():
            if other != fact.value and _told_apart(hasher, trial, {name: other}):
                said.append(condition(name, fact.value, fact.words))
                break
    return tuple(said)


def _told_apart(hasher: Hasher, trial: Trial, otherwise: dict[str, Value]) -> bool:
    world = replica(trial.outcome.world)
    world.forced.update(otherwise)
    world.varying = trial.varying
    first, second = hasher.key(world, 1), hasher.key(world, 2)
    return not first.throws and not second.throws and first.content() != second.content()


# -- what to write ---------------------------------------------------------------------------------------------------


def fix_of(op: Operation, attributes: StructDef | None, reflection: Reflection, trial: Trial) -> tuple[str, ...]:
    """The line that takes an input into the hash, for the way in which the op's hash is written; none if unclear."""
    own = op.methods.get("compute_program_hash")
    if own is not None:
        names = [param.name for param in own.params]
        if own.is_static or not any(name in op.methods for name in MAKERS):  # only older ops are what they hash
            given = dict(zip(("operation_attributes", "tensor_args"), names, strict=False)) if len(names) <= 2 else {}
            text = _expression(trial, given)
        else:
            text = _of_member(trial, dict(zip(LISTS, names, strict=False)))
        return (f"{text},  // one more of what {own.name}() hashes",) if text else ()
    head, _, member = trial.property.partition(".")
    if attributes is None or head != "operation_attributes" or not member:
        return ()
    hashing, top = reflection.hashing(attributes), member.partition(".")[0].partition("[")[0]
    if hashing.how is How.LISTED:
        return (f'"{top}",  // one more of attribute_names', f"this->{top},  // one more of attribute_values()")
    return (f"{top},  // one more of what {hashing.how.value} hashes",) if hashing.how is not How.MEMBERS else ()


def _expression(trial: Trial, names: dict[str, str]) -> str:
    """An input as C++; an optional, a variant or a list as a whole, since what there is counts as well."""
    property_, chosen, _ = trial.leaf.partition("<") if "<" in trial.leaf else (trial.property, "", "")
    text, whole = property_.partition("[")[0], bool(chosen) or "[" in property_
    parts = text.split(".")
    for count in range(2, len(parts)):
        if f"{'.'.join(parts[:count])}.has_value" in trial.outcome.world.facts:
            parts, whole = parts[:count], True
            break
    call = "()" if not whole and trial.property.startswith(TENSOR) and parts[-1] in CALLS else ""
    return f"{'.'.join([names.get(parts[0]) or parts[0], *parts[1:]])}{call}"


def _of_member(trial: Trial, names: dict[str, str]) -> str:
    """An input as C++ in the hash function of an op whose members are the attributes (operation.hpp until 2025); empty
    for what that does not get."""
    owner, _, rest = trial.property.partition(".")
    if owner == "operation_attributes":
        return _expression(trial, {owner: "this"}).replace("this.", "this->", 1)
    name, found, rest = rest.partition("[")
    at, _, aspect = rest.partition("].")
    given = names.get(name, "")
    if name != LISTS[0] or not found or "." in aspect or aspect not in CALLS:
        return given  # whether there is one counts as well
    return f"{given}.at({at}).{aspect}()"
