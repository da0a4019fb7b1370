"""Add: the sum or the difference of two quantized tensors, each with its own scale."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import fma32
from ..formats import Array, Format, Tensor
from .pairs import all_codes, look_up_pairs


@dataclass(frozen=True, slots=True, eq=False)
class Add:
    """The real sum, rounded once to the output's format, as QLinearAdd does with FMA."""

    name: str
    inputs: tuple[Tensor, Tensor]
    output: Tensor
    sign: int = 1
    """-1 where the second input is subtracted."""

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        return look_up_pairs(self.table(), codes, self.inputs, self.output)

    def table(self) -> NDArray[np.int32]:
        """The output code of every pair of input codes, each counted from its smallest."""
        first, second = (tensor.format for tensor in self.inputs)
        table = add_table(first, second, self.output.format, self.sign)
        return np.clip(table, self.output.low, self.output.high)


def add_constants(
    first: Format, second: Format, output: Format, sign: int = 1
) -> tuple[np.float32, np.float32, np.float32]:
    """Both ratios of scales and the constant of all zero points, in onnxruntime's float32 order.

    A tensor that is subtracted is one of a negative scale.
    """
    first_ratio = np.float32(first.scale / output.scale)
    second_ratio = np.float32(sign * second.scale / output.scale)
    second_offset = np.float32(second_ratio * np.float32(second.zero_point))
    zeros = fma32(first_ratio, np.float32(first.zero_point), second_offset)
    return first_ratio, second_ratio, np.float32(np.float32(output.zero_point) - zeros)


@lru_cache(maxsize=256)
def add_table(first: Format, second: Format, output: Format, sign: int = 1) -> NDArray[np.int32]:
    """QLinearAdd of every pair of codes: two fused multiply-adds, then half to even."""
    first_ratio, second_ratio, offset = add_constants(first, second, output, sign)
    inner = fma32(all_codes(second), second_ratio, offset)
    total = fma32(all_codes(first)[:, None], first_ratio, inner[None, :])
    return np.asarray(np.clip(np.rint(total), output.qmin, output.qmax), np.int32)
