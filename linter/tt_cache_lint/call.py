"""How Python calls an op, and what a witness world gives it: plain data for reports."""

from __future__ import annotations

from dataclasses import dataclass

Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Given:
    """One elementary input of an op in a world, such as (`tensor_args.input.layout`, `TILE`).

    `other` is what a second call with the same program hash may be given; None when it has to be the same.
    """

    key: str
    value: Scalar
    other: Scalar | None = None


@dataclass(frozen=True, slots=True)
class CallArgument:
    """One Python argument of an op.

    `type` is the last name of its C++ type (`Tensor`, `float`, `MemoryConfig`), without `optional`; "" when unknown.
    `feeds` are the inputs of the device operation that are computed from it (`tensor_args.input`).
    """

    name: str
    type: str = ""
    optional: bool = False
    default: str = ""
    keyword: bool = False
    items: bool = False  # a sequence of `type`
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpCall:
    """The Python callable that runs a device operation; `name` is "" when no binding was found."""

    name: str
    operation: str
    arguments: tuple[CallArgument, ...] = ()
    returns: str = ""  # the last name of the C++ function's return type
    golden: bool = False  # ttnn.get_golden_function() has one
