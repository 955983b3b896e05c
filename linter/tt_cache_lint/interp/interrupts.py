"""What ends an execution early."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tt_cache_lint.interp.values import Mark, Value

# What the interpreted program does where it throws.
NULL, CHECK, THROW, BEYOND = "uses what is empty", "checks", "throws", "asks for an element that is not there"


class Interrupt(Exception):
    """Base of everything that ends an execution early."""


class Thrown(Interrupt):
    """The interpreted program throws: TT_THROW, a failed TT_FATAL, .value() of an empty optional.

    `mask` are the inputs the failed condition depends on, `repairs` assignments of inputs that would satisfy it;
    `guessed` when these only take the latest branches otherwise; with `otherwise` what threw is not come to. `kind` and
    `mark` are set for what the code itself does there: it uses what is empty, or checks. `after` is the last condition
    that was met, where that tells how far a search has come.
    """

    def __init__(
        self,
        message: str,
        mask: int = 0,
        repairs: tuple[dict[str, Value], ...] = (),
        guessed: bool = False,
        otherwise: tuple[dict[str, Value], ...] = (),
        after: tuple[str, int] | None = None,
        kind: str = "",
        mark: Mark | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.mark = mark
        self.after = after
        self.message = message
        self.mask = mask
        self.repairs = repairs
        self.guessed = guessed
        self.otherwise = otherwise


class Implausible(Interrupt):
    """The world makes no sense for this program: division by zero, a vector of absurd size. It has the `repairs` of a
    `Thrown`; `guesses` take the latest branches otherwise."""

    guesses: tuple[dict[str, Value], ...] = ()

    def __init__(self, message: str, repairs: tuple[dict[str, Value], ...] = ()) -> None:
        super().__init__(message)
        self.repairs = repairs


class Unfit(Interrupt):
    """More checks are broken than whoever asked for the execution can use."""


class Exhausted(Interrupt):
    """The budget of steps or time is used up."""


class Broken(Interrupt):
    """The interpreter itself failed: an error of this tool, shown as such and never taken for a clean result."""
