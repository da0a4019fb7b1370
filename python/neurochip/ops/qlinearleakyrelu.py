"""QLinearLeakyRelu and QLinearSigmoid: tables from codes to codes."""

from __future__ import annotations

from .builder import GraphBuilder
from .expressions import Pointwise
from .leakyrelu import leaky
from .node import Node
from .pointwise import Function
from .quantization import activation_format
from .registry import onnx_op
from .sigmoid import logistic
from .values import Dequantized, Value


@onnx_op("com.microsoft.QLinearLeakyRelu")
def qlinear_leaky_relu(node: Node, builder: GraphBuilder) -> Value:
    """Reads x, or alpha * x below zero."""
    return _table(node, builder, leaky(node.attributes.get("alpha", 0.01)))


@onnx_op("com.microsoft.QLinearSigmoid")
def qlinear_sigmoid(node: Node, builder: GraphBuilder) -> Value:
    """Reads 1 / (1 + exp(-x))."""
    return _table(node, builder, logistic)


def _table(node: Node, builder: GraphBuilder, function: Function) -> Value:
    view = Dequantized(builder.codes_as(node, 0, 1, 2))
    table = Pointwise(view, function, (), node.name)
    return builder.quantized(table, node, activation_format(node, 3, 4))
