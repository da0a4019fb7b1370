"""By value: dataclasses that hold arrays, equal where all that they hold is."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, ClassVar

import numpy as np


class ByValue:
    """A dataclass with arrays, declared with `eq=False`: equal by value, and without a hash."""

    __slots__ = ()
    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Whether every field that is compared holds the same."""
        if type(self) is not type(other):
            return NotImplemented
        assert is_dataclass(self)
        names = [each.name for each in fields(self) if each.compare]
        return all(are_same(getattr(self, name), getattr(other, name)) for name in names)


def are_same(a: Any, b: Any) -> bool:
    """Whether two values are equal; arrays are if shape and every number are.

    Integers may be stored at another width, as those of an image file are.
    """
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype.kind == b.dtype.kind and np.array_equal(a, b)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    return bool(a == b)
