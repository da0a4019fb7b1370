"""Functions of one value that ONNX's own reference computes for the table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .builder import GraphBuilder
from .node import Node
from .pointwise import apply
from .registry import onnx_op
from .values import Value


@onnx_op("Abs", "Celu", "Elu", "Mish", "Neg", "Selu", "Softplus", "Softsign")
@onnx_op("ThresholdedRelu")
def elementwise(node: Node, builder: GraphBuilder) -> Value:
    """Reads the function as a table over the codes of its input."""

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(node.evaluate([row])[0], np.float32)

    return apply(node, builder, 0, function)
