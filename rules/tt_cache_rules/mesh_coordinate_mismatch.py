"""TTC801: the override treats a coordinate of the mesh otherwise than create_at() did."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import (
    OVERRIDE,
    at_create,
    at_write,
    create_puts,
    differences,
    expected_words,
    held_words,
    slot_words,
    stale,
    writes,
)


class MeshCoordinateMismatch(Rule):
    """
    ## What it does
    Finds slots of a mesh workload that override_runtime_arguments gives the value of another coordinate, one value for
    all coordinates where create_at() gives each its own, or no value at some coordinates while it refreshes the others.

    ## Why is this bad
    A workload holds one program for each range of coordinates, with shared variables of its own. A device that gets a
    neighbour's seed, index or handle, or none at all, goes on with wrong data from the second call on; on one device,
    where such code is mostly tried first, all is well.

    ## Example
    ```cpp
    // create_at() gives each device its own seed
    uint32_t seed = attributes.seed + device->id();
    SetRuntimeArgs(program, compute_kernel_id, core, {seed});
    // override_runtime_arguments() gives all of them the same
    for (auto& [range, program] : cached_workload.workload.get_programs()) {
        auto& shared = cached_workload.shared_variables.at(range);
        GetRuntimeArgs(program, shared.compute_kernel_id, core)[0] = attributes.seed;
    }
    ```

    ## Use instead
    ```cpp
    for (auto& [range, program] : cached_workload.workload.get_programs()) {
        auto& shared = cached_workload.shared_variables.at(range);
        auto* device = mesh_device->get_device(range.start_coord());
        GetRuntimeArgs(program, shared.compute_kernel_id, core)[0] = attributes.seed + device->id();
    }
    ```

    ## Known problems
    Only a few meshes are tried, with two coordinates each, and a program for a range of several coordinates counts as
    one. What differs between coordinates in ways that are not modelled, such as fabric routes, is not compared.
    """

    id = "TTC801"
    name = "mesh-coordinate-mismatch"
    invariant = "I5"
    severity = Severity.ERROR
    summary = "The override treats a mesh coordinate otherwise than create_at() did"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in differences(facts, Cause.WRONG_COORDINATE):
            where = f" at coordinate {d.coordinate}" if d.coordinate else ""
            if d.written is None:
                message = (
                    f"{OVERRIDE} refreshes {slot_words(d.slot.name)}, {expected_words(d)}, at some coordinates of the "
                    f"mesh, but not{where}. On a cache hit {stale(d)} there."
                )
                yield at_create(self, facts, d, message)
                continue
            numbers = (d.found.number, d.expected.number)
            shown = "" if None in numbers else f" ({numbers[0]} instead of {numbers[1]})"
            message = (
                f"{OVERRIDE} {writes(d, held_words(d.slot.kind, d.found))}{where}: that belongs at another coordinate. "
                f"Here {create_puts(d)}{shown}."
            )
            yield at_write(self, facts, d, message)
