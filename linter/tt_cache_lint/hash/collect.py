"""From experiments to `OpFacts`: one op, all its factories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tt_cache_lint.compare import SlotState, WorldTable, unknown_mask
from tt_cache_lint.diagnose import Diagnosis
from tt_cache_lint.factory.find import Finder
from tt_cache_lint.factory.found import Factory, Operation
from tt_cache_lint.hash import contents
from tt_cache_lint.hash.builds import Change, Differ, all_parts, leaves_of, unreadable
from tt_cache_lint.hash.calls import replica
from tt_cache_lint.hash.experiment import Laboratory
from tt_cache_lint.hash.hasher import Hasher
from tt_cache_lint.hash.idle import without_effect
from tt_cache_lint.hash.inputs import listed, merged
from tt_cache_lint.hash.layouts import unmindful
from tt_cache_lint.hash.model import HashedInput, Hidden, Omission, OpFacts, Pointed, Surplus, Unordered, Use
from tt_cache_lint.hash.needless import blanks, calculated_with, needless
from tt_cache_lint.hash.operations import OpFinder
from tt_cache_lint.hash.reflect import How, Reflection
from tt_cache_lint.hash.served import serve
from tt_cache_lint.hash.telling import fix_of, hash_conditions, values_of
from tt_cache_lint.hash.trial import Report, Trial
from tt_cache_lint.hash.vary import property_of
from tt_cache_lint.hit import Replay
from tt_cache_lint.idle import Idle
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Interrupt
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Value, mask
from tt_cache_lint.interp.world import HIDDEN_STATE, World
from tt_cache_lint.model import Cause, Confidence, Difference, Place, Related, What
from tt_cache_lint.outcome import Outcome
from tt_cache_lint.search.exploration import Exploration, Path
from tt_cache_lint.source.defs import FunctionDef, StructDef
from tt_cache_lint.words import Describer

USES = 6
LOOKS = 3  # calls whose hashes are read for what should not be there
ORDER = list(Confidence)


@dataclass(slots=True)
class OpNotes:
    """What is known of one op so far."""

    op: Operation
    reflection: Reflection
    factories: list[str] = field(default_factory=list)
    omissions: dict[str, Omission] = field(default_factory=dict)
    baked: dict[str, Omission] = field(default_factory=dict)
    unclear: str = ""
    reason: str = ""  # why a program of it could not be made
    attributes: StructDef | None = None
    surplus: dict[str, Surplus] = field(default_factory=dict)
    unordered: dict[str, Unordered] = field(default_factory=dict)
    pointers: dict[str, Pointed] = field(default_factory=dict)
    hidden: dict[str, Hidden] = field(default_factory=dict)
    varied: dict[str, Value] = field(default_factory=dict)  # what two calls with one hash may differ in
    inputs: dict[str, HashedInput] = field(default_factory=dict)

    def facts(self) -> OpFacts:
        """The facts of the op."""
        hash_at, hash_name = hash_place(self.op, self.attributes, self.reflection)
        struct = self.op.struct
        return OpFacts(
            struct.name,
            struct.file.path,
            struct.line,
            style="modern",
            hash_at=hash_at,
            hash_name=hash_name,
            unclear=self.unclear,
            reason=self.reason,
            factories=tuple(self.factories),
            omissions=(*self.omissions.values(), *self.baked.values()),
            surplus=tuple(self.surplus.values()),
            unordered=tuple(self.unordered.values()),
            pointers=tuple(self.pointers.values()),
            hidden=tuple(self.hidden.values()),
            inputs=tuple(self.inputs[name] for name in sorted(self.inputs)),
        )


def hash_place(op: Operation, attributes: StructDef | None, reflection: Reflection) -> tuple[Place | None, str]:
    """Where the op's hash is decided, and what decides it; None for the framework's default."""
    body = op.methods.get("compute_program_hash")
    if body is not None:
        return function_place(body), "compute_program_hash"
    if attributes is not None:
        hashing = reflection.hashing(attributes)
        if hashing.how is not How.MEMBERS and hashing.function is not None:
            return function_place(hashing.function), hashing.how.value
    return None, ""


def rewritten(table: WorldTable, slot: SlotState) -> bool:
    """Does the override write all arguments of the kernel, those included that never change?"""
    mine = [s for s in table.slots.values() if s.ordinal == slot.ordinal and s.slot.kind is slot.slot.kind]
    idle = [s for s in mine if not s.needing]
    return bool(idle) and all(r.write is not None for s in idle for r in s.readings)


def member_place(interp: Interp, type_: Type, leaf: str) -> Place | None:
    """Where an attribute is declared."""
    place = None
    for name in leaf.split(".")[1:]:
        decl = type_.decl
        field = interp.fields(decl).get(name.partition("[")[0]) if isinstance(decl, StructDef) else None
        if field is None:
            break
        place = Place(field.file.path, field.line, field.node.start_point[1] + 1, field.file.end_line(field.node))
        type_ = interp.field_type(field, {}, ())
    return place


def function_place(body: FunctionDef) -> Place:
    end = body.file.end_line(body.body) if body.body is not None else body.line
    return Place(body.file.path, body.line, body.node.start_point[1] + 1, end)


class Examiner:
    """Examines the factories of one source tree and keeps what it learns by op."""

    def __init__(self, finder: Finder, listing: bool = False) -> None:
        self.listing = listing  # also list every input, for the printer
        self.interp = finder.interp
        self.ops = OpFinder(finder)
        self.reflection = Reflection(self.interp)
        self.notes: dict[StructDef, OpNotes] = {}

    def look(self, path: str) -> None:
        """Note the ops of a file."""
        for op in self.ops.in_file(path):
            self.of(op)

    def pending(self) -> Iterator[Factory]:
        """Ways to run the ops that were noted and that no factory of a known infra belongs to."""
        for notes in list(self.notes.values()):
            if not notes.factories:
                for factory in self.ops.factories(notes.op):
                    if self.listing or Hasher(self.interp, self.reflection, factory).custom():
                        yield factory
            if not notes.factories:
                self._unrun(notes)

    def _unrun(self, notes: OpNotes) -> None:
        """An op that cannot be run: only its hash is read."""
        factory = self.ops.unrun(notes.op)
        if factory is not None:
            if isinstance(factory.attributes.decl, StructDef):
                notes.attributes = factory.attributes.decl
            self._contents(notes, factory, Hasher(self.interp, self.reflection, factory), [], {})

    def examine(self, factory: Factory, exploration: Exploration, kind: type[Replay] = Replay) -> list[Difference]:
        """Take a factory into account; the slots that a hit leaves stale because the hash omits what they hold."""
        if factory.op is None:
            return []
        notes = self.of(factory.op)
        notes.factories.append(factory.name)
        if isinstance(factory.attributes.decl, StructDef):
            notes.attributes = factory.attributes.decl
        words = Describer(factory)
        self._baked(notes, factory, exploration, words, kind)
        self._hidden(notes, factory, exploration, words)
        hasher = Hasher(self.interp, self.reflection, factory)
        served = serve(hasher, exploration)
        self._contents(notes, factory, hasher, [o for p in exploration.paths for o in p.outcomes[:1]], served)
        if not exploration.paths:
            notes.reason = notes.reason or exploration.reason
            return []
        laboratory = Laboratory(hasher, kind(self.interp, factory, exploration.paths[0].templates), exploration)
        if kind is Replay and not factory.bound:  # what the framework copies anew was not taken care of by anyone
            self._needless(notes, factory, laboratory, words)
        report = laboratory.run() if hasher.custom() else Report()
        notes.unclear = notes.unclear or report.unclear
        for trial in report.trials:
            self._omission(notes, hasher, trial, report, words)
            for leaf, value in trial.varying.items() if len(trial.varying) == 1 else ():
                notes.varied.setdefault(leaf, value)
        if self.listing:
            for line in listed(hasher, exploration, report, words):
                notes.inputs[line.input] = merged(notes.inputs.get(line.input), line)
        return list(self._stale(factory, report, words, notes))

    def of(self, op: Operation) -> OpNotes:
        """The notes on an op."""
        known = self.notes.get(op.struct)
        if known is None:
            known = self.notes[op.struct] = OpNotes(op, self.reflection)
        return known

    # -- omissions -------------------------------------------------------------------------------------------------

    def _omission(self, notes: OpNotes, hasher: Hasher, trial: Trial, report: Report, words: Describer) -> None:
        factory = hasher.factory
        uses = [self._use(factory, change, words) for change in trial.changes if not change.unknown]
        known = bool(uses)
        if not uses:
            uses = [self._use(factory, change, words) for change in trial.changes]
        if trial.outcome.switched:
            chooser = factory.op.methods.get("select_program_factory") if factory.op is not None else None
            place = function_place(chooser) if chooser is not None else words.override_place
            uses.insert(0, Use("choice of the factory", place, factory.create.scope[-1], trial.outcome.switched))
            known = True
        if not uses:
            return
        bit = trial.outcome.world.facts[trial.leaf].bit
        if not known and not any(change.p & bit for change in trial.changes):
            return
        confidence = self._confidence(trial, report, known)
        before = notes.omissions.get(trial.property)
        if before is not None and ORDER.index(confidence) >= ORDER.index(before.confidence):
            return
        old, new = values_of(trial)
        tied = tuple(property_of(k) for k in trial.varying if property_of(k) != trial.property)
        when = (*words.when(trial.path, trial.outcome.world), *hash_conditions(hasher, trial))
        notes.omissions[trial.property] = Omission(
            trial.property,
            old,
            new,
            tuple(uses[:USES]),
            tuple(dict.fromkeys(when)),
            confidence,
            tuple(dict.fromkeys(tied)),
            fix=fix_of(notes.op, notes.attributes, self.reflection, trial),
            refused=trial.strained,
        )

    @staticmethod
    def _confidence(trial: Trial, report: Report, known: bool) -> Confidence:
        if trial.key.unclear or trial.path.contradicts or trial.path.strained or unmindful(trial):
            return Confidence.POSSIBLE
        if not trial.path.validated:  # no call is known that the op accepts; this one breaks fewest checks
            doubted = any(trial.leaf in r for rs in trial.path.outcomes[0].violations.values() for r in rs)
            return Confidence.LIKELY if known and trial.path.is_base and not doubted else Confidence.POSSIBLE
        world = trial.outcome.world
        guessed = any(name.startswith("(") for name in world.leaves(world.touched))
        if not known:
            return Confidence.LIKELY if not guessed and not trial.strained else Confidence.POSSIBLE
        common = trial.path.is_base or trial.path.ordinary
        if trial.strained or len(trial.varying) > 1 or guessed or not common:
            return Confidence.LIKELY
        return Confidence.CERTAIN

    @staticmethod
    def _use(factory: Factory, change: Change, words: Describer) -> Use:
        return Use(change.name, words.user(change.mark, change.stack), change.old, change.new, factory.name)

    # -- hidden state ----------------------------------------------------------------------------------------------

    def _hidden(self, notes: OpNotes, factory: Factory, exploration: Exploration, words: Describer) -> None:
        for path in exploration.paths:
            if path.contradicts or not path.validated:
                continue
            for outcome in path.outcomes[:1]:
                for state, part in hidden_parts(outcome):
                    if state not in notes.hidden:
                        notes.hidden[state] = Hidden(state, self._use(factory, part, words), Confidence.LIKELY)

    # -- what the hash should not contain --------------------------------------------------------------------------

    def _contents(
        self, notes: OpNotes, factory: Factory, hasher: Hasher, outcomes: list[Outcome], served: dict[str, str]
    ) -> None:
        """Read the hashes of some calls for what is new on every call, pointers and containers without an order."""
        at = hash_place(notes.op, notes.attributes, self.reflection)[0]
        struct = notes.attributes or notes.op.struct
        place = at or Place(struct.file.path, struct.line)
        worlds = [replica(o.world) for o in outcomes[:LOOKS]] or [World()]
        for world in worlds:
            first, second = hasher.key(world, 1), hasher.key(world, 2)
            if first.throws or second.throws:
                continue
            for surplus in contents.new_on_every_call(world, first, second, place):
                spared = served.get(surplus.input, "")
                notes.surplus.setdefault(surplus.input, replace(surplus, spared=spared) if spared else surplus)
            for pointed in contents.pointers(self.reflection, factory, first, place):
                notes.pointers.setdefault(pointed.input, pointed)
            for container in contents.unordered(self.reflection, factory, first):
                notes.unordered.setdefault(container.input, container)

    def _needless(self, notes: OpNotes, factory: Factory, laboratory: Laboratory, words: Describer) -> None:
        for leaf, trials in needless(laboratory):
            trial = trials[0]
            bit = trial.outcome.world.facts[leaf].bit
            uses: list[Use] = []
            stale = whole = False
            for state in trial.table.slots.values():
                mine = [r for r in state.readings if mask(r.expected) & bit]
                if not mine:
                    continue
                stale = stale or any(r.wrong for r in mine)
                whole = whole or rewritten(trial.table, state)
                where = mine[0].write or (mine[0].set_mark, mine[0].set_stack)
                uses.append(Use(state.slot.name, words.user(*where), factory=factory.name))
            name = property_of(leaf)
            place = member_place(self.interp, factory.attributes, leaf) or words.override_place
            if uses:
                kind = "runtime" if stale else "refreshed"
                # What is counted (a step, a position, a seed) is another number on most calls; a float is most often a
                # constant of the model, which an override that writes all arguments anew refreshes without meaning to.
                # An op whose own hash leaves out some such numbers means to leave them all out.
                counted = type(trial.outcome.world.facts[leaf].value) is int
                if kind == "refreshed":
                    meant = counted or not whole
                else:
                    meant = counted and calculated_with(self.interp, trial.table, leaf)
                sure = Confidence.LIKELY if meant or blanks(laboratory) else Confidence.POSSIBLE
                found = Surplus(name, kind, place, tuple(uses), sure)
                notes.surplus.setdefault(name, found)

    # -- what changes on every call --------------------------------------------------------------------------------

    def _baked(
        self, notes: OpNotes, factory: Factory, exploration: Exploration, words: Describer, kind: type[Replay]
    ) -> None:
        """Addresses, randomness and the clock in what is compiled: they differ in any two calls."""
        seen: set[str] = set()
        for path in exploration.paths:
            suspects = suspected(path.outcomes[0])
            if suspects <= seen:
                continue
            seen |= suspects
            outcome = called_again(kind(self.interp, factory, path.templates), path)
            if outcome is None:
                continue
            exploration.executed.append(outcome)
            for change, leaf in baked(outcome):
                if change.name in notes.baked:
                    continue
                sure = path.validated and not path.contradicts and not path.strained
                confidence = Confidence.CERTAIN if sure and path.is_base else Confidence.LIKELY
                notes.baked[change.name] = Omission(
                    leaf,
                    change.old,
                    change.new,
                    (self._use(factory, change, words),),
                    words.when(path, path.outcomes[0].world),
                    confidence if sure else Confidence.POSSIBLE,
                    per_dispatch=True,
                    idle=without_effect(self.interp, outcome.fresh, change),
                )

    # -- runtime arguments -----------------------------------------------------------------------------------------

    def _stale(self, factory: Factory, report: Report, words: Describer, notes: OpNotes) -> Iterator[Difference]:
        """Slots that hold an omitted input and that the override does not write."""
        seen: set[str] = set()
        for trial in report.trials:
            if (
                not trial.hit
                or trial.changes
                or trial.outcome.switched
                or not trial.table.comparable
                or trial.property in notes.omissions
            ):
                continue
            diagnosis = Diagnosis(factory, words, Idle(self.interp))
            diagnosis.read(trial.path, trial.table)
            differences = diagnosis.differences()
            refused = {d.slot.owner for d in differences if d.refused and trial.outcome.thrown is None}
            refused -= {f.owner for f in trial.path.outcomes[0].failures}
            for difference in differences:
                if difference.slot.owner in refused:  # written, but not as many as there are: what is left is no news
                    mine = named = difference.refused
                else:
                    mine = difference.what is What.SCALAR and difference.cause is not Cause.OUT_OF_RANGE
                    sides = (difference.expected, difference.found)
                    named = any(words.leaf(trial.leaf) in side.inputs for side in sides)
                if not mine or not named or difference.slot.name in seen:
                    continue
                seen.add(difference.slot.name)
                sure = max(difference.confidence, self._confidence(trial, report, known=True), key=ORDER.index)
                at = hash_place(notes.op, notes.attributes, self.reflection)[0]
                blind = (Related(at, f"the hash leaves {trial.property} out"),) if at is not None else ()
                yield replace(difference, related=difference.related + blind, confidence=sure)


def hidden_parts(outcome: Outcome) -> Iterator[tuple[str, Change]]:
    """The compile-time parts that derive from state outside of the op's inputs, by the name of that state."""
    world = outcome.world
    bits = 0
    for name, fact in world.facts.items():
        if name.startswith(HIDDEN_STATE):
            bits |= fact.bit
    if not bits & leaves_of(outcome.fresh):
        return
    for part in all_parts(outcome.fresh):
        for leaf in world.leaves(part.p & bits):
            yield leaf.removeprefix(HIDDEN_STATE), part


def suspected(outcome: Outcome) -> set[str]:
    """The compile-time parts that derive from something which is new on every call."""
    dispatch = outcome.world.dispatch
    if not leaves_of(outcome.fresh) & dispatch or unreadable(outcome.fresh):
        return set()
    return {part.name for part in all_parts(outcome.fresh) if part.p & dispatch}


def called_again(replay: Replay, path: Path) -> Outcome | None:
    """The same call twice, with create() executed for both; None when it cannot be."""
    world = replica(path.outcomes[0].world)
    world.varying = {"": None}  # nothing varies but what always does
    try:
        return replay.execute(world, 0.0, path.validated)
    except Interrupt:
        return None


def baked(outcome: Outcome) -> Iterator[tuple[Change, str]]:
    """The compile-time parts that differ between two calls with the same inputs, with what makes them differ."""
    world = outcome.world
    for change in Differ(unknown_mask(outcome)).changes(outcome.after, outcome.fresh):
        leaves = world.leaves(change.p & world.dispatch)
        if leaves and not change.unknown:
            yield change, leaves[0]
