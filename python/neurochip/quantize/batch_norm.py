"""Batch norms into the weights before them; what has none before it becomes a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from ..errors import ModelError, UnsupportedOpError
from ..formats import Array
from .moves import uses_of

Vector: TypeAlias = "NDArray[np.float64]"
"""One number a channel."""


def fold_batch_norms(graph: GraphProto) -> None:
    """Puts every batch norm into the layer before it, or makes it a depthwise 1x1 convolution.

    Raises:
        UnsupportedOpError: If a batch norm of vectors follows no weighted layer.
    """
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    uses = uses_of(graph)
    folded = []
    for node in (node for node in graph.node if node.op_type == "BatchNormalization"):
        gain, offset = _affine(node, weights)
        before = producers.get(node.input[0])
        if before is not None and uses[node.input[0]] == 1 and _absorbs(before, weights):
            _absorb(graph, before, weights, gain, offset)
            before.output[0] = node.output[0]
            producers[node.output[0]] = before
            folded.append(node)
        else:
            _make_depthwise(graph, node, gain, offset)
    for node in folded:
        graph.node.remove(node)


def _affine(node: NodeProto, weights: Mapping[str, Array]) -> tuple[Vector, Vector]:
    """The factor and the offset that a batch norm has for each channel."""
    missing = [name for name in node.input[1:] if name not in weights]
    if missing:
        raise ModelError(f"batch norm {node.name!r} reads {missing[0]!r}, which is not constant")
    scale, bias, mean, variance = (weights[name].astype(np.float64) for name in node.input[1:5])
    epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
    gain = scale / np.sqrt(variance + epsilon)
    return gain, bias - mean * gain


def _absorbs(node: NodeProto, weights: Mapping[str, Array]) -> bool:
    """Whether this is a weighted layer whose weights and bias are constant."""
    if node.op_type not in ("Conv", "Gemm") or not all(n in weights for n in node.input[1:]):
        return False
    return all(each.f == 1.0 for each in node.attribute if each.name in ("alpha", "beta"))


def _absorb(
    graph: GraphProto, node: NodeProto, weights: dict[str, Array], gain: Vector, offset: Vector
) -> None:
    """Multiplies a layer's weights and bias by the gain of their channel."""
    array = weights[node.input[1]].astype(np.float64)
    transposed = any(each.name == "transB" and each.i for each in node.attribute)
    channels_last = node.op_type == "Gemm" and not transposed
    rows = gain if channels_last else gain.reshape((-1,) + (1,) * (array.ndim - 1))
    bias = weights[node.input[2]].astype(np.float64) if len(node.input) > 2 else 0.0
    constants = _constants(node.output[0], array * rows, bias * gain + offset)
    graph.initializer.extend(constants)
    weights.update((each.name, numpy_helper.to_array(each)) for each in constants)
    del node.input[1:]
    node.input.extend(each.name for each in constants)


def _make_depthwise(graph: GraphProto, node: NodeProto, gain: Vector, offset: Vector) -> None:
    """One weight and one bias a channel, as the convolution they are."""
    shapes = {value.name: value.type.tensor_type.shape.dim for value in graph.value_info}
    if len(shapes.get(node.input[0], ())) == 2:
        why = "it follows no convolution or matrix product whose weights could take it in"
        cannot = "that cannot be quantized"
        raise UnsupportedOpError("the model", {node.op_type: [(node.name, why)]}, cannot, "")
    constants = _constants(node.output[0], gain.reshape(-1, 1, 1, 1), offset)
    graph.initializer.extend(constants)
    inputs = [node.input[0], *(each.name for each in constants)]
    output, name, window = [node.output[0]], node.name, [1, 1]
    node.CopyFrom(
        helper.make_node("Conv", inputs, output, name, group=len(gain), kernel_shape=window)
    )


def _constants(stem: str, weights: Array, bias: Array) -> list[TensorProto]:
    """Folded weights and bias, named after the tensor they compute."""
    return [
        numpy_helper.from_array(array.astype(np.float32), f"{stem}_folded_{what}")
        for what, array in (("weights", weights), ("bias", bias))
    ]


def drop_unused(graph: GraphProto) -> None:
    """Removes the constants that nothing reads any more."""
    uses = uses_of(graph)
    kept = [tensor for tensor in graph.initializer if uses[tensor.name]]
    del graph.initializer[:]
    graph.initializer.extend(kept)
