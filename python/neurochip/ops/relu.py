"""Relu."""

from __future__ import annotations

import numpy as np

from .builder import GraphBuilder
from .node import Node
from .pointwise import clamp
from .registry import onnx_op
from .values import Value


@onnx_op("Relu")
def relu(node: Node, builder: GraphBuilder) -> Value:
    """Reads max(x, 0)."""
    return clamp(node, builder, 0.0, np.inf)
