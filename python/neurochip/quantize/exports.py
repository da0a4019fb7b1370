"""What exporters write, as onnxruntime and its quantizer take it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto, numpy_helper

from ..errors import ModelError
from ..formats import Array
from ..graph.file import PathOrModel, read_model
from ..graph.nodes import needed
from .moves import split_sums, uses_of

WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
FIRST_IR_OF_CONSTANTS = 4
"""The first version of the format in which a constant need not be an input as well."""
LONG_NAME = "ai.onnx"
"""Of the domain that is empty otherwise."""


def data_inputs(graph: GraphProto) -> list[ValueInfoProto]:
    """The inputs that are no constants: exports of old versions list both, in any order."""
    constants = {tensor.name for tensor in graph.initializer}
    return [info for info in graph.input if info.name not in constants]


def read_own(model: PathOrModel) -> tuple[ModelProto, str]:
    """A model that may be changed, and its name: what the caller has parsed is copied."""
    proto, name = read_model(model)
    if proto is model:
        proto = ModelProto()
        proto.CopyFrom(model)
    return proto, name


def tidy(model: ModelProto, output: str | None = None) -> None:
    """Leaves what the outputs depend on, with the data as the only input and names apart.

    Args:
        model: It is changed.
        output: The output to keep, of several.

    Raises:
        ModelError: If there is no such output, or the nodes have no order.
    """
    graph = model.graph
    if output is not None:
        _keep_output(graph, output)
    _keep_data_inputs(model)
    for each in (*model.opset_import, *graph.node):
        if each.domain == LONG_NAME:
            each.domain = ""
    wanted = needed(graph, [info.name for info in graph.output])
    computed = {tensor for node in wanted for tensor in node.output if tensor}
    _set_nodes(graph, (node for node in graph.node if not computed.isdisjoint(node.output)))
    for node in graph.node:
        while node.input and not node.input[-1]:
            del node.input[-1]  # an input that is left out
    split_sums(graph)
    name_nodes(graph)


def name_nodes(graph: GraphProto) -> None:
    """Gives every node a name of its own: layers are told apart by it."""
    taken: set[str] = set()
    for node in graph.node:
        stem = node.name or next(filter(None, node.output), node.op_type)
        name, count = stem, 1
        while name in taken:
            count += 1
            name = f"{stem}_{count}"
        node.name = name
        taken.add(name)


def _keep_output(graph: GraphProto, output: str) -> None:
    kept = [info for info in graph.output if info.name == output]
    if not kept:
        names = ", ".join(repr(info.name) for info in graph.output) or "none"
        raise ModelError(f"no output is called {output!r}; the model's are: {names}")
    del graph.output[:]
    graph.output.extend(kept)


def _keep_data_inputs(model: ModelProto) -> None:
    """What is an input as well is not folded; and only newer files may leave it out of them."""
    inputs = data_inputs(model.graph)
    if len(inputs) == len(model.graph.input):
        return
    model.ir_version = max(model.ir_version, FIRST_IR_OF_CONSTANTS)
    del model.graph.input[:]
    model.graph.input.extend(inputs)


def _set_nodes(graph: GraphProto, nodes: Iterable[NodeProto]) -> None:
    kept = list(nodes)
    del graph.node[:]
    graph.node.extend(kept)


def part_shared_weights(graph: GraphProto) -> None:
    """Gives every layer weights and a bias that nothing else reads.

    A bias is quantized in units of its layer's input, and onnxruntime's optimizer takes the weights
    of one layer for those of one alone.
    """
    held = {tensor.name: tensor for tensor in graph.initializer}
    uses = uses_of(graph)
    for node in graph.node:
        if node.op_type not in WEIGHTED:
            continue
        for position, name in enumerate(node.input):
            if name in held and uses[name] > 1:
                uses[name] -= 1
                copy = add_constant(graph, name, numpy_helper.to_array(held[name]))
                node.input[position] = copy


def add_constant(graph: GraphProto, stem: str, array: Array) -> str:
    """Adds a constant under a name of its own that begins so; returns the name."""
    names = {tensor.name for tensor in graph.initializer}
    names.update(tensor for node in graph.node for tensor in (*node.input, *node.output))
    name, count = stem, 1
    while name in names:
        count += 1
        name = f"{stem}_{count}"
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    return name
