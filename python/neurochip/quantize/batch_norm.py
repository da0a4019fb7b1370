"""Batch norms into the weights before them; what has none before it becomes a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from ..errors import ModelError
from ..formats import Array
from .moves import uses_of

Vector: TypeAlias = "NDArray[np.float64]"
"""One number per channel."""


def fold_batch_norms(graph: GraphProto) -> None:
    """Puts every batch norm into the layer before it, or makes it a depthwise convolution."""
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    known = (*graph.value_info, *graph.input)
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in known}
    producers = {output: node for node in graph.node for output in node.output}
    uses = uses_of(graph)
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type != "BatchNormalization":
            nodes.append(node)
            continue
        gain, offset = _affine(node, weights)
        before = producers.get(node.input[0])
        if before is not None and uses[node.input[0]] == 1 and _absorbs(before, weights):
            _absorb(graph, before, weights, gain, offset)
            before.output[0] = node.output[0]
            producers[node.output[0]] = before
        else:
            nodes += _depthwise(graph, node, ranks.get(node.input[0], 4), gain, offset)
    del graph.node[:]
    graph.node.extend(nodes)


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


def _depthwise(
    graph: GraphProto, node: NodeProto, rank: int, gain: Vector, offset: Vector
) -> list[NodeProto]:
    """One weight and one bias a channel, as the convolution they are; vectors are maps of 1 x 1."""
    source, result, name = node.input[0], node.output[0], node.name
    window = [1] * max(rank - 2, 2 if rank == 2 else 1)
    constants = _constants(result, gain.reshape(-1, 1, *window), offset)
    graph.initializer.extend(constants)
    parameters = [each.name for each in constants]
    ends = (f"{result}_map", f"{result}_normalized") if rank == 2 else (source, result)
    convolution = helper.make_node(
        "Conv", [ends[0], *parameters], [ends[1]], name, group=len(gain), kernel_shape=window
    )
    if rank > 2:
        return [convolution]
    shape = numpy_helper.from_array(np.array([0, -1, 1, 1], np.int64), f"{result}_map_shape")
    graph.initializer.append(shape)
    return [
        helper.make_node("Reshape", [source, shape.name], [ends[0]], f"{name}_map"),
        convolution,
        helper.make_node("Flatten", [ends[1]], [result], f"{name}_flatten"),
    ]


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
