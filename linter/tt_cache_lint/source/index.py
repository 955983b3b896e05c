"""The lazy index from names to definitions over the whole root.

A name is looked for where C++ would find it, nearest first: the same file, its folder, then the closure of its includes
with the sibling source of each header. A file is parsed only when its text contains the name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Literal, TypeVar, cast

from tt_cache_lint.source.defs import AliasDef, ConstDef, Definition, EnumDef, FunctionDef, Scope, StructDef
from tt_cache_lint.source.files import SourceTree
from tt_cache_lint.source.looks import may_define
from tt_cache_lint.source.walk import FileDefs

Kind = Literal["functions", "bodies", "declarations", "structs", "enums", "enumerators", "aliases", "consts"]
D = TypeVar("D", bound=Definition)
_NAMESPACE = re.compile(rb"\bnamespace\s+([A-Za-z_][\w:]*)\s*\{")
_SPACED = bytes(b if b < 128 and (chr(b).isalnum() or b == ord("_")) else ord(" ") for b in range(256))

ASKED_ENOUGH = 40
FEW = 120  # sources below a folder that may all belong to one op


@dataclass(slots=True)
class _Closure:
    """The files a place can see, by nearness, and of those whose words are not indexed yet a bit for each.

    `searched` counts how often the bytes of one of these were searched for a word.
    """

    order: dict[str, int]
    pending: int
    searched: int = 0
    hits: dict[bytes, tuple[str, ...]] = field(default_factory=dict)  # by a word, the files that contain it


class Index:
    """Definitions by name, read on demand."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self._defs: dict[str, FileDefs] = {}
        self._found: dict[tuple[Kind, str, str, str], list[Definition]] = {}
        self._words: dict[bytes, list[str]] = {}
        self._worded = 0  # the files whose words are indexed, as bits
        self._numbers: dict[str, int] = {}  # of the files that some place can see
        self._paths: list[str] = []
        self._searched: dict[bytes, tuple[int, int]] = {}  # by a word, files searched for it, and those that contain it
        self._near: dict[str, _Closure] = {}
        self._folders: dict[str, tuple[str, ...]] = {}
        self._namespaces: dict[tuple[str, str], bool] = {}
        self._opened: dict[str, frozenset[str]] = {}
        self._defining: dict[tuple[Kind, str], dict[str, bool]] = {}
        self._classes: dict[tuple[str, Scope], str] = {}
        self.types: dict[tuple[str, Scope, Scope], object] = {}  # what the interpreter makes of names, by their place

    def again(self) -> Index:
        """An index of the same tree that answers from the files alone, not from what was asked before."""
        new = copy(self)
        new._found, new._folders, new._namespaces, new._classes, new.types = {}, {}, {}, {}, {}
        return new

    def defs(self, path: str) -> FileDefs | None:
        """The definitions of one file, or None when it cannot be read."""
        self.tree.reads.used.add(path)
        return self._defined(path)

    def _defined(self, path: str) -> FileDefs | None:
        if path not in self._defs:
            file = self.tree.look(path)
            if file is None:
                return None
            try:
                self._defs[path] = FileDefs(file)
            except RecursionError:
                self.tree.give_up(path, "its declarations nest too deeply")
                return None
        return self._defs[path]

    def functions(self, name: str, at: str, scope: Scope = (), qualifier: Scope = ()) -> list[FunctionDef]:
        """Functions with a body called `name`, best first, as seen from file `at` inside `scope`."""
        within = self._last(at, qualifier)
        found = cast("list[FunctionDef]", self._all("functions", name, at, within))
        found = found or self._beside_declaration(name, at, within)
        return self._ranked(found, at, scope, qualifier)

    def _beside_declaration(self, name: str, at: str, within: str) -> list[FunctionDef]:
        """Definitions in a source of another name in the folder of the header that declares the function."""
        key: tuple[Kind, str, str, str] = ("bodies", name, at, within)
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = []
            folders = dict.fromkeys(d.file.path.rpartition("/")[0] for d in self.declarations(name, at, within))
            self.tree.reads.asked.add(("", "functions", name))
            for path in (p for folder in folders for p in self.tree.folder(folder)):
                if self._names(path, name, within) and self._may_define("functions", name, path):
                    known.extend(self._in("functions", name, path))
        return cast("list[FunctionDef]", known)

    def declarations(self, name: str, at: str, within: str = "") -> list[FunctionDef]:
        """Functions declared without a body, in no order; with `within` only in files that name that class."""
        return cast("list[FunctionDef]", self._all("declarations", name, at, within))

    def struct(self, name: str, at: str, scope: Scope = (), qualifier: Scope = ()) -> StructDef | None:
        return cast("StructDef | None", self._nearest("structs", name, at, scope, qualifier))

    def enum(self, name: str, at: str, scope: Scope = (), qualifier: Scope = ()) -> EnumDef | None:
        return cast("EnumDef | None", self._nearest("enums", name, at, scope, qualifier))

    def _nearest(self, kind: Kind, name: str, at: str, scope: Scope, qualifier: Scope) -> Definition | None:
        """The best definition of a kind: one of the scope one stands in, or of the classes around it, before others."""
        found = self.member(name, at, scope, (kind,)) if not qualifier else None
        if found is not None:
            return found
        return _first(self._ranked(self._all(kind, name, at, self._last(at, qualifier)), at, scope, qualifier))

    def member(
        self, name: str, at: str, scope: Scope, kinds: tuple[Kind, ...] = ("structs", "aliases", "enums")
    ) -> Definition | None:
        """What a name means in the scope one stands in, or in the classes around it, where a class hides all else."""
        for end in range(len(scope), -1, -1):
            inner = scope[:end]
            class_file = self._class_file(at, inner)
            for path in dict.fromkeys((at, class_file) if inner == scope else (class_file,)):
                defs = self.defs(path) if path else None
                for kind in kinds if defs is not None else ():
                    for found in getattr(defs, kind).get(name, ()):
                        if found.scope == inner:
                            return cast("Definition", found)
            if not class_file:
                break
        return None

    def is_namespace(self, name: str, at: str) -> bool:
        """Is a name that of a namespace, as one of the nearest files that mention it says, and of no class beside?"""
        key = (name, at)
        if key not in self._namespaces:
            self.tree.reads.asked.add((at, "namespaces", name))
            near = self._mentioning(name.encode(), at) if name != "std" else []
            opening = next((path for path in near if name in self.namespaces_of(path)), None)
            self.tree.reads.used.update(() if opening is None else (opening,))
            said = name == "std" or opening is not None
            self._namespaces[key] = said and not self.beside(name, at)
        return self._namespaces[key]

    def namespaces_of(self, path: str) -> frozenset[str]:
        """The namespaces that a file opens."""
        if path not in self._opened:
            file = self.tree.look(path)
            opened = _NAMESPACE.findall(file.text) if file is not None else ()
            self._opened[path] = frozenset(part.decode() for names in opened for part in names.split(b"::"))
        return self._opened[path]

    def beside(self, name: str, at: str) -> list[StructDef]:
        """The structs called `name` in the files of the folder that `at` lies in."""
        key: tuple[Kind, str, str, str] = ("structs", name, at.rpartition("/")[0], "beside")
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = []
            self.tree.reads.asked.add(("", "structs", name))
            for path in self.tree.folder(at.rpartition("/")[0]):
                file = self.tree.look(path)
                if file is None or name.encode() not in file.original or not self._may_define("structs", name, path):
                    continue
                found.extend(self._in("structs", name, path))
        return cast("list[StructDef]", found)

    def _class_file(self, at: str, scope: Scope) -> str:
        """The file that defines the class of this scope, "" when it is none."""
        if not scope:
            return ""
        key = (at, scope)
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = self._find_class(at, scope)
        return found

    def _find_class(self, at: str, scope: Scope) -> str:
        if self.is_namespace(scope[-1], at):
            return ""
        here = self.defs(at)
        if here is not None and any(d.scope == scope[:-1] for d in here.structs.get(scope[-1], ())):
            return at
        found = self._all("structs", scope[-1], at, "".join(scope[-2:-1]))
        return next((d.file.path for d in found if d.scope == scope[:-1]), "")

    def enumerator(self, name: str, at: str, scope: Scope = (), qualifier: Scope = ()) -> EnumDef | None:
        """The enumeration that makes `name` visible: an unscoped one, or a scoped one named by the qualifier."""
        found = cast("list[EnumDef]", self._all("enumerators", name, at))
        if qualifier:
            return _first([e for e in found if e.name == qualifier[-1]])
        return _first(self._ranked([e for e in found if not e.scoped], at, scope, ()))

    def alias(self, name: str, at: str, scope: Scope = (), qualifier: Scope = ()) -> AliasDef | None:
        return cast("AliasDef | None", self._nearest("aliases", name, at, scope, qualifier))

    def const(self, name: str, at: str, scope: Scope = (), qualifier: Scope = ()) -> ConstDef | None:
        found = cast("list[ConstDef]", self._all("consts", name, at, self._last(at, qualifier)))
        ranked = self._ranked(found, at, scope, qualifier)
        return _first([c for c in ranked if c.value is not None] or ranked)

    def _last(self, at: str, qualifier: Scope) -> str:
        """The class or namespace that a definition has to stand in; its file names it. See `_fits`."""
        parts = tuple(q for q in self._unalias(at, qualifier) if q)
        return parts[-1] if parts else ""

    def _all(self, kind: Kind, name: str, at: str, within: str = "") -> list[Definition]:
        key = (kind, name, at, within)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = []
            self.tree.reads.asked.add((at, kind, name))
            for path in self._mentioning(name.encode(), at):
                if not self._may_define(kind, name, path) or (within and not self._names(path, name, within)):
                    continue
                found.extend(self._in(kind, name, path))
            if kind == "functions" and not found:
                self._found[key] = found = [*self._below_declarations(name, at, within)]
        return found

    def _in(self, kind: Kind, name: str, path: str) -> Sequence[Definition]:
        """The definitions of a name in one file."""
        defs = self._defined(path)
        found: Sequence[Definition] = getattr(defs, kind).get(name, ()) if defs is not None else ()
        if found:
            self.tree.reads.used.add(path)
        return found

    def _names(self, path: str, name: str, within: str) -> bool:
        """Does a file contain a name, and that of the class or namespace in which its definition has to stand?"""
        file = self.tree.look(path)
        if file is None or name.encode() not in file.original:
            return False
        return not within or bool(file.expansions) or within.encode() in file.original

    def _below_declarations(self, name: str, at: str, within: str) -> Iterator[Definition]:
        """The definitions in the folders below the header that declares a function.

        Ops of older trees declare their factories in one header and define each in a folder of its own.
        """
        seen: set[str] = set()
        self.tree.reads.asked.add(("", "functions", name))
        for declaration in self.declarations(name, at, within):
            for path in self._below(declaration.file.path.rpartition("/")[0]):
                new = path not in seen and self._names(path, name, within)
                seen.add(path)
                if new and self._may_define("functions", name, path):
                    yield from self._in("functions", name, path)

    def _below(self, folder: str) -> tuple[str, ...]:
        """The sources in the folders below one; none where there are too many to be one op's."""
        if folder not in self._folders:
            self._folders[folder] = sources_below(self.tree, folder)
            self.tree.reads.crowded[folder] = not self._folders[folder]
        return self._folders[folder]

    def _may_define(self, kind: Kind, name: str, path: str) -> bool:
        """False when a look at the text tells that the file does not define the name."""
        known = self._defining.setdefault((kind, name), {})
        answer = known.get(path)
        if answer is None:
            file = self.tree.look(path)
            if file is None or file.expansions or not name.isidentifier():
                answer = True
            else:
                answer = may_define(kind, name.encode(), file.text)
            known[path] = answer
        return answer

    def _mentioning(self, word: bytes, at: str) -> tuple[str, ...]:
        """The files of a closure that contain a word, nearest first.

        The first few questions search the bytes; a closure that is asked more often has its files' words indexed.
        """
        self.tree.reads.closures.add(at)
        near = self._near.get(at)
        if near is None:
            near = self._near[at] = self._closure(at)
        found = near.hits.get(word)
        if found is None:
            hits = [*self._searching(word, near), *(p for p in self._words.get(word, ()) if p in near.order)]
            hits.sort(key=near.order.__getitem__)
            found = near.hits[word] = tuple(hits)
        return found

    def _closure(self, at: str) -> _Closure:
        order = {path: rank for rank, path in enumerate(self.tree.visible(at))}
        pending = 0
        for path in order:
            number = self._numbers.get(path)
            if number is None:
                number = self._numbers[path] = len(self._paths)
                self._paths.append(path)
            pending |= 1 << number
        return _Closure(order, pending)

    def _searching(self, word: bytes, near: _Closure) -> Iterator[str]:
        """The files of a closure that contain a word, of those whose words are not indexed."""
        near.pending &= ~self._worded
        if near.pending and near.searched > ASKED_ENOUGH * near.pending.bit_count():
            for path in self._at(near.pending):
                self._index_words(path)
            self._worded |= near.pending
            near.pending = 0
        searched, hits = self._searched.get(word, (0, 0))
        left = near.pending & ~searched
        near.searched += left.bit_count()
        for path in self._at(left):
            file = self.tree.look(path)
            if file is not None and file.original.find(word) >= 0:
                hits |= 1 << self._numbers[path]
        if left:
            self._searched[word] = searched | left, hits
        return self._at(hits & near.pending)

    def _at(self, bits: int) -> Iterator[str]:
        while bits:
            low = bits & -bits
            bits ^= low
            yield self._paths[low.bit_length() - 1]

    def _index_words(self, path: str) -> None:
        file = self.tree.look(path)
        for word in set(file.original.translate(_SPACED).split()) if file is not None else ():
            self._words.setdefault(word, []).append(path)

    def _ranked(self, found: Iterable[D], at: str, scope: Scope, qualifier: Scope) -> list[D]:
        qualifier = self._unalias(at, qualifier)
        found = list(found)
        usable = [d for d in found if _fits(d.scope, scope, qualifier)]
        defs = self.defs(at) if qualifier and found and not usable else None
        for path in defs.usings_of.get(qualifier[-1], ()) if defs is not None else ():
            usable += [d for d in found if _fits(d.scope, scope, path)]
        if len(usable) > 1:
            folder = at.rpartition("/")[0]
            whole = tuple(q for q in qualifier if q)

            def rank(item: D) -> tuple[bool, int, bool, bool, int]:
                path = item.file.path
                return (
                    item.scope[len(item.scope) - len(whole) :] != whole,
                    -_common(item.scope, scope),
                    path != at,
                    path.rpartition("/")[0] != folder,
                    len(item.scope),
                )

            usable.sort(key=rank)
        return usable

    def _unalias(self, at: str, qualifier: Scope) -> Scope:
        if qualifier:
            defs = self.defs(at)
            if defs is not None and qualifier[0] in defs.namespace_aliases:
                return defs.namespace_aliases[qualifier[0]] + qualifier[1:]
        return qualifier


def sources_below(tree: SourceTree, folder: str) -> tuple[str, ...]:
    """The sources in the folders below one; none where there are too many to be one op's."""
    found = tuple(itertools.islice((p for p in tree.below(folder) if p.endswith((".cpp", ".cc", ".cxx"))), FEW + 1))
    return found if len(found) <= FEW else ()


def _first(found: list[D]) -> D | None:
    return found[0] if found else None


def _common(a: Scope, b: Scope) -> int:
    count = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        count += 1
    return count


def _fits(where: Scope, scope: Scope, qualifier: Scope) -> bool:
    """Could a definition in `where` be what `qualifier::name`, written inside `scope`, means?

    Using-directives make most namespaces visible, so namespaces are not insisted on without a qualifier; a class member
    (its scope is not a prefix of the using scope) is found only from inside the class, which `_ranked` prefers.
    """
    if qualifier:
        parts = tuple(q for q in qualifier if q)
        return not parts or where[-len(parts) :] == parts or (len(parts) > 1 and where[-1:] == parts[-1:])
    return True
