"""What becomes of an error of this tool: a problem that is told, not the end of the run."""

from __future__ import annotations

import os

from tt_cache_lint.model import Problem

DEBUG = "TT_CACHE_LINT_DEBUG"

FAULTS = (
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    AssertionError,
    ArithmeticError,
    NotImplementedError,
)
"""What hostile or unforeseen C++ may raise in the interpreter; an error of the machine's own is none of these."""


def fault(path: str, line: int, what: str, error: Exception) -> Problem:
    """The problem that an error at `path` makes while `what` is looked at. TT_CACHE_LINT_DEBUG raises it again."""
    if os.environ.get(DEBUG):
        raise error
    about = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Problem(path, f"internal error: {about} ({what}; set {DEBUG}=1 for the traceback)", line, fault=True)
