"""Plain data: values of a JSON document, each checked for its type and range when it is read.

The core keeps an image's part for the host without looking at it. Whoever wrote the file may have
put anything there, so that nothing of it is used before it went through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeVar

Read = TypeVar("Read")

MAX_COUNT = 1 << 62
"""No count is larger: sums of two fit 64 bits."""

TOLD_CHARACTERS = 40
"""Of a wrong value in a message: it may be long."""


def whole(value: Any, what: str, low: int = 0, high: int = MAX_COUNT) -> int:
    """A whole number of a range, both ends included.

    Raises:
        ValueError: If it is none, as all that follow.
    """
    if type(value) is not int or not low <= value <= high:
        raise _wrong(value, what, f"a whole number from {low} to {high}")
    return value


def real(value: Any, what: str, low: float = -1e300, high: float = 1e300) -> float:
    """A finite number of a range, both ends included."""
    if type(value) not in (int, float) or not isfinite(value) or not low <= value <= high:
        raise _wrong(value, what, f"a number from {low:g} to {high:g}")
    return float(value)


def text(value: Any, what: str) -> str:
    """Some words."""
    if not isinstance(value, str):
        raise _wrong(value, what, "text")
    return value


def truth(value: Any, what: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _wrong(value, what, "true or false")
    return value


def table(value: Any, what: str) -> Mapping[str, Any]:
    """Values by name."""
    if not isinstance(value, Mapping):
        raise _wrong(value, what, "a table")
    return value


def each(value: Any, what: str, read: Callable[[Any, str], Read]) -> tuple[Read, ...]:
    """A list whose entries are all read in one way."""
    if not isinstance(value, list):
        raise _wrong(value, what, "a list")
    return tuple(read(entry, f"{what}[{position}]") for position, entry in enumerate(value))


def optional(read: Callable[[Any, str], Read]) -> Callable[[Any, str], Read | None]:
    """The same, or nothing."""
    return lambda value, what: None if value is None else read(value, what)


def _wrong(value: Any, what: str, expected: str) -> ValueError:
    told = repr(value)
    if len(told) > TOLD_CHARACTERS:
        told = told[:TOLD_CHARACTERS] + "..."
    return ValueError(f"`{what}` is {told}, expected {expected}")
