"""Models of one sample, whose first node adds the axis of the samples and whose last removes it.

An exporter of speech networks writes such models: the input is (time, features), and nothing counts
samples. They are read as if the axis were there from the input to the output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, helper, numpy_helper

from .file import tensor_array

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
