"""A Graph written back as ONNX in QOperator form, so that onnxruntime computes it in integers.

Whatever dialect a model came in, onnxruntime's integer kernels then judge it layer by layer: every
tensor is an output. Multipliers pass unchanged, as weight scales between input and output scales
of 1. Every tensor travels as uint8, because QLinearConv wants one type on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from neurochip.formats import Array, Tensor
from neurochip.graph import Graph
from neurochip.layers import (
    Add,
    AveragePool,
    Concat,
    Convolution,
    Dense,
    Layer,
    Lookup,
    MaxPool,
    Multiply,
    Rearrange,
)


class Writer:
    """Collects the nodes and constants of the model."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, array: Array) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def scale(self, value: Any) -> str:
        return self.constant(np.asarray(value, np.float32))

    def zero_point(self, tensor: Tensor) -> str:
        return self.constant(np.uint8(tensor.format.zero_point + offset(tensor)))

    def node(self, op_type: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        domain = "com.microsoft" if op_type in MICROSOFT else ""
        made = helper.make_node(op_type, inputs, [output], domain=domain, **attributes)
        self.nodes.append(made)
        return output


MICROSOFT = ("QGemm", "QLinearAdd", "QLinearMul", "QLinearGlobalAveragePool")


def offset(tensor: Tensor) -> int:
    """What is added to a code so that it fits uint8."""
    if tensor.format.bits == 32:
        return 0
    return -tensor.format.qmin


def qoperator_model(graph: Graph) -> ModelProto:
    """A model from the codes of the graph's input to the codes of every tensor."""
    writer = Writer()
    for layer in graph.layers:
        WRITERS[type(layer)](writer, layer)
    outputs = [
        helper.make_tensor_value_info(layer.output.name, element_type(layer.output), None)
        for layer in graph.layers
    ]
    shape = ["n", *graph.input.shape]
    source = helper.make_tensor_value_info(graph.input.name, TensorProto.UINT8, shape)
    body = helper.make_graph(writer.nodes, "qoperator", [source], outputs, writer.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=8)


def element_type(tensor: Tensor) -> int:
    return int(TensorProto.INT32 if tensor.format.bits == 32 else TensorProto.UINT8)


def clipped(writer: Writer, tensor: Tensor, write: Callable[[str], str]) -> None:
    """Writes a node whose codes are clamped where a Relu, a Clip or few bits do so."""
    low, high = tensor.low + offset(tensor), tensor.high + offset(tensor)
    if (low, high) == (0, 255):
        write(tensor.name)
        return
    bounds = [writer.constant(np.uint8(low)), writer.constant(np.uint8(high))]
    writer.node("Clip", [write(f"{tensor.name}/full"), *bounds], tensor.name)


def write_convolution(writer: Writer, layer: Convolution) -> None:
    (source,) = layer.inputs
    attributes = {
        "strides": layer.strides,
        "pads": layer.pads,
        "dilations": layer.dilations,
        "group": layer.groups,
    }
    if layer.multiplier is None:
        write_accumulator(writer, layer, "ConvInteger", layer.weights, attributes)
        return
    inputs = [source.name, writer.scale(1), writer.zero_point(source)]
    weights, bias = eight_bits(layer.weights), layer.bias.astype(np.int32)
    inputs += [writer.constant(weights), writer.scale(layer.multiplier)]
    inputs += [writer.constant(np.zeros(len(bias), weights.dtype)), writer.scale(1)]
    inputs += [writer.zero_point(layer.output), writer.constant(bias)]
    clipped(
        writer, layer.output, lambda name: writer.node("QLinearConv", inputs, name, **attributes)
    )


def write_dense(writer: Writer, layer: Dense) -> None:
    (source,) = layer.inputs
    if layer.multiplier is None:
        write_accumulator(writer, layer, "MatMulInteger", layer.weights.T, {})
        return
    weights, bias = eight_bits(layer.weights), layer.bias.astype(np.int32)
    inputs = [source.name, writer.scale(1), writer.zero_point(source)]
    inputs += [writer.constant(weights), writer.scale(layer.multiplier)]
    inputs += [writer.constant(np.zeros(len(bias), weights.dtype)), writer.constant(bias)]
    inputs += [writer.scale(1), writer.zero_point(layer.output)]
    clipped(writer, layer.output, lambda name: writer.node("QGemm", inputs, name, transB=1))


def write_accumulator(
    writer: Writer,
    layer: Convolution | Dense,
    op_type: str,
    weights: Array,
    attributes: dict[str, Any],
) -> None:
    (source,) = layer.inputs
    inputs = [source.name, writer.constant(eight_bits(weights)), writer.zero_point(source)]
    name = layer.output.name
    sums = writer.node(op_type, inputs, f"{name}/sums", **attributes)
    column = layer.bias.astype(np.int32).reshape((-1,) + (1,) * (len(layer.output.shape) - 1))
    writer.node("Add", [sums, writer.constant(column)], name)


def eight_bits(weights: Array) -> Array:
    """Weights as onnxruntime takes them."""
    assert weights.min() >= -128
    assert weights.max() <= 127
    return weights.astype(np.int8)


def write_average(writer: Writer, layer: AveragePool) -> None:
    (source,) = layer.inputs
    inputs = [source.name, writer.scale(source.format.scale), writer.zero_point(source)]
    inputs += [writer.scale(layer.output.format.scale), writer.zero_point(layer.output)]
    if layer.global_:
        clipped(
            writer,
            layer.output,
            lambda name: writer.node("QLinearGlobalAveragePool", inputs, name),
        )
        return
    # The integer form of a partial average is a depthwise convolution with weights 1.
    assert len(np.unique(layer.multiplier)) == 1
    channels = source.shape[0]
    ones = Convolution(
        name=layer.name,
        inputs=layer.inputs,
        output=layer.output,
        weights=np.ones((channels, 1, *layer.kernel), np.int32),
        bias=np.zeros(channels, np.int64),
        strides=layer.strides,
        pads=layer.pads,
        dilations=layer.dilations,
        groups=channels,
        multiplier=np.full(channels, layer.multiplier.flat[0]),
    )
    write_convolution(writer, ones)


def write_max_pool(writer: Writer, layer: MaxPool) -> None:
    writer.node(
        "MaxPool",
        [layer.inputs[0].name],
        layer.output.name,
        kernel_shape=layer.kernel,
        strides=layer.strides,
        pads=layer.pads,
        dilations=layer.dilations,
    )


def write_pair(writer: Writer, layer: Add | Multiply) -> None:
    """Writes the sum in the tensors' own type: float32 rounds int8 and uint8 codes differently."""
    signed = {tensor.format.signed for tensor in (*layer.inputs, layer.output)}
    assert len(signed) == 1
    own = np.int8 if signed.pop() else np.uint8
    name, inputs = layer.output.name, []
    for position, tensor in enumerate(layer.inputs):
        codes = shifted(writer, tensor.name, -offset(tensor), f"{name}/operand{position}", own)
        zero_point = writer.constant(own(tensor.format.zero_point))
        # What is subtracted has a negative scale.
        subtracted = position == 1 and isinstance(layer, Add) and layer.sign < 0
        scale = -tensor.format.scale if subtracted else tensor.format.scale
        inputs += [codes, writer.scale(scale), zero_point]
    inputs.append(writer.scale(layer.output.format.scale))
    inputs.append(writer.constant(own(layer.output.format.zero_point)))
    op_type = "QLinearAdd" if isinstance(layer, Add) else "QLinearMul"

    def write(result: str) -> str:
        codes = writer.node(op_type, inputs, f"{name}/own")
        return shifted(writer, codes, offset(layer.output), result, np.uint8)

    clipped(writer, layer.output, write)


def shifted(writer: Writer, codes: str, by: int, name: str, dtype: type[np.generic]) -> str:
    """Codes of another type, moved by a constant."""
    wide = writer.node("Cast", [codes], f"{name}/wide", to=TensorProto.INT32)
    moved = writer.node("Add", [wide, writer.constant(np.int32(by))], f"{name}/moved")
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return writer.node("Cast", [moved], name, to=element)


def write_lookup(writer: Writer, layer: Lookup) -> None:
    name = layer.output.name
    table = (layer.table + offset(layer.output)).astype(np.uint8)
    index = writer.node("Cast", [layer.inputs[0].name], f"{name}/index", to=TensorProto.INT32)
    if len(table) > 1:
        rank = len(layer.output.shape)
        rows = np.arange(len(table), dtype=np.int32).reshape((-1,) + (1,) * (rank - 1))
        start = writer.constant(rows * np.int32(table.shape[1]))
        index = writer.node("Add", [index, start], f"{name}/position")
    writer.node("Gather", [writer.constant(table.ravel()), index], name)


def write_rearrange(writer: Writer, layer: Rearrange) -> None:
    (source,) = layer.inputs
    fill = source.format.zero_point + offset(source)
    size = int(np.prod(source.shape))
    index = np.where(layer.index < 0, size, layer.index)
    flat = writer.node("Flatten", [source.name], f"{layer.output.name}/flat")
    padded = f"{layer.output.name}/padded"
    pads = [writer.constant(np.array([0, 0, 0, 1])), writer.constant(np.uint8(fill))]
    writer.node("Pad", [flat, *pads], padded)
    gather(writer, padded, index, layer.output)


def write_concat(writer: Writer, layer: Concat) -> None:
    name = layer.output.name
    parts = [
        writer.node("Flatten", [tensor.name], f"{name}/part{position}")
        for position, tensor in enumerate(layer.inputs)
    ]
    gather(writer, writer.node("Concat", parts, f"{name}/flat", axis=1), layer.index, layer.output)


def gather(writer: Writer, flat: str, index: Array, output: Tensor) -> None:
    picked = f"{output.name}/picked"
    writer.node("Gather", [flat, writer.constant(index.ravel().astype(np.int64))], picked, axis=1)
    shape = writer.constant(np.array([-1, *output.shape], np.int64))
    writer.node("Reshape", [picked, shape], output.name)


WRITERS: dict[type[Layer], Callable[[Writer, Any], None]] = {
    Add: write_pair,
    AveragePool: write_average,
    Concat: write_concat,
    Convolution: write_convolution,
    Dense: write_dense,
    Lookup: write_lookup,
    MaxPool: write_max_pool,
    Multiply: write_pair,
    Rearrange: write_rearrange,
}
