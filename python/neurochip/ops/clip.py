"""Clip, of real numbers and of codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .builder import GraphBuilder
from .node import Node
from .pointwise import clamp
from .registry import onnx_op
from .values import Codes, Value


@onnx_op("Clip")
def clip(node: Node, builder: GraphBuilder) -> Value:
    """Reads both forms: bounds as attributes (before opset 11) and as inputs."""
    low = node.constant(1, "lower bound")
    high = node.constant(2, "upper bound")
    value = node.input(0)
    if isinstance(value, Codes):
        target = value.target
        narrowed = target.narrowed(
            target.format.qmin if low is None else int(low),
            target.format.qmax if high is None else int(high),
        )
        return Codes(value.source, replace(narrowed, name=node.output_name))
    smallest = node.attributes.get("min", -np.inf) if low is None else float(low)
    largest = node.attributes.get("max", np.inf) if high is None else float(high)
    return clamp(node, builder, smallest, largest)
