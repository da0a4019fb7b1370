"""Sub: of two tensors, or with a constant."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..layers import Add
from .affine import constant_operand, with_constant
from .builder import GraphBuilder
from .node import Node
from .pairing import pair
from .registry import onnx_op
from .values import Value


@onnx_op("Sub")
def sub(node: Node, builder: GraphBuilder) -> Value:
    """Reads the difference of two quantized tensors, value - constant and constant - value."""
    position = constant_operand(node)
    if position is None:
        first, second = builder.view(node, 0), builder.view(node, 1)
        builder.note(
            f"{node.name!r}: the difference of two tensors is rounded once, as QLinearAdd rounds a "
            "sum; onnxruntime computes it in float32, which differs by one level in ties"
        )
        return pair(node, builder, partial(Add, sign=-1), first, second)
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
