"""Max pooling on codes: exact, because quantization is monotone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..formats import Array, Tensor
from .weighted import Pads, Pair, pad_map, taps


@dataclass(frozen=True, slots=True, eq=False)
class MaxPool:
    """The largest code of each window; padding never wins."""

    name: str
    inputs: tuple[Tensor]
    output: Tensor
    kernel: Pair
    strides: Pair
    pads: Pads
    dilations: Pair

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        (source,) = codes
        padded = pad_map(source, self.pads, self.inputs[0].format.qmin)
        size = (self.output.shape[1], self.output.shape[2])
        shape = (len(source), *self.output.shape)
        largest = np.full(shape, self.inputs[0].format.qmin, source.dtype)
        for _, _, view in taps(padded, self.kernel, self.strides, self.dilations, size):
            np.maximum(largest, view, out=largest)
        return largest
