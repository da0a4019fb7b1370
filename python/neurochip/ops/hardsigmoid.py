"""HardSigmoid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .builder import GraphBuilder
from .node import Node
from .pointwise import apply
from .registry import onnx_op
from .values import Value


@onnx_op("HardSigmoid")
def hard_sigmoid(node: Node, builder: GraphBuilder) -> Value:
    """Reads clip(alpha * x + beta, 0, 1)."""
    alpha = np.float32(node.attributes.get("alpha", 0.2))
    beta = np.float32(node.attributes.get("beta", 0.5))

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.clip(row * alpha + beta, np.float32(0), np.float32(1)))

    return apply(node, builder, 0, function)
