"""What buffers and tensors are called that the code itself allocates on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp.values import Mark

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

OWN = ("a buffer that ", "a tensor that ")  # how their names begin
HOST = "host tensor "  # how the names of tensors begin that are not on the device
CREATE = "create"
_WHO = {CREATE: "create()", "override": "the override"}


def own_name(m: Machine, what: str, mark: Mark | None, number: int, phase: str) -> str:
    """The name of the buffer or tensor (`what`) that is allocated at `mark`, after `number` others in the phase."""
    name = f"a {what} that {_WHO.get(phase, phase)} allocates" + (f" ({number + 1})" if number else "")
    if mark is not None:
        m.world.made.setdefault(name, mark)
    return name
