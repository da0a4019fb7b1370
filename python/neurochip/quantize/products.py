"""Matrix products with their factors and biases inside, in forms that have integer kernels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from ..formats import Array
from .constants import add_constant
from .moves import uses_of

CHANNELS_FIRST = {3: [0, 2, 1], 4: [0, 3, 1, 2]}
CHANNELS_LAST = {3: [0, 2, 1], 4: [0, 2, 3, 1]}
"""By number of axes: how the features of a map become channels, and channels features again."""


def plain_products(graph: GraphProto) -> None:
    """Puts what scales or shifts a product with constant weights into its weights and its bias.

    A Gemm keeps neither alpha nor beta, and its bias has one number an output. A MatMul takes in
    the Add behind it, which onnxruntime would compute in float: of vectors it becomes a Gemm, of
    maps whose last axis holds the features a 1 x 1 convolution.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Gemm" and all(each in constants for each in node.input[1:] if each):
            _make_plain(graph, node, constants)
    _take_in_biases(graph, constants)


def _make_plain(graph: GraphProto, node: NodeProto, constants: Mapping[str, TensorProto]) -> None:
    given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    alpha, beta = (np.float32(given.get(name, 1.0)) for name in ("alpha", "beta"))
    weights, *rest = (numpy_helper.to_array(constants[each]) for each in node.input[1:] if each)
    outputs = weights.shape[0 if given.get("transB", 0) else -1]
    bias = _one_an_output(rest[0], outputs) if rest else None
    if rest and bias is None:
        return  # its rows are samples: the import of the quantized model says so
    if alpha != 1:
        node.input[1] = add_constant(graph, f"{node.input[1]}_times_alpha", weights * alpha)
    if bias is not None and (beta != 1 or rest[0].shape != bias.shape):
        node.input[2] = add_constant(graph, f"{node.input[2]}_per_output", bias * beta)
    kept = [each for each in node.attribute if each.name not in ("alpha", "beta")]
    del node.attribute[:]
    node.attribute.extend(kept)


def _one_an_output(bias: Array, outputs: int) -> Array | None:
    """The bias as (outputs,); None if it has several rows."""
    if bias.size == 1 or bias.size == outputs == bias.shape[-1]:
        return np.array(np.broadcast_to(bias.ravel(), (outputs,)))
    return None


def _take_in_biases(graph: GraphProto, constants: Mapping[str, TensorProto]) -> None:
    values = (*graph.value_info, *graph.input)
    ranks = {each.name: len(each.type.tensor_type.shape.dim) for each in values}
    uses = uses_of(graph)
    products = {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "MatMul" and node.input[1] in constants and uses[node.output[0]] == 1
    }
    replaced: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        if node.op_type != "Add" or not any(each in constants for each in node.input):
            continue
        at = 0 if node.input[0] in products else 1
        product = products.get(node.input[at])
        if product is None:
            continue
        weights = numpy_helper.to_array(constants[product.input[1]])
        given = numpy_helper.to_array(constants[node.input[1 - at]])
        bias = _one_an_output(given, weights.shape[-1])
        rank = ranks.get(product.input[0], 0)
        if bias is None or weights.ndim != 2 or rank not in (2, 3, 4) or given.ndim > rank:
            continue
        replaced[product.output[0]] = []
        replaced[node.output[0]] = _with_bias(graph, product, node.output[0], weights, bias, rank)
    nodes = [each for node in graph.node for each in replaced.get(node.output[0], [node])]
    del graph.node[:]
    graph.node.extend(nodes)


def _with_bias(
    graph: GraphProto, product: NodeProto, result: str, weights: Array, bias: Array, rank: int
) -> list[NodeProto]:
    """The nodes that compute `result`, the product and its bias."""
    source, name = product.input[0], product.name
    offsets = add_constant(graph, f"{result}_bias", bias)
    if rank == 2:
        return [helper.make_node("Gemm", [source, product.input[1], offsets], [result], name)]
    window = [1] * (rank - 2)
    kernel = add_constant(
        graph, f"{result}_weights", weights.T.reshape(*weights.shape[::-1], *window)
    )
    turned, total = f"{result}_channels_first", f"{result}_sum"
    return [
        helper.make_node(
            "Transpose", [source], [turned], f"{name}_channels_first", perm=CHANNELS_FIRST[rank]
        ),
        helper.make_node("Conv", [turned, kernel, offsets], [total], name, kernel_shape=window),
        helper.make_node(
            "Transpose", [total], [result], f"{name}_channels_last", perm=CHANNELS_LAST[rank]
        ),
    ]
