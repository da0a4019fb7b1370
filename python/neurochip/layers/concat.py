"""Concat: several tensors of one format side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Concat:
    """Each output is one code of one input."""

    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor
    index: NDArray[np.int32]
    """Of the output's shape: the position in the flattened inputs, one after another."""

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        flat = np.concatenate([source.reshape(len(source), -1) for source in codes], axis=1)
        return np.asarray(flat[:, self.index.ravel()].reshape(len(flat), *self.index.shape))
