"""LeakyRelu."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .builder import GraphBuilder
from .node import Node
from .pointwise import Function, apply
from .registry import onnx_op
from .values import Value


@onnx_op("LeakyRelu")
def leaky_relu(node: Node, builder: GraphBuilder) -> Value:
    """Reads x, or alpha * x below zero."""
    return apply(node, builder, 0, leaky(node.attributes.get("alpha", 0.01)))


def leaky(alpha: float) -> Function:
    """The function for one slope, in float32."""

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(row >= 0, row, row * np.float32(alpha)).astype(np.float32)

    return function
