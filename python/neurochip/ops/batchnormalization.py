"""BatchNormalization with fixed statistics: a factor and an offset a channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .builder import Builder
from .node import Node
from .pointwise import apply
from .registry import onnx_op
from .values import Refusal, Value
from .weighted_sum import WeightedSum


@onnx_op("BatchNormalization")
def batch_normalization(node: Node, builder: Builder) -> Value:
    """Folds into the sum before it; after a QuantizeLinear it becomes a table a channel."""
    if node.attributes.get("training_mode", 0):
        raise Refusal("it is in training mode; export the model for inference")
    value = node.input(0)
    scale, bias, mean, variance = (
        node.required(n, what).astype(np.float32)
        for n, what in enumerate(("scale", "bias", "mean", "variance"), start=1)
    )
    epsilon = np.float32(node.attributes.get("epsilon", 1e-5))
    # onnxruntime's order, all in float32.
    gain = (np.float32(1) / np.sqrt(variance + epsilon)) * scale
    offset = bias - mean * gain
    if isinstance(value, WeightedSum):
        scaled = value.scaled(gain.astype(np.float64), node.name, builder)
        return scaled.shifted(offset.astype(np.float64), builder, node.name)

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(row * gain[:, None] + offset[:, None], np.float32)

    return apply(node, builder, 0, function)
