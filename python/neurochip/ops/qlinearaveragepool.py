"""QLinearAveragePool."""

from __future__ import annotations

from .averaging import average, counted_pads
from .builder import GraphBuilder
from .node import Node
from .quantization import activation_format
from .registry import onnx_op
from .sliding import lift, lower, slide
from .values import Dequantized, Refusal, Value


@onnx_op("com.microsoft.QLinearAveragePool")
def qlinear_average_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean over windows, from codes to codes."""
    refuse_channels_last(node)
    given = Dequantized(builder.codes_as(node, 0, 1, 2))
    view = lift(node, builder, given)
    windows = slide(node, (view.shape[1], view.shape[2]), node.attributes["kernel_shape"])
    mean = average(node, view, windows, counted_pads(node, windows))
    result = lower(node, builder, mean, mean.shape, len(given.shape))
    return builder.quantized(result, node, activation_format(node, 3, 4))


def refuse_channels_last(node: Node) -> None:
    """Refuses nodes that onnxruntime has rewritten for one machine."""
    if node.attributes.get("channels_last", 0):
        raise Refusal("it is channels_last; save the model before onnxruntime optimizes it")
