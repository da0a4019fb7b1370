"""The nodes of a model before they are walked: which are needed, in which order, and their samples.

An exporter of speech networks writes models of one sample, whose first node adds the axis of the
samples and whose last removes it: the input is (time, features), and nothing counts samples. They
are read as if the axis were there from the input to the output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, helper, numpy_helper

from ..errors import ModelError
from .file import tensor_array


def needed(graph: GraphProto, outputs: Sequence[str]) -> list[NodeProto]:
    """The nodes that outputs depend on, each after those it reads from.

    A file may list its nodes in any order; where several can be next, the first of the file is.

    Raises:
        ModelError: If two nodes compute one tensor, nodes depend on their own results, or an output
            is computed by no node.
    """
    producers = _producers(graph)
    for output in outputs:
        if output not in producers:
            raise ModelError(
                f"the model's output '{output}' is computed by no node",
                hint="name another with `--output-tensor NAME`, or `output_tensor=` in Python",
            )
    wanted = [producers[output] for output in outputs]
    waits_for: dict[int, set[int]] = {}
    while wanted:
        node = wanted.pop()
        if node not in waits_for:
            waits_for[node] = {producers[t] for t in graph.node[node].input if t in producers}
            wanted += waits_for[node]
    return [graph.node[node] for node in _sorted(graph, waits_for)]


def _producers(graph: GraphProto) -> dict[str, int]:
    """By tensor: the position of the node that computes it."""
    producers: dict[str, int] = {}
    for position, node in enumerate(graph.node):
        for tensor in filter(None, node.output):
            first = producers.setdefault(tensor, position)
            if first != position:
                names = f"{_name(graph.node[first])} and {_name(node)}"
                raise ModelError(
                    f"tensor '{tensor}' is computed by two nodes, {names}",
                    hint="export the model again: every tensor has one node that computes it",
                )
    return producers


def _sorted(graph: GraphProto, waits_for: dict[int, set[int]]) -> list[int]:
    """Kahn's algorithm; of the nodes that could be next, it takes the first of the file."""
    readers: dict[int, list[int]] = {node: [] for node in waits_for}
    for node, sources in waits_for.items():
        for source in sources:
            readers[source].append(node)
    missing = {node: len(sources) for node, sources in waits_for.items()}
    ready = [node for node, count in missing.items() if count == 0]
    heapify(ready)
    order = []
    while ready:
        node = heappop(ready)
        order.append(node)
        for reader in readers[node]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heappush(ready, reader)
    if len(order) < len(waits_for):
        stuck = min(node for node, count in missing.items() if count)
        raise ModelError(
            f"node {_name(graph.node[stuck])} waits for a result that depends on its own",
            hint="export the model again: its graph has a cycle",
        )
    return order


def _name(node: NodeProto) -> str:
    return f"'{node.name or next(iter(node.output), '')}' ({node.op_type})"


BATCH = 1


def with_sample_axis(
    proto: ModelProto, shapes: Mapping[str, Sequence[int]]
) -> tuple[ModelProto, Mapping[str, Sequence[int]]]:
    """The model with an axis for samples, and the shapes given for its input with that axis.

    Both as they are, if the input's only reader is not an Unsqueeze of the first axis.
    """
    graph = proto.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [info for info in graph.input if info.name not in constants]
    readers = [node for node in graph.node if inputs and inputs[0].name in node.input]
    if len(inputs) != 1 or len(readers) != 1 or 0 not in _axes(graph, readers[0], "Unsqueeze"):
        return proto, shapes
    made = ModelProto()
    made.CopyFrom(proto)
    _add_axis(made.graph, inputs[0].name)
    ends = {info.name for info in made.graph.output}
    for node in made.graph.node:
        adds = inputs[0].name in node.input
        removes = any(name in ends for name in node.output) and 0 in _axes(
            made.graph, node, "Squeeze"
        )
        if adds or removes:
            _without_first_axis(made.graph, node)
    rank = len(inputs[0].type.tensor_type.shape.dim)
    return made, {
        name: (BATCH, *shape) if len(shape) == rank else shape for name, shape in shapes.items()
    }


def _axes(graph: GraphProto, node: NodeProto, op_type: str) -> list[int]:
    """The axes that a node of an operator names; none if it is of another one."""
    if node.op_type != op_type or node.domain not in ("", "ai.onnx"):
        return []
    named = (a for a in node.attribute if a.name == "axes" and a.type == AttributeProto.INTS)
    attribute = next(named, None)
    if attribute is not None:
        return list(attribute.ints)
    if len(node.input) < 2:
        return []
    for tensor in graph.initializer:
        if tensor.name == node.input[1]:
            return [int(axis) for axis in tensor_array(tensor).ravel()]
    for source in graph.node:
        if node.input[1] in source.output and source.op_type == "Constant":
            return _integers(source)
    return []


def _integers(constant: NodeProto) -> list[int]:
    """What a Constant holds, whichever attribute it is in; none if it is damaged."""
    for attribute in constant.attribute:
        if attribute.name == "value_ints":
            return list(attribute.ints)
        if attribute.name == "value_int":
            return [attribute.i]
        if attribute.name == "value" and attribute.HasField("t"):
            return [int(number) for number in tensor_array(attribute.t).ravel()]
    return []


def _add_axis(graph: GraphProto, name: str) -> None:
    """Puts an axis of one sample before those of an input."""
    (info,) = (each for each in graph.input if each.name == name)
    shape = info.type.tensor_type.shape
    lengths = list(shape.dim)
    del shape.dim[:]
    shape.dim.add().dim_value = BATCH
    for length in lengths:
        shape.dim.add().CopyFrom(length)


def _without_first_axis(graph: GraphProto, node: NodeProto) -> None:
    """Lets a node add or remove only its other axes; without any it does nothing."""
    others = [axis for axis in _axes(graph, node, node.op_type) if axis != 0]
    is_input = len(node.input) > 1
    del node.input[1:]
    del node.attribute[:]  # the axes; neither operator has another one
    if not others:
        node.op_type = "Identity"
    elif is_input:
        name = f"{node.output[0]}/other_axes"
        graph.initializer.append(numpy_helper.from_array(np.array(others, np.int64), name))
        node.input.append(name)
    else:
        node.attribute.append(helper.make_attribute("axes", others))
