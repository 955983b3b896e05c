"""One world, end to end: a miss, a hit, and the fresh create() that says what the hit should have given.

What a miss makes and what a hit refreshes is the infra's policy (design.md section 5; package `infra`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from tt_cache_lint.again import second_program
from tt_cache_lint.device.allocated import OWN
from tt_cache_lint.device.inputs import make_input
from tt_cache_lint.device.nd_shard import or_nd_sharded
from tt_cache_lint.device.program import Event, Failure, Program, enter
from tt_cache_lint.device.tensor_inputs import input_tensor
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.factory.choice import held_alternatives, never_selected, ways
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.fault import DEBUG, FAULTS
from tt_cache_lint.infra import INFRAS
from tt_cache_lint.infra.policy import OUTPUT, Call, Infra, Inputs, Made, OwnInputs
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Broken, Exhausted, Implausible, Interrupt, Thrown
from tt_cache_lint.interp.machine import UNLIMITED, Branch, Machine, Place
from tt_cache_lint.interp.scale import doubled
from tt_cache_lint.interp.values import WRITTEN_COPIES, Mark, Opt, Struct, TypeRef, Unknown, Value, Vec, copied
from tt_cache_lint.interp.world import World
from tt_cache_lint.outcome import Outcome, Snapshot, read_unset_of, snapshot_of, unset_of
from tt_cache_lint.owners import held_in
from tt_cache_lint.source.defs import FunctionDef

NO_LIMITS = (UNLIMITED, UNLIMITED)


@dataclass(slots=True)
class _Miss:
    """What run 1 left. `touched` are the inputs that create() branched on, `touched_before` and `order_before` those
    that were branched on before it, `selected` those that its selection branched on; `fresh` is None where only
    executing create() again can tell."""

    made: Made
    snapshot: Snapshot
    fresh: Program | None
    unset: dict[str, Mark | None]
    touched_before: int
    touched: int
    order_before: list[int]
    selected: int
    failures: list[Failure] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    numeric: list[Branch] = field(default_factory=list)
    violations: dict[str, tuple[dict[str, Value], ...]] = field(default_factory=dict)
    broken: set[tuple[str, int]] = field(default_factory=set)


class Replay:
    """Executes a factory in worlds."""

    infras: ClassVar[Mapping[str, Infra]] = INFRAS

    def __init__(self, interp: Interp, factory: Factory, templates: dict[str, object]) -> None:
        self.interp = interp
        self.factory = factory
        self.templates = templates
        self.infra = self.infras[factory.infra]
        self.own_inputs = self.infra if isinstance(self.infra, OwnInputs) else None
        self.unselected = never_selected(factory)
        self.ways: list[dict[Place, bool]] | None = None
        self.wanted: dict[str, Value] | None = None

    def execute(
        self,
        world: World,
        deadline: float,
        strict: bool = True,
        limits: tuple[int, int] = NO_LIMITS,
        bodies: bool = True,
    ) -> Outcome:
        """Run the world. Raises Interrupt when it is impossible or cannot be finished.

        With `strict` off, validators, TT_FATALs and the selection of the factory are not insisted on; what they would
        have rejected is noted in the outcome's `violations`. `limits` says how many of these before create(), and up to
        its end, make the outcome useless: Unfit is raised then. With `bodies` off only create()'s own checks are not
        insisted on.
        """
        m = Machine(self.interp, world, deadline)
        return self._guarded(m, lambda: self._execute(m, world, strict, limits, bodies))

    def second(self, before: Outcome, world: World, deadline: float, strict: bool, bodies: bool) -> Outcome:
        """Only the program that a second call gets on a miss, after a first call that went as in `before`.

        `world` goes on from that of `before`, and so does the outcome: what the hit left is what it left there. Raises
        Interrupt as `execute` does.
        """
        m = Machine(self.interp, world, deadline)
        return self._guarded(m, lambda: self._second(m, before, strict, bodies))

    @staticmethod
    def _guarded(m: Machine, run: Callable[[], Outcome]) -> Outcome:
        """Run something on a machine. Whatever ends it early is raised as an Interrupt."""
        try:
            return run()
        except Interrupt as error:
            if isinstance(error, Implausible) and not error.repairs:
                error.guesses, _ = m.otherwise()
            for program in m.programs:
                program.release()
            raise
        except RecursionError as error:
            raise Exhausted("the code nests too deeply") from error
        except MemoryError as error:
            raise Exhausted("the code needs too much memory") from error
        except FAULTS as error:
            if os.environ.get(DEBUG):
                raise
            raise Broken(f"the interpreter failed: {type(error).__name__}: {error}") from error
        finally:
            m.world.fuel_left = m.fuel
            m.release()

    def _execute(self, m: Machine, world: World, strict: bool, limits: tuple[int, int], bodies: bool) -> Outcome:
        miss = self._miss(m, world, strict, limits, bodies)
        program, shares, unset = miss.made.program, miss.made.shares, miss.unset
        world.run = 2
        m.counters.clear()
        m.checks = strict
        second = self._inputs(m, validate=bool(world.varying))
        m.checks = strict and bodies
        switched = self._switched(m, second) if world.varying else ""
        refused = {check: repairs for (check, p), repairs in m.broken.items() if (check, p) not in miss.broken}
        before = dict(m.unknown)
        thrown = self._refresh(m, miss.made, second)
        touched_after = world.touched
        override_unknown = {k: n - before.get(k, 0) for k, n in m.unknown.items() if n != before.get(k, 0)}
        failures, events = miss.failures + m.failures, miss.events + m.log
        copies = list(WRITTEN_COPIES)
        for shared in shares:
            unset.update(read_unset_of(shared, unset))
        fresh = miss.fresh if miss.fresh is not None else self._again(m)
        core, world.order = world.order, miss.order_before + world.order
        world.touched |= miss.touched_before
        return Outcome(
            world,
            program,
            fresh,
            miss.snapshot,
            shares,
            events,
            failures,
            dict(m.unknown),
            copies,
            {k: v for k, v in unset.items() if v is not None or k},
            touched_after & ~miss.touched,
            override_unknown,
            thrown,
            miss.violations,
            miss.numeric,
            list(m.limits),
            switched,
            core,
            refused,
            ways=list(m.ways),
            statics=dict(m.statics),
            programs=list(m.programs),
            selected=miss.selected,
        )

    def _miss(self, m: Machine, world: World, strict: bool, limits: tuple[int, int], bodies: bool) -> _Miss:
        """Run 1: the validators, the selection of the factory and create()."""
        m.checks, m.limit = strict, limits[0]
        enter(m)
        world.grids = self.factory.grids
        world.run = 1
        first, selected = self._inputs(m, validate=True), 0
        try:
            selected = self._select(m, first)
        except Thrown as error:
            if strict:
                raise
            m.violate("select", error.repairs)
        m.phase, m.limit, m.checks = "create", limits[1], strict and bodies
        touched_before, order_before = world.touched, world.order
        world.touched, world.order = 0, []
        made = self.infra.make(self._caller(m), self.factory, first)
        for owner in held_in(made.parked).union(*map(held_in, made.shares)):
            if owner.startswith(OWN):
                world.hold(owner)
        snapshot = snapshot_of(made.program)
        fresh = second_program(m, made.program)
        unset: dict[str, Mark | None] = {}
        for shared in made.shares:
            unset.update(unset_of(shared))
        miss = _Miss(made, snapshot, fresh, unset, touched_before, world.touched, order_before, selected)
        miss.failures, miss.events = list(m.failures), list(m.log)
        miss.numeric = [*m.numeric.values(), *m.further.values()]
        miss.violations, miss.broken, m.limit = dict(m.violations), set(m.broken), UNLIMITED
        return miss

    def _refresh(self, m: Machine, made: Made, inputs: Inputs) -> Thrown | None:
        """Execute the override; what it throws."""
        m.phase = "override"
        m.failures, m.log = [], []
        m.branches.clear()
        WRITTEN_COPIES.clear()
        made.program.close()
        try:
            self.infra.refresh(self._caller(m), self.factory, made, inputs)
        except Thrown as error:
            error.__traceback__ = error.__context__ = error.__cause__ = None
            return error
        return None

    def _second(self, m: Machine, before: Outcome, strict: bool, bodies: bool) -> Outcome:
        world = m.world
        m.checks = strict
        m.statics = {key: copied(value) for key, value in before.statics.items()}
        enter(m)
        world.grids = self.factory.grids
        if not strict:  # what the first call breaks, too, is no reason to refuse the second
            world.run = 1
            self._inputs(m, validate=True)
        broken = set(m.broken)
        world.run = 2
        m.counters.clear()
        inputs = self._inputs(m, validate=True)
        m.checks = strict and bodies
        switched = self._switched(m, inputs)
        refused = {check: repairs for (check, p), repairs in m.broken.items() if (check, p) not in broken}
        fresh = self._again(m)
        programs = list(m.programs)
        after = replace(before, world=world, fresh=fresh, switched=switched, refused=refused, programs=programs)
        after.thrown = after.table = None
        return after

    def _again(self, m: Machine) -> Program:
        """Execute create() once more, with what run 2 is given."""
        m.phase = "create"
        m.failures, m.log = [], []
        m.counters.clear()
        given = self._inputs(m, validate=False)
        m.phase = "create"
        return self.infra.make(self._caller(m), self.factory, given).program

    def hash_wants(self, outcome: Outcome) -> tuple[dict[str, Value], ...]:
        """What would keep the op's own hash function from throwing in the world of an outcome; () where it does not."""
        body = self._method("compute_program_hash")
        if body is None or self.own_inputs is not None:
            return ()
        m = Machine(self.interp, outcome.world.onward({}))
        m.checks, m.world.run = False, 1
        try:
            enter(m)
            given = self._inputs(m, validate=False)
            m.phase = "hash"
            self._call(m, body, [given.attributes, given.tensor_args][: len(body.params)])
        except Thrown as error:
            return error.repairs
        except (Interrupt, RecursionError, *FAULTS):  # the examination of the hash tells of these
            return ()
        finally:
            m.release()
        return ()

    # -- the parts of a call ---------------------------------------------------------------------------------------

    def _inputs(self, m: Machine, validate: bool) -> Inputs:
        factory, run = self.factory, m.world.run
        if self.own_inputs is not None:
            return self.own_inputs.inputs(self._caller(m), factory, validate)
        attributes = make_input(m, factory.attributes, "operation_attributes", run)
        tensor_args = make_input(m, factory.tensor_args, "tensor_args", run)
        if validate:
            # Run 1 is a miss, and what it checked of hashed facts holds on every hit (device_operation.hpp:298-366).
            miss, hit = (self._method(f"validate_on_program_cache_{when}") for when in ("miss", "hit"))
            validator = (hit or miss) if run == 2 else (miss or hit)
            if validator is not None:
                m.phase = "validate"
                try:
                    self._call(m, validator, [attributes, tensor_args])
                except Thrown as error:
                    if m.checks:
                        raise
                    m.violate(f"validate: {error.message}", error.repairs, error.mask)
        m.phase = "outputs"
        return Inputs(attributes, tensor_args, self._outputs(m, attributes, tensor_args), m.world)

    def _method(self, name: str) -> FunctionDef | None:
        op = self.factory.op
        return op.methods.get(name) if op is not None else None

    def _outputs(self, m: Machine, attributes: Value, tensor_args: Value) -> Value:
        maker = self._method("create_output_tensors")
        if maker is not None:
            try:
                made = self._call(m, maker, [attributes, tensor_args])
            except Thrown as error:
                if m.checks:
                    raise
                m.violations[f"outputs: {error.message}"] = error.repairs[:12]
                made = Unknown("outputs")
            if not isinstance(made, Unknown):
                if isinstance(made, Opt) and self.factory.returns.name == "Tensor":
                    made = made.v
                _name_parts(made)
                m.world.preallocated.update(_given_outputs(made))
                return made
        if self.factory.returns.name in ("Tensor", "auto"):
            return input_tensor(m.world, OUTPUT, m.world.run)
        return make_input(m, self.factory.returns, OUTPUT, m.world.run)

    def _switched(self, m: Machine, inputs: Inputs) -> str:
        """The factory that run 2's own inputs select, when it is another one: on a hit the first call's is kept
        (ttnn/api/ttnn/device_operation.hpp:273-276)."""
        try:
            self._select(m, inputs)
        except Thrown as error:
            return error.message.removesuffix(" is selected instead")
        return ""

    def _select(self, m: Machine, inputs: Inputs) -> int:
        """Have the op choose this factory; the inputs that it branches on for that."""
        chooser = self._method("select_program_factory")
        op = self.factory.op
        if chooser is None or op is None or len(op.factories) < 2:
            return 0
        if self.unselected:  # whatever the inputs are: it is of no use to look for others
            m.violate("select", ())
            return 0
        m.phase = "select"
        m.branches.clear()
        chosen = self._call(m, chooser, [inputs.attributes, inputs.tensor_args])
        name = chosen_name(chosen)
        bits = 0
        for condition, *_ in m.branches:
            bits |= getattr(condition, "p", 0)
        if name is None or name == self.factory.create.scope[-1]:
            return bits
        from tt_cache_lint.interp.solving import want

        repairs = self._held(m.world) + self._toward(m)
        for condition, taken, _ in reversed(m.branches):
            repairs += want(condition, not taken)
        raise Thrown(f"{name} is selected instead", bits, tuple(repairs[:32]), after=m.last_met())

    def _held(self, world: World) -> list[dict[str, Value]]:
        """The alternatives that std::visit has to find, which is no branch of the code."""
        if self.wanted is None:
            self.wanted = held_alternatives(self.factory, self.interp)
        facts = world.facts
        return [{key: choice} for key, choice in self.wanted.items() if key in facts and facts[key].value != choice]

    def _toward(self, m: Machine) -> list[dict[str, Value]]:
        """What takes select_program_factory() on where it left the way to this factory."""
        from tt_cache_lint.interp.solving import want

        if self.ways is None:
            self.ways = ways(self.factory, self.interp.index)
        repairs: list[dict[str, Value]] = []
        for way in self.ways:
            off = ((c, not taken) for c, taken, at in m.branches if at is not None and way.get(at, taken) is not taken)
            condition, wanted = next(off, (None, False))
            repairs += or_nd_sharded(want(condition, wanted) or self._other(m.world, condition, wanted))
        return repairs

    @staticmethod
    def _other(world: World, condition: Value, wanted: bool) -> list[dict[str, Value]]:
        """What may make a condition come out otherwise that cannot be solved: larger inputs and other choices."""
        larger = doubled(condition, wanted, world.sides()) if condition is not None else {}
        return [*([larger] if larger else []), *world.chosen_otherwise(getattr(condition, "p", 0))]

    def _caller(self, m: Machine) -> Call:
        return _Caller(self, m)

    def _call(self, m: Machine, function: FunctionDef, args: list[Value], this: Value = None) -> Value:
        owner = self.interp.owner_of(function)
        # A member defined outside of its class names the class's template parameters in its own way.
        given = dict(zip(function.template, self.templates.values(), strict=False))
        templates = given if len(given) == len(self.templates) else {}
        code = self.interp.instance(function, templates, owner)
        return value_of(m.invoke(code, args, this))


@dataclass(slots=True)
class _Caller:
    """The `Call` that an infra gets."""

    replay: Replay
    m: Machine

    def __call__(self, function: FunctionDef, args: list[Value], this: Value = None) -> Value:
        return self.replay._call(self.m, function, args, this)


def _given_outputs(made: Value) -> Iterator[str]:
    """The names of outputs that are tensors of the caller's."""
    for item in made.items if isinstance(made, Vec) else [made]:
        tensor = item.v if isinstance(item, Opt) else item
        if isinstance(tensor, Tensor) and not tensor.name.startswith(OUTPUT):
            yield tensor.name


def _name_parts(made: Value) -> None:
    """Call several outputs by their place among them, the first one too."""
    items = made.items if isinstance(made, Vec) else []
    tensors = [item.v if isinstance(item, Opt) else item for item in items]
    places: dict[str, str] = {}
    for position, tensor in enumerate(tensors):
        if isinstance(tensor, Tensor) and tensor.name.startswith(OUTPUT):
            places.setdefault(tensor.name, f"{OUTPUT}[{position}]")
    for tensor in tensors:
        if isinstance(tensor, Tensor) and tensor.name in places:
            tensor.name = tensor.buffer.owner = places[tensor.name]


def chosen_name(chosen: Value) -> str | None:
    """The class of the factory that select_program_factory returned."""
    if isinstance(chosen, Opt):
        chosen = chosen.v
    if isinstance(chosen, Struct):
        return chosen.name
    if isinstance(chosen, TypeRef):
        return str(chosen.type.name)
    return None
