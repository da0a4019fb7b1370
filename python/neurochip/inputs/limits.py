"""Limits: how much of a file is read, decided from its header before any of it is.

A file of 2 MB can declare, or unpack to, more than a machine has.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..errors import InputError

MAX_VALUES = 1 << 28
"""Of one array: as float32 they take 1 GiB."""

MAX_AXES = 32
"""What every NumPy since 1.26 can hold."""

MAX_TEXT_BYTES = 1 << 26
"""Of a text file of labels."""


def rows_to_read(shape: Sequence[int], rows: int | None, what: str) -> int:
    """How many rows of an array of this shape are read.

    Args:
        shape: As its header declares it.
        rows: How many are wanted; None for all.
        what: Names the array in messages.

    Raises:
        InputError: If it has more axes or values than are ever read.
    """
    if len(shape) > MAX_AXES:
        raise InputError(f"{what} has {len(shape)} axes, expected {MAX_AXES} or fewer")
    kept = shape[0] if shape else 1
    kept = kept if rows is None else min(rows, kept)
    # An axis of length 0 makes no array of any size: NumPy refuses what the other axes overflow.
    values = kept * prod(length for length in shape[1:] if length)
    if values > MAX_VALUES:
        raise InputError(
            f"{what} has shape {tuple(shape)}: {values:,} values would be read, at most "
            f"{MAX_VALUES:,} are",
            hint="ask for fewer with `--samples`, or split the file",
        )
    return kept
