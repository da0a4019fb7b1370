"""Multiply: two quantized tensors, element by element."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Format, Tensor
from .pairs import all_codes, look_up_pairs


@dataclass(frozen=True, slots=True, eq=False)
class Multiply:
    """The real product, rounded once to the output's format, as QLinearMul does."""

    name: str
    inputs: tuple[Tensor, Tensor]
    output: Tensor

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        return look_up_pairs(self.table(), codes, self.inputs, self.output)

    def table(self) -> NDArray[np.int32]:
        """The output code of every pair of input codes, each counted from its smallest."""
        first, second = (tensor.format for tensor in self.inputs)
        table = multiply_table(first, second, self.output.format)
        return np.clip(table, self.output.low, self.output.high)


@lru_cache(maxsize=256)
def multiply_table(first: Format, second: Format, output: Format) -> NDArray[np.int32]:
    """QLinearMul of every pair of codes."""
    scale = np.float32(np.float32(first.scale * second.scale) / output.scale)
    left = all_codes(first) - np.float32(first.zero_point)
    right = all_codes(second) - np.float32(second.zero_point)
    scaled = left[:, None] * right[None, :] * scale + np.float32(output.zero_point)
    return np.asarray(np.clip(np.rint(scaled), output.qmin, output.qmax), np.int32)
