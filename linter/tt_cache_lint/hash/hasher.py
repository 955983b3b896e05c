"""The hash of an op, executed."""

from __future__ import annotations

import os

from tt_cache_lint.device.inputs import make_input
from tt_cache_lint.device.program import enter
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.fault import DEBUG, FAULTS
from tt_cache_lint.hash.key import Key, read_key
from tt_cache_lint.hash.reflect import Reflection
from tt_cache_lint.infra.callback import given, member_arguments
from tt_cache_lint.infra.callback_find import CallbackFactory
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Interrupt, Thrown
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.values import Value
from tt_cache_lint.interp.world import World
from tt_cache_lint.source.defs import FunctionDef


def hash_function(factory: Factory) -> FunctionDef | None:
    """The op's own hash function, None for the framework's."""
    return factory.op.methods.get("compute_program_hash") if factory.op is not None else None


class Hasher:
    """Executes the hash of one op."""

    def __init__(self, interp: Interp, reflection: Reflection, factory: Factory) -> None:
        self.interp = interp
        self.reflection = reflection
        self.factory = factory

    def custom(self) -> bool:
        """Does anything replace the framework's hash of all members?"""
        if hash_function(self.factory) is not None:
            return True
        return not all(self.reflection.plain(t) for t in (self.factory.attributes, self.factory.tensor_args))

    def key(self, world: World, run: int) -> Key:
        """The hash of the world's call in a run."""
        m = Machine(self.interp, world)
        m.checks = False
        before, world.run = world.run, run
        enter(m)
        m.phase = "hash"
        try:
            return read_key(m, self.reflection, self.result(m, run))
        except Thrown:
            return Key(throws=True)
        except Interrupt as error:
            return Key(unclear=str(error) or type(error).__name__)
        except (RecursionError, *FAULTS) as error:
            if os.environ.get(DEBUG):
                raise
            return Key(unclear=f"{type(error).__name__}: {error}")
        finally:
            world.run = before
            m.release()

    def result(self, m: Machine, run: int) -> Value:
        body = hash_function(self.factory)
        if isinstance(self.factory, CallbackFactory):
            return self._member(m, self.factory, body)
        attributes = make_input(m, self.factory.attributes, "operation_attributes", run)
        tensor_args = make_input(m, self.factory.tensor_args, "tensor_args", run)
        if body is None:
            m.hash_sink.extend([(attributes, None), (tensor_args, None)])
            return None
        code = self.interp.instance(body, {}, self.interp.owner_of(body))
        return value_of(m.invoke(code, [attributes, tensor_args][: len(body.params)]))

    def _member(self, m: Machine, factory: CallbackFactory, body: FunctionDef | None) -> Value:
        """The hash of an op whose members are the attributes (operation.hpp until 2025)."""
        this, lists = given(m, factory)
        if body is None:
            m.hash_sink.extend((value, None) for value in (this, *lists.fields.values()))
            return None
        code = self.interp.instance(body, {}, self.interp.owner_of(body))
        return value_of(m.invoke(code, member_arguments(m, body, lists, None), None if body.is_static else this))
