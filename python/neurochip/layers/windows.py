"""Windows that slide over a padded map: what convolution and pooling share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from ..formats import Array

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]
"""Added rows and columns: top, left, bottom, right."""


def pad_map(values: Array, pads: Pads, fill: float) -> Array:
    """Surrounds each map of values (samples, channels, height, width) with `fill`."""
    if not any(pads):
        return values
    top, left, bottom, right = pads
    samples, channels, height, width = values.shape
    shape = (samples, channels, top + height + bottom, left + width + right)
    padded = np.full(shape, fill, values.dtype)
    padded[:, :, top : top + height, left : left + width] = values
    return padded


def output_size(size: int, kernel: int, stride: int, pads: int, dilation: int) -> int:
    """How many windows fit along one axis."""
    return (size + pads - dilation * (kernel - 1) - 1) // stride + 1


def taps(
    padded: Array, kernel: Pair, strides: Pair, dilations: Pair, size: Pair
) -> Iterator[tuple[int, int, Array]]:
    """For each kernel position, the view of the map that it meets, of the output's `size`."""
    for row, column in product(range(kernel[0]), range(kernel[1])):
        top, left = row * dilations[0], column * dilations[1]
        rows = slice(top, top + (size[0] - 1) * strides[0] + 1, strides[0])
        columns = slice(left, left + (size[1] - 1) * strides[1] + 1, strides[1])
        yield row, column, padded[:, :, rows, columns]
