"""Rearrange: reshape, transpose, slice, pad and their like, as one index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Rearrange:
    """Each output is one input, or the zero point where the index is -1."""

    name: str
    inputs: tuple[Tensor]
    output: Tensor
    index: NDArray[np.int32]
    """Of the output's shape: the flat position in the input, ONNX order."""

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        (source,) = codes
        return pick(source, self.index, self.inputs[0].format.zero_point)


def pick(source: Array, index: NDArray[np.int32], fill: float) -> Array:
    """Gathers each sample's values by flat position; -1 gives `fill`."""
    flat = source.reshape(len(source), -1)
    if index.size == flat.shape[1] and np.array_equal(index.ravel(), np.arange(index.size)):
        return flat.reshape(len(source), *index.shape)
    picked = flat[:, index.ravel()]
    picked[:, index.ravel() < 0] = fill
    return np.asarray(picked.reshape(len(source), *index.shape))
