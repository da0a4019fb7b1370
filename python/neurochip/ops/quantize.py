"""QuantizeLinear and DequantizeLinear: where real numbers become codes, and back."""

from __future__ import annotations

from .host import TableSoftmax
from .node import GraphBuilder, Node, activation_format, quantized_constant
from .registry import onnx_op
from .values import Constant, Dequantized, Hosted, QuantizedConstant, Refusal, Value


@onnx_op("QuantizeLinear", "com.microsoft.QuantizeLinear")
def quantize_linear(node: Node, builder: GraphBuilder) -> Value:
    """Asks the input for codes; constants are rounded on the spot."""
    value = node.input(0)
    if value is None:
        raise Refusal("an input is missing")
    if isinstance(value, (Constant, QuantizedConstant)):
        return Constant(
            node.evaluate([node.constant(n, "input") for n in range(len(node.inputs))])[0]
        )
    if isinstance(value, Hosted):
        return _quantized_softmax(node, value) or builder.host(node, 0)
    return builder.quantized(value, node, activation_format(node, 1, 2))


def _quantized_softmax(node: Node, value: Hosted) -> Hosted | None:
    """The Softmax before a QuantizeLinear, as onnxruntime fuses the two."""
    if [op.op_type for op in value.ops] != ["Softmax"] or node.opset < 13:
        return None
    source, output = value.tensor.format, activation_format(node, 1, 2)
    if (source.bits, source.signed) != (8, output.signed) or output.bits != 8:
        return None
    (softmax,) = value.ops
    op = TableSoftmax(softmax.name, softmax.op_type, source, output)
    return Hosted(value.shape, output.dtype, value.tensor, (op,))


@onnx_op("DequantizeLinear", "com.microsoft.DequantizeLinear")
def dequantize_linear(node: Node, builder: GraphBuilder) -> Value:
    """Reads weights, biases and activations."""
    value = node.input(0)
    if isinstance(value, Constant):
        return quantized_constant(node, value.array, 1, 2, node.attributes.get("axis", 1))
    if isinstance(value, Hosted):
        return builder.host(node, 0)
    return Dequantized(builder.codes_as(node, 0, 1, 2))
