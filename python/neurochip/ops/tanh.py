"""Tanh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .builder import GraphBuilder
from .node import Node
from .pointwise import apply
from .registry import onnx_op
from .values import Value


@onnx_op("Tanh")
def tanh(node: Node, builder: GraphBuilder) -> Value:
    """Reads the hyperbolic tangent."""

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tanh(row.astype(np.float64)).astype(np.float32)

    return apply(node, builder, 0, function)
