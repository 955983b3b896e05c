"""Layouts that an op is not made for, though no check says so."""

from __future__ import annotations

from tt_cache_lint.device.program import Program
from tt_cache_lint.device.resources import ACCESSOR_PAGE
from tt_cache_lint.hash.builds import Change, parts_of
from tt_cache_lint.hash.trial import Trial
from tt_cache_lint.interp.values import Val, mask

LAYOUT = ".layout"


def unmindful(trial: Trial) -> bool:
    """Does create() build the same program for another layout of a tensor, but for the page size that accessors hold?

    A tensor has another number of pages in the other layout, so a program that counts as before and only takes pages of
    another size works on such a tensor as little on a miss as on a hit: it is no call that anyone makes.
    """
    owner = trial.leaf.removesuffix(LAYOUT)
    world = trial.outcome.world
    if owner == trial.leaf or f"{owner}.logical_shape[0]" not in world.facts or len(trial.varying) > 1:
        return False
    if trial.outcome.switched or not all(_is_page_size(trial.outcome.fresh, change) for change in trial.changes):
        return False
    # What is new on every call aside, only the layout varies: an argument that is another one counts by it.
    readings = (reading for slot in trial.table.slots.values() for reading in slot.needing)
    return all(mask(reading.expected) & world.dispatch for reading in readings)


def _is_page_size(program: Program, change: Change) -> bool:
    for kernel in program.kernels:
        for part in parts_of(kernel) if kernel.name == change.owner else ():
            if part.what == change.what:
                value = part.value
                if not isinstance(value, Val) or not isinstance(value.t, tuple) or value.t[0] != ACCESSOR_PAGE:
                    return False
    return any(kernel.name == change.owner for kernel in program.kernels)
