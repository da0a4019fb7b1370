"""QLinearReduceMean over the map."""

from __future__ import annotations

from .builder import GraphBuilder
from .node import Node
from .quantization import activation_format
from .reducemean import channel_means
from .registry import onnx_op
from .values import Dequantized, Value


@onnx_op("com.microsoft.QLinearReduceMean")
def qlinear_reduce_mean(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean of each channel, from codes to codes."""
    view = Dequantized(builder.codes_as(node, 0, 1, 2))
    mean = channel_means(node, builder, view, None)
    return builder.quantized(mean, node, activation_format(node, 3, 4))
