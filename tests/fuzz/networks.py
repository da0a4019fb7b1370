"""Small ONNX models to begin with: most operators, both dialects, data within and beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from quantized_models import Codes, Dialect, Writer

INPUT = (np.float32(0.03), np.uint8(120))
MIDDLE = (np.float32(0.05), np.uint8(77))
LAST = (np.float32(0.04), np.uint8(130))


def networks() -> list[ModelProto]:
    """Each small, so that an input takes milliseconds."""
    builders: tuple[Callable[[Dialect], ModelProto], ...] = (_pooled, _joined, _dense)
    both = [build(dialect) for build in builders for dialect in ("qdq", "qoperator")]
    return [*both, _moved(), _hosted(), _functions(), _one_axis(), _integer()]


def with_external_data(model: ModelProto, location: str) -> tuple[ModelProto, bytes]:
    """The model with its largest tensors in a file beside it; and that file."""
    moved = ModelProto()
    moved.CopyFrom(model)
    data = b""
    for tensor in moved.graph.initializer:
        if len(tensor.raw_data) >= 8:
            tensor.data_location = TensorProto.EXTERNAL
            told = {"location": location, "offset": len(data), "length": len(tensor.raw_data)}
            for key, value in told.items():
                tensor.external_data.add(key=key, value=str(value))
            data += tensor.raw_data
            tensor.ClearField("raw_data")
    return moved, data


def _weights(*shape: int) -> NDArray[np.int8]:
    return (np.arange(np.prod(shape)) * 37 % 255 - 127).astype(np.int8).reshape(shape)


def _convolution(
    writer: Writer, source: Codes, out: int, channels: int, **attributes: Any
) -> Codes:
    return writer.weighted(
        "Conv",
        source,
        _weights(out, channels, 3, 3),
        np.linspace(0.001, 0.003, out).astype(np.float32),
        np.zeros(out, np.int8),
        np.arange(out, dtype=np.int32) * 50 - 60,
        MIDDLE,
        **{"pads": [1, 1, 1, 1], **attributes},
    )


def _product(writer: Writer, source: Codes, out: int, features: int) -> Codes:
    scale, zero, bias = np.float32(0.002), np.int8(0), np.arange(out, dtype=np.int32) * 9
    return writer.weighted("Gemm", source, _weights(out, features), scale, zero, bias, LAST)


def _pooled(dialect: Dialect) -> ModelProto:
    writer = Writer(dialect)
    codes = _convolution(writer, writer.quantize("x", *INPUT), 4, 2, strides=[2, 2])
    codes = writer.moving("MaxPool", codes, kernel_shape=[2, 2], pads=[0, 0, 1, 1], strides=[1, 1])
    if dialect == "qdq":
        codes = writer.quantize(writer.node("Relu", [writer.dequantize(codes)]), *MIDDLE)
        real = writer.dequantize(codes)
        real = writer.node("AveragePool", [real], kernel_shape=[2, 2], strides=[2, 2])
        codes = writer.quantize(real, *MIDDLE)
        codes = _product(writer, writer.moving("Flatten", codes, axis=1), 3, 16)
    else:
        codes = writer.global_average(codes, MIDDLE)
        codes = _product(writer, writer.moving("Flatten", codes, axis=1), 3, 4)
    return writer.model(["n", 2, 8, 8], writer.node("Softmax", [writer.dequantize(codes)], axis=1))


def _joined(dialect: Dialect) -> ModelProto:
    writer = Writer(dialect, 13)
    source = writer.quantize("x", *INPUT)
    first, second = (_convolution(writer, source, 4, 2, dilations=[n, n]) for n in (1, 1))
    codes = writer.pair("Add", first, second, LAST)
    codes = writer.concat([codes, second], LAST)
    codes = _convolution(writer, codes, 4, 2, group=4)
    codes = writer.global_average(codes, LAST)
    return writer.model([1, 2, 4, 4], writer.dequantize(codes))


def _dense(dialect: Dialect) -> ModelProto:
    writer = Writer(dialect, 21)
    codes = _product(writer, writer.quantize("x", *INPUT), 5, 6)
    if dialect == "qdq":
        kernel = [writer.constant(_weights(5, 4)), writer.constant(np.float32(0.01))]
        real = writer.node("DequantizeLinear", [*kernel, writer.constant(np.int8(0))])
        real = writer.node("MatMul", [writer.dequantize(codes), real])
        real = writer.node("Add", [real, writer.constant(np.float32([0.5, -1, 2, 0]))])
        real = writer.node("Clip", [real, writer.constant(np.float32(0)), ""])
        codes = writer.quantize(real, *LAST)
        for function in ("Sigmoid", "LeakyRelu", "HardSwish", "Tanh"):
            codes = writer.quantize(writer.node(function, [writer.dequantize(codes)]), *MIDDLE)
    return writer.model(["n", 6], writer.node("Softmax", [writer.dequantize(codes)]))


def _moved() -> ModelProto:
    """Values that only move, each operator once."""
    writer = Writer("qdq", 18)

    def numbers(*values: int) -> str:
        return writer.constant(np.array(values, np.int64))

    codes = _convolution(writer, writer.quantize("x", *INPUT), 4, 4)
    codes = writer.moving("Pad", codes, numbers(0, 0, 1, 1, 0, 0, 1, 1))
    codes = writer.moving(
        "Slice", codes, numbers(1, 0), numbers(5, 4), numbers(2, 3), numbers(1, 2)
    )
    codes = writer.moving("Transpose", codes, perm=[0, 2, 3, 1])
    codes = writer.moving("Reshape", codes, numbers(0, 4, 2, 4))
    codes = writer.moving("Unsqueeze", codes, numbers(1))
    codes = writer.moving("Squeeze", codes, numbers(1))
    codes = writer.moving("SpaceToDepth", codes, blocksize=2)
    codes = writer.moving("DepthToSpace", codes, blocksize=2)
    codes = writer.moving("Gather", codes, numbers(2, 0, 1, 3, 3), axis=1)
    codes = writer.moving("Pad", codes, numbers(0, 0, 1, 1, 0, 0, 1, 0), mode="edge")
    real = writer.node("ReduceMean", [writer.dequantize(codes), numbers(2, 3)], keepdims=0)
    codes = writer.quantize(real, *MIDDLE)
    return writer.model(["n", 4, 4, 4], writer.dequantize(_product(writer, codes, 3, 5)))


def _hosted() -> ModelProto:
    """Float work before the first layer and after the last."""
    writer = Writer("qdq", 15)
    shape = writer.constant(np.array([-1, 2, 4, 4], np.int64))
    real = writer.node("Reshape", ["x", shape])
    real = writer.node("Mul", [real, writer.constant(np.float32(0.5))])
    real = writer.node("Sub", [real, writer.constant(np.float32([[[0.1]], [[0.2]]]))])
    real = writer.node("Transpose", [real], perm=[0, 1, 3, 2])
    codes = _convolution(writer, writer.quantize(real, *INPUT), 3, 2)
    parts = [writer.constant(np.float32(values)) for values in ([1, 2, 0.5], [0, 1, 0], [0, 1, 2])]
    variance = writer.constant(np.float32([1, 4, 1]))
    real = writer.node("BatchNormalization", [writer.dequantize(codes), *parts, variance])
    codes = writer.quantize(real, *LAST)
    codes = writer.quantize(writer.node("GlobalMaxPool", [writer.dequantize(codes)]), *LAST)
    real = writer.node("Flatten", [writer.dequantize(codes)], axis=1)
    real = writer.node("Div", [real, writer.constant(np.float32(3))])
    real = writer.node("Cast", [real], to=TensorProto.FLOAT)
    return writer.model(["n", 32], writer.node("LogSoftmax", [real], axis=-1))


def _functions() -> ModelProto:
    """Constants that are computed: they fold."""
    writer = Writer("qdq", 13)
    codes = _convolution(writer, writer.quantize("x", *INPUT), 2, 1)
    whole = writer.node("Shape", [codes.name])
    first = writer.node("Gather", [whole, writer.constant(np.array([0]))])
    filled = writer.node("ConstantOfShape", [writer.constant(np.array([2], np.int64))])
    tail = writer.node("Cast", [filled], to=TensorProto.INT64)
    tail = writer.node("Add", [tail, writer.constant(np.array([16, 2], np.int64))])
    joined = writer.node("Concat", [first, tail], axis=0)
    codes = writer.moving("Reshape", codes, joined)
    codes = writer.moving("Identity", codes)
    return writer.model([1, 1, 4, 4], writer.dequantize(codes))


def _one_axis() -> ModelProto:
    writer = Writer("qdq")
    kernel = [writer.constant(_weights(3, 2, 3)), writer.constant(np.float32(0.01))]
    real = writer.node("DequantizeLinear", [*kernel, writer.constant(np.int8(0))])
    source = writer.dequantize(writer.quantize("x", np.float32(0.1), np.int8(-3)))
    real = writer.node("Conv", [source, real], pads=[1, 1], strides=[2], auto_pad="NOTSET")
    codes = writer.quantize(real, np.float32(0.1), np.int8(4))
    codes = writer.moving("MaxPool", codes, kernel_shape=[2], ceil_mode=1)
    return writer.model(["n", 2, 9], writer.dequantize(writer.moving("Flatten", codes)))


def _integer() -> ModelProto:
    """An input of codes."""
    writer = Writer("qoperator")
    codes = _convolution(writer, Codes("x", *INPUT), 2, 2)
    model = writer.model([1, 2, 4, 4], codes.name)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.UINT8
    return model
