"""Matrix products with their factors and biases inside, in forms that have integer kernels."""

from __future__ import annotations

import numpy as np
from onnx import GraphProto, NodeProto, helper, numpy_helper

from ..formats import Array
from .exports import add_constant
from .moves import uses_of

CHANNELS_FIRST = {3: [0, 2, 1], 4: [0, 3, 1, 2]}
CHANNELS_LAST = {3: [0, 2, 1], 4: [0, 2, 3, 1]}
"""By number of axes: how the features of a map become channels, and channels features again."""


def plain_products(graph: GraphProto) -> None:
    """Puts what scales or shifts a product with constant weights into its weights and its bias.

    A Gemm keeps neither alpha nor beta, and its bias has one number per output. A MatMul takes in
    the Add after it, which onnxruntime would compute in float: of vectors it becomes a Gemm, of
    maps whose last axis holds the features a 1 x 1 convolution. So does a product of constant
    weights with a map, whose rows are its channels.
    """
    products = _Products(graph)
    for node in graph.node:
        if node.op_type == "Gemm":
            products.make_plain(node)
        elif node.op_type == "MatMul":
            products.make_matrix(node)
    nodes = list(graph.node)
    for node in graph.node:
        if node.op_type == "Add":
            nodes = products.take_in(node, nodes)
    del graph.node[:]
    graph.node.extend(nodes)


class _Products:
    """The products of a graph, with its constants and the number of axes of its tensors."""

    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._constants = {each.name: each for each in graph.initializer}
        values = (*graph.value_info, *graph.input)
        self._ranks = {each.name: len(each.type.tensor_type.shape.dim) for each in values}
        self._uses = uses_of(graph)
        self._producers = {tensor: node for node in graph.node for tensor in node.output}

    def make_plain(self, node: NodeProto) -> None:
        """Puts alpha and beta into weights and bias, and gives each output its own bias."""
        arrays = [self._constant(each) for each in node.input[1:]]
        weights, bias = arrays[0], arrays[1] if arrays[1:] else None
        if weights is None or (bias is None and arrays[1:]):
            return
        given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        alpha, beta = (np.float32(given.get(name, 1.0)) for name in ("alpha", "beta"))
        outputs = weights.shape[0 if given.get("transB", 0) else -1]
        spread = None if bias is None else _one_an_output(bias, outputs)
        if bias is not None and spread is None:
            return  # its rows are samples: the import of the quantized model says so
        if alpha != 1:
            node.input[1] = self._add(f"{node.input[1]}_times_alpha", weights * alpha)
        if bias is not None and spread is not None and (beta != 1 or bias.shape != spread.shape):
            node.input[2] = self._add(f"{node.input[2]}_per_output", spread * beta)
        kept = [each for each in node.attribute if each.name not in ("alpha", "beta")]
        del node.attribute[:]
        node.attribute.extend(kept)

    def make_matrix(self, node: NodeProto) -> None:
        """Drops axes of length 1 before the weights; weights on the left become a convolution."""
        left, right = (self._constant(each) for each in node.input)
        if right is not None and 2 < right.ndim <= self._rank(node.input[0]):
            if right.size == np.prod(right.shape[-2:]):
                matrix = right.reshape(right.shape[-2:])
                node.input[1] = self._add(f"{node.input[1]}_matrix", matrix)
        elif left is not None and left.ndim == 2 and self._rank(node.input[1]) == 3:
            kernel = self._add(f"{node.input[0]}_kernel", left[:, :, None])
            source, result = node.input[1], list(node.output)
            node.CopyFrom(
                helper.make_node("Conv", [source, kernel], result, node.name, kernel_shape=[1])
            )

    def take_in(self, node: NodeProto, nodes: list[NodeProto]) -> list[NodeProto]:
        """The nodes, with an Add of a bias inside the product before it, if there is one."""
        for source, other in (tuple(node.input), tuple(reversed(node.input))):
            product, given = self._producers.get(source), self._constant(other)
            if product is None or given is None or self._uses[source] != 1:
                continue
            if product.op_type not in ("Conv", "MatMul") or len(product.input) != 2:
                continue
            if given.ndim > self._rank(source):
                continue  # it adds an axis
            weights = self._constant(product.input[1])
            if weights is None:
                continue
            made = self._with_bias(product, node.output[0], weights, given)
            if made:
                return [
                    new
                    for old in nodes
                    if old is not product
                    for new in (made if old is node else [old])
                ]
        return nodes

    def _with_bias(
        self, product: NodeProto, result: str, weights: Array, given: Array
    ) -> list[NodeProto]:
        """The nodes that compute `result`, the product and its bias; none if it is no bias."""
        rank, (source, kernel), name = self._rank(product.input[0]), product.input, product.name
        if product.op_type == "Conv":
            aligned = given.reshape((1,) * (rank - given.ndim) + given.shape)
            bias = _one_an_output(np.moveaxis(aligned, 1, -1), len(weights))
            if bias is None:
                return []
            convolution = NodeProto()
            convolution.CopyFrom(product)
            convolution.input.append(self._add(f"{result}_bias", bias))
            convolution.output[0] = result
            return [convolution]
        bias = _one_an_output(given, weights.shape[-1])
        if bias is None or weights.ndim != 2:
            return []
        offsets = self._add(f"{result}_bias", bias)
        if rank == 2:
            return [helper.make_node("Gemm", [source, kernel, offsets], [result], name)]
        return self._convolution(product, result, weights, offsets)

    def _convolution(
        self, product: NodeProto, result: str, weights: Array, bias: str
    ) -> list[NodeProto]:
        """A product of maps with a bias, between the moves of its features and back."""
        name, rank = product.name, self._rank(product.input[0])
        if rank not in CHANNELS_FIRST:
            return []
        window = [1] * (rank - 2)
        kernel = self._add(f"{result}_kernel", weights.T.reshape(*weights.shape[::-1], *window))
        turned, total = f"{result}_channels_first", f"{result}_sum"
        first, last = CHANNELS_FIRST[rank], CHANNELS_LAST[rank]
        make = helper.make_node
        return [
            make("Transpose", product.input[:1], [turned], f"{name}_channels_first", perm=first),
            make("Conv", [turned, kernel, bias], [total], name, kernel_shape=window),
            make("Transpose", [total], [result], f"{name}_channels_last", perm=last),
        ]

    def _constant(self, name: str) -> Array | None:
        held = self._constants.get(name)
        return None if held is None else numpy_helper.to_array(held)

    def _add(self, stem: str, array: Array) -> str:
        name = add_constant(self._graph, stem, array)
        self._constants[name] = self._graph.initializer[-1]
        return name

    def _rank(self, tensor: str) -> int:
        """The number of axes; 0 where it is unknown."""
        return self._ranks.get(tensor, 0)


def _one_an_output(bias: Array, outputs: int) -> Array | None:
    """The bias as (outputs,); None if it has several rows."""
    if bias.size == 1 or bias.size == outputs == bias.shape[-1]:
        return np.array(np.broadcast_to(bias.ravel(), (outputs,)))
    return None
