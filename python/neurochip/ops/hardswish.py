"""HardSwish."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .builder import GraphBuilder
from .node import Node
from .pointwise import apply
from .registry import onnx_op
from .values import Value


@onnx_op("HardSwish")
def hard_swish(node: Node, builder: GraphBuilder) -> Value:
    """Reads x * clip(x / 6 + 1/2, 0, 1)."""

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        ramp = row * np.float32(1 / 6) + np.float32(0.5)
        return np.asarray(row * np.clip(ramp, np.float32(0), np.float32(1)))

    return apply(node, builder, 0, function)
