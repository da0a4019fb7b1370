"""BatchNormalization with fixed statistics: a factor and an offset per channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .expressions import Picked
from .node import GraphBuilder, Node
from .operands import apply
from .registry import onnx_op
from .values import Refusal, Value
from .weighted_sum import Fold, ScaledAccumulator, folded


@onnx_op("BatchNormalization")
def batch_normalization(node: Node, builder: GraphBuilder) -> Value:
    """Folds into the sum before it; after a QuantizeLinear it becomes a table per channel."""
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
    if isinstance(value, (ScaledAccumulator, Picked)):
        column = (-1, *(1 for _ in value.shape[1:]))
        absorbed = folded(value, gain.reshape(column), _scaled(node, builder))
        if absorbed is not None:
            absorbed = folded(absorbed, offset.reshape(column), _shifted(node, builder))
        if absorbed is not None:
            return absorbed

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(row * gain[:, None] + offset[:, None], np.float32)

    return apply(node, builder, 0, function)


def _scaled(node: Node, builder: GraphBuilder) -> Fold:
    return lambda total, gain: total.scaled(gain, node.name, builder)


def _shifted(node: Node, builder: GraphBuilder) -> Fold:
    return lambda total, offset: total.shifted(offset, builder, node.name)
