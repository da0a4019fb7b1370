"""Sub with a constant."""

from __future__ import annotations

import numpy as np

from .affine import constant_operand, with_constant
from .builder import Builder
from .node import Node
from .registry import onnx_op
from .values import Refusal, Value


@onnx_op("Sub")
def sub(node: Node, builder: Builder) -> Value:
    """Reads value - constant and constant - value."""
    position = constant_operand(node)
    if position is None:
        raise Refusal("a difference of two tensors; only that of a tensor and a constant is known")
    if position == 1:
        return with_constant(
            node,
            builder,
            1,
            lambda column: lambda row: row - column,
            lambda total, offset: total.shifted(-offset, builder, node.name),
        )
    minus = np.array([-1.0])
    return with_constant(
        node,
        builder,
        0,
        lambda column: lambda row: column - row,
        lambda total, offset: total.scaled(minus, node.name, builder).shifted(
            offset, builder, node.name
        ),
    )
