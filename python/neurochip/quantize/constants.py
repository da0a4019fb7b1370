"""Constants as onnxruntime's quantizer takes them: no inputs, read once, one bias a channel."""

from __future__ import annotations

import numpy as np
from onnx import GraphProto, ModelProto, ValueInfoProto, numpy_helper

from ..formats import Array
from .moves import uses_of

WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
FIRST_IR_OF_CONSTANTS = 4
"""The first version of the format in which a constant need not be an input as well."""


def data_inputs(graph: GraphProto) -> list[ValueInfoProto]:
    """The inputs that are no constants: exports of old versions list both, in any order."""
    constants = {tensor.name for tensor in graph.initializer}
    return [info for info in graph.input if info.name not in constants]


def without_constant_inputs(model: ModelProto) -> ModelProto:
    """The model with its data as the only input: what is an input is not folded.

    The model given stays as it is.
    """
    inputs = data_inputs(model.graph)
    if len(inputs) == len(model.graph.input):
        return model
    changed = ModelProto()
    changed.CopyFrom(model)
    changed.ir_version = max(changed.ir_version, FIRST_IR_OF_CONSTANTS)
    del changed.graph.input[:]
    changed.graph.input.extend(inputs)
    return changed


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
