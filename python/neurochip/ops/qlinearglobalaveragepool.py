"""QLinearGlobalAveragePool."""

from __future__ import annotations

from .averaging import average, whole_map
from .builder import GraphBuilder
from .node import Node
from .qlinearaveragepool import refuse_channels_last
from .quantization import activation_format
from .registry import onnx_op
from .sliding import NO_PADS, lift, lower
from .values import Dequantized, Value


@onnx_op("com.microsoft.QLinearGlobalAveragePool")
def qlinear_global_average_pool(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean of each channel, from codes to codes."""
    refuse_channels_last(node)
    given = Dequantized(builder.codes_as(node, 0, 1, 2))
    view = lift(node, builder, given)
    mean = average(node, view, whole_map(view), NO_PADS)
    result = lower(node, builder, mean, mean.shape, len(given.shape))
    return builder.quantized(result, node, activation_format(node, 3, 4))
