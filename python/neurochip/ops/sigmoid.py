"""Sigmoid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .builder import GraphBuilder
from .node import Node
from .pointwise import apply
from .registry import onnx_op
from .values import Value


@onnx_op("Sigmoid")
def sigmoid(node: Node, builder: GraphBuilder) -> Value:
    """Reads 1 / (1 + exp(-x))."""
    return apply(node, builder, 0, logistic)


def logistic(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), rounded once to float32."""
    return (1 / (1 + np.exp(-row.astype(np.float64)))).astype(np.float32)
