"""PRelu with constant slopes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .affine import Column, with_constant
from .builder import GraphBuilder
from .node import Node
from .pointwise import Function
from .registry import onnx_op
from .values import Value


@onnx_op("PRelu")
def prelu(node: Node, builder: GraphBuilder) -> Value:
    """Reads x, or slope * x where x is negative, with one slope or one per channel."""
    return with_constant(node, builder, 1, _with_slopes, None)


def _with_slopes(slope: Column) -> Function:
    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.where(row < 0, row * slope, row), np.float32)

    return function
