"""How many defects are found: sound overrides and hashes of a tree are broken in one place each.

    python benchmarks/mutants.py --root TREE [--below FOLDER] [--each N] [--seed N] [--kinds KIND...] [-o FILE]

For each factory N changes are drawn at random: a write left out, a refreshing call left out, an index shifted by one, a
condition turned round, another kernel's or circular buffer's handle, another buffer's address; as many in its create():
one of a list of runtime arguments left out; for each hash written by hand, an item left out; for each descriptor, an
address given as a number instead of a buffer. A change is found when
there is a certain or likely finding that the tree as it is does not have. What is not found is listed, to be read: many
such changes alter nothing on a hit (a value that the hash fixes is written again), so the share of found ones is a
lower bound.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tt_cache_lint.check import findings_of
from tt_cache_lint.engine import Options, Worker
from tt_cache_lint.model import Confidence, Severity
from tt_cache_lint.rule import load_rules
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.source.defs import FunctionDef

OPERATIONS = "ttnn/cpp/ttnn/operations"
REFRESHING = (
    "SetRuntimeArgs",
    "SetCommonRuntimeArgs",
    "UpdateCircularBufferTotalSize",
    "UpdateDynamicCircularBufferAddress",
)
WITH_HANDLE = ("GetRuntimeArgs", *REFRESHING)
HASHING = ("hash_operation", "hash_objects", "hash_objects_with_default_seed")
BINDING = ("emplace_runtime_args", "emplace_common_runtime_args")
KINDS = ("write", "call", "index", "condition", "handle", "address", "argument", "hash", "binding")

Change = tuple[str, int, int, bytes]  # its kind, from where to where, and what stands there instead
Changes = Callable[[bytes, "Node"], Iterator[Change]]


@dataclass(frozen=True)
class Mutant:
    """`new` instead of the bytes from `start` to `end` of a file; `path` is the file of the factory to check."""

    kind: str
    path: str
    factory: str
    file: str
    start: int
    end: int
    new: bytes


class Mutation:
    """The places to change in the factories of one tree."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.worker = Worker(root, Options())

    def groups(self, folder: str) -> Iterator[list[Mutant]]:
        """The mutants of each override or descriptor, then those of each hash."""
        hashes: dict[tuple[str, int], list[Mutant]] = {}
        for path in self.worker.tree.walk(folder):
            for factory in self.worker.finder.in_file(path):
                if factory.override is not None:
                    yield list(self.of(path, factory.name, factory.override, _override))
                elif not factory.bound:
                    yield list(self.of(path, factory.name, factory.create, _callbacks))
                yield list(self.of(path, factory.name, factory.create, _arguments))
                if factory.bound and not factory.skip:
                    yield list(self.of(path, factory.name, factory.create, _descriptor))
                body = factory.op.methods.get("compute_program_hash") if factory.op is not None else None
                if body is not None and factory.op is not None:
                    made = list(self.of(body.file.path, factory.op.struct.name, body, _hash))
                    hashes.setdefault((body.file.path, body.line), made)
        yield from hashes.values()

    def of(self, path: str, factory: str, function: FunctionDef, changes: Changes) -> Iterator[Mutant]:
        """The mutants of one function; none where macros are written out, which makes text and file differ."""
        if function.body is None or function.file.text != function.file.original:
            return
        for kind, start, end, new in changes(function.file.text, function.body):
            yield Mutant(kind, path, factory, function.file.path, start, end, new)

    def findings(self, path: str, mutant: Mutant | None = None) -> set[tuple[str, str, str, int]]:
        """Rule, factory and slot (or line) of what is found in a file, notes left out."""
        worker = Worker(self.root, Options())
        if mutant is not None:
            text = self.worker.tree.read(mutant.file).original
            worker.tree.put(mutant.file, text[: mutant.start] + mutant.new + text[mutant.end :])
        analysis = worker.analyse({path: True})
        found, faults = findings_of(load_rules(), analysis.facts, analysis.operations)
        if faults:
            raise RuntimeError(faults[0].message)
        sure = (f for f in found if f.confidence is not Confidence.POSSIBLE and f.severity is not Severity.NOTE)
        return {(f.rule, f.factory, f.slot, f.place.line if not f.slot else 0) for f in sure}


def _override(text: bytes, body: Node) -> Iterator[Change]:
    """What can go wrong in an override."""
    for node in within(body):
        inner = node.named_children[0] if node.type == "expression_statement" and node.named_children else None
        if node.type == "if_statement":
            condition = node.child_by_field_name("condition")
            if condition is not None:
                negated = b"(!" + text[condition.start_byte : condition.end_byte] + b")"
                yield "condition", condition.start_byte, condition.end_byte, negated
        elif inner is not None and inner.type == "assignment_expression":
            left = inner.child_by_field_name("left")
            if left is not None and left.type == "subscript_expression":
                yield "write", node.start_byte, node.end_byte, b";"
                yield from _shifted(text, left)
        elif inner is not None and inner.type == "call_expression":
            if _called(text, inner) in REFRESHING:
                yield "call", node.start_byte, node.end_byte, b";"
    calls = [node for node in within(body) if node.type == "call_expression"]
    yield from _swapped("handle", text, [given for call in calls for given in _handle(text, call)])
    yield from _swapped("address", text, [owner for call in calls for owner in _owner_of_address(text, call)])


def _handle(text: bytes, call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    return [given[1]] if len(given) > 1 and _called(text, call) in WITH_HANDLE else []


def _owner_of_address(text: bytes, call: Node) -> list[Node]:
    """`b` in `b->address()`."""
    function = call.child_by_field_name("function")
    name = function.child_by_field_name("field") if function is not None else None
    owner = function.child_by_field_name("argument") if function is not None else None
    addressed = name is not None and text[name.start_byte : name.end_byte] == b"address"
    return [owner] if addressed and owner is not None else []


def _swapped(kind: str, text: bytes, nodes: list[Node]) -> Iterator[Change]:
    """Each of `nodes` replaced by what another one of them says."""
    written = sorted({text[node.start_byte : node.end_byte] for node in nodes})
    for node in nodes:
        for other in written:
            if other != text[node.start_byte : node.end_byte]:
                yield kind, node.start_byte, node.end_byte, other


def _callbacks(text: bytes, create: Node) -> Iterator[Change]:
    """What can go wrong in the overrides that a function of the old infra returns: lambdas that take a program."""
    for node in within(create):
        if node.type == "lambda_expression":
            declarator, body = node.child_by_field_name("declarator"), node.child_by_field_name("body")
            if declarator is not None and body is not None and _takes_program(text, declarator):
                yield from _override(text, body)


def _takes_program(text: bytes, declarator: Node) -> bool:
    parameters = declarator.child_by_field_name("parameters")
    types = (given.child_by_field_name("type") for given in parameters.named_children) if parameters is not None else ()
    return any(text[t.start_byte : t.end_byte].endswith(b"Program") for t in types if t is not None)


def _arguments(text: bytes, create: Node) -> Iterator[Change]:
    """The runtime arguments that are written as a list, in the call or where the variable is declared."""
    calls = [
        arguments.named_children[-1]
        for node in within(create)
        if node.type == "call_expression"
        and _called(text, node) in ("SetRuntimeArgs", "SetCommonRuntimeArgs")
        and (arguments := node.child_by_field_name("arguments")) is not None
        and arguments.named_children
    ]
    names = {text[given.start_byte : given.end_byte] for given in calls if given.type == "identifier"}
    lists = [given for given in calls if given.type == "initializer_list"]
    for node in within(create):
        declared, value = node.child_by_field_name("declarator"), node.child_by_field_name("value")
        if node.type == "init_declarator" and declared is not None and value is not None:
            if text[declared.start_byte : declared.end_byte] in names and value.type == "initializer_list":
                lists.append(value)
    for given in lists:
        items = [item for item in given.named_children if item.type != "comment"]
        for item, following in itertools.pairwise(items):
            yield "argument", item.start_byte, following.start_byte, b""


def _shifted(text: bytes, left: Node) -> Iterator[Change]:
    position = left.named_children[-1]
    for node in (position, *within(position)):
        digits = text[node.start_byte : node.end_byte]
        if node.type == "number_literal" and digits.isdigit():
            yield "index", node.start_byte, node.end_byte, str(int(digits) + 1).encode()
            return


def _hash(text: bytes, body: Node) -> Iterator[Change]:
    """What can be left out of a hash."""
    for node in within(body):
        arguments = node.child_by_field_name("arguments") if node.type == "call_expression" else None
        if arguments is None or _called(text, node) not in HASHING:
            continue
        items = arguments.named_children
        for item, following in itertools.pairwise(items):
            yield "hash", item.start_byte, following.start_byte, b""
        if len(items) > 1:
            yield "hash", items[-2].end_byte, items[-1].end_byte, b""


def _descriptor(text: bytes, body: Node) -> Iterator[Change]:
    """What a descriptor can fail to bind."""
    buffers = {
        text[target.start_byte : target.end_byte].lstrip(b"*& ")
        for node in within(body)
        if node.type == "init_declarator"
        and (target := node.child_by_field_name("declarator")) is not None
        and (value := node.child_by_field_name("value")) is not None
        and text[value.start_byte : value.end_byte].endswith(b".buffer()")
    }
    for node in within(body):
        arguments = node.child_by_field_name("arguments") if node.type == "call_expression" else None
        if arguments is None or _called(text, node).rpartition(".")[2] not in BINDING or not arguments.named_children:
            continue
        for item in arguments.named_children[-1].named_children:
            written = text[item.start_byte : item.end_byte]
            if written in buffers or written.endswith(b".buffer()"):
                yield "binding", item.start_byte, item.end_byte, written + b"->address()"


def _called(text: bytes, call: Node) -> str:
    function = call.child_by_field_name("function")
    written = text[function.start_byte : function.end_byte].decode() if function is not None else ""
    return written.partition("<")[0].rpartition("::")[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the tt-metal tree")
    parser.add_argument("--below", default=OPERATIONS, help="only factories in this folder of it")
    parser.add_argument("--each", type=int, default=1, help="changes of one override or hash")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("-o", "--output", type=Path, help="a line of JSON for each change")
    given = parser.parse_args()
    mutation = Mutation(given.root.resolve())
    draw = random.Random(given.seed)
    made, found = Counter[str](), Counter[str]()
    sound: dict[str, set[tuple[str, str, str, int]]] = {}
    lines = []
    for group in list(mutation.groups(given.below)):
        wanted = [mutant for mutant in group if mutant.kind in given.kinds]
        for mutant in draw.sample(wanted, min(given.each, len(wanted))):
            if mutant.path not in sound:
                sound[mutant.path] = mutation.findings(mutant.path)
            fresh = sorted(mutation.findings(mutant.path, mutant) - sound[mutant.path])
            text = mutation.worker.tree.read(mutant.file).original
            line = text.count(b"\n", 0, mutant.start) + 1
            old = " ".join(text[mutant.start : mutant.end].decode("utf-8", "replace").split())
            made[mutant.kind] += 1
            found[mutant.kind] += bool(fresh)
            lines.append({"kind": mutant.kind, "path": mutant.file, "line": line, "old": old, "found": fresh})
            if not fresh:
                print(f"not found: {mutant.kind:9} {mutant.file}:{line} {mutant.factory}: {old[:100]}", flush=True)
    for kind in made:
        print(f"{kind:9} {found[kind]:4} of {made[kind]:4}")
    print(f"{'all':9} {sum(found.values()):4} of {sum(made.values()):4}")
    if given.output is not None:
        given.output.write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main()
