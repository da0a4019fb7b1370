"""Fitting: the axes of samples brought to the axes of a network's input, by moves that keep values.

Three moves are known: axes of length 1 come and go, channels move from last to first or back, and
samples without channels are flattened for a network that takes a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError


def fit(x: NDArray[np.float32], shape: Sequence[int], source: str) -> NDArray[np.float32]:
    """Returns the samples of `x` in `shape`, values unchanged.

    Args:
        x: Samples along the first axis; or one sample alone.
        shape: The network's input shape without the sample axis.
        source: Where the samples come from, for messages.

    Raises:
        InputError: If no move leads from the samples' shape to `shape`.
    """
    wanted = tuple(shape)
    for samples in (x, x[np.newaxis]):
        moved = _moved(samples, wanted)
        if moved is not None:
            return np.ascontiguousarray(moved)
    raise InputError(
        f"samples of {source!r} have shape {x.shape[1:]}, the network takes {wanted}",
        hint=_way_out(x.shape[1:], wanted),
    )


def _moved(x: NDArray[np.float32], wanted: tuple[int, ...]) -> NDArray[np.float32] | None:
    given = x.shape[1:]
    if given == wanted or _flattens(given, wanted):
        return x.reshape(len(x), *wanted)
    if len(given) == len(wanted) >= 2:
        if (given[-1], *given[:-1]) == wanted:
            return np.moveaxis(x, -1, 1)
        if (*given[1:], given[0]) == wanted:
            return np.moveaxis(x, 1, -1)
    return None


def _flattens(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether the values keep their order: axes of length 1 aside, both shapes tell the same."""
    axes, wanted_axes = _without_ones(given), _without_ones(wanted)
    if axes == wanted_axes:
        return True
    one_is_a_vector = min(len(axes), len(wanted_axes)) == 1
    none_has_channels = max(len(axes), len(wanted_axes)) == 2
    return one_is_a_vector and none_has_channels and prod(axes) == prod(wanted_axes)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def _way_out(given: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if prod(given) == prod(wanted):
        return "the number of values is the same: store the samples in the network's axis order"
    return "resize or crop the samples first: neurochip never resamples an input"
