"""Slice, with constant bounds."""

from __future__ import annotations

import numpy as np

from .axes import counted
from .builder import GraphBuilder
from .movement import SAMPLES, move, positions, rearrange
from .node import Node
from .registry import onnx_op
from .values import Constant, QuantizedConstant, Refusal, Unknown, Value


@onnx_op("Slice")
def slice_(node: Node, builder: GraphBuilder) -> Value:
    """Reads starts, ends, axes and steps; a slice along the samples must keep them all."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        return move(node, builder)
    starts, ends = (node.required(n, what).copy() for n, what in ((1, "starts"), (2, "ends")))
    rank = len(value.shape) + 1
    given = node.constant(3, "axes")
    axes = np.arange(len(starts)) if given is None else np.array(counted(given, rank))
    steps = node.constant(4, "steps")
    if any(each.shape != starts.shape for each in (ends, axes, steps) if each is not None):
        raise Refusal("its starts, ends, axes and steps are not equally many")
    for position in np.flatnonzero(axes == 0):
        step = 1 if steps is None else steps[position]
        if starts[position] != 0 or ends[position] < builder.batch or step != 1:
            raise Refusal("it selects some of the samples")
        ends[position] = SAMPLES
    others = (starts, ends, axes, steps)
    return rearrange(node, builder, value, positions(node, value.shape, *others))
