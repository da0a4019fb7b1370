"""What the host computes: Softmax, LogSoftmax, ArgMax, Exp, Log, and changes of type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..formats import Array, Format
from .axes import counted
from .node import GraphBuilder, Node, activation_format
from .registry import onnx_op
from .values import Hosted, HostOp, Refusal, Value


@onnx_op("ArgMax", "Cast", "Exp", "Log", "LogSoftmax", "Softmax")
def on_host(node: Node, builder: GraphBuilder) -> Value:
    """Reads float work after the last layer, or before the first QuantizeLinear."""
    return builder.host(node, 0)


@onnx_op("com.microsoft.QLinearSoftmax")
def qlinear_softmax(node: Node, builder: GraphBuilder) -> Value:
    """Reads a softmax along the last axis, from codes to codes."""
    tensor = builder.codes_as(node, 0, 1, 2)
    output = activation_format(node, 3, 4)
    rank = len(tensor.shape) + 1
    (axis,) = counted([node.attributes.get("axis", -1)], rank)
    if axis != rank - 1:
        raise Refusal(f"its axis is {axis}, expected the last ({rank - 1})")
    op = TableSoftmax(node.name, node.op_type, tensor.format, output)
    return Hosted(tensor.shape, output.dtype, tensor, (op,))


@dataclass(frozen=True, slots=True, eq=False)
class TableSoftmax(HostOp):
    """The softmax of onnxruntime, from codes to codes along the last axis.

    Exponentials come from a float32 table, aligned so that the largest code meets its end and the
    sum stays below the largest float; they are added in order. One over the output scale is
    rounded down, so 1/255 counts as 1/254: a probability of 1 becomes code 254.
    """

    source: Format
    output: Format

    def evaluate(self, array: Array) -> Array:
        """Codes of the output, from the real numbers that codes of the source stand for."""
        levels = np.floor(np.float32(1) / self.output.scale)
        steps = np.rint((array - array.max(axis=-1, keepdims=True)) / self.source.scale)
        room = np.log(np.finfo(np.float32).max / np.float32(array.shape[-1])) - 5
        offset = max(0.0, room) / float(self.source.scale)
        powers = np.exp((steps.astype(np.float64) + offset) * float(self.source.scale))
        powers = powers.astype(np.float32)
        total = np.cumsum(powers, axis=-1, dtype=np.float32)[..., -1:]
        codes = np.rint(powers * levels / total) + self.output.zero_point
        return np.asarray(np.clip(codes, self.output.qmin, self.output.qmax), self.output.dtype)
