"""The same network in every spelling: opsets, domains, types, constants, work on the host."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

import oracle_onnxruntime
from neurochip.graph import load
from quantized_models import Codes, Writer
from small_networks import (
    INPUT,
    MIDDLE,
    OUTPUT,
    SHAPE,
    assert_exact,
    assert_exact_layers,
    convolution,
    dequantized_weights,
    finish,
    ours,
    real_convolution,
    samples,
    start,
    weights,
)


@pytest.mark.parametrize("opset", [10, 13, 17, 21, 23])
def test_every_opset_says_the_same(opset):
    if opset > 21 and not oracle_onnxruntime.is_current():
        pytest.skip("this onnxruntime does not implement the opset")
    writer, source = start(opset)
    pooled = writer.moving("MaxPool", convolution(writer, source), kernel_shape=[2, 2])
    model = finish(writer, writer.moving("Flatten", pooled, axis=1))
    if opset < 13:  # the axis of per-channel scales came with opset 13
        writer, source = start(opset)
        kernel = dequantized_weights(writer, weights(5, 4, 4, 3, 3))
        real = writer.node("Conv", [writer.dequantize(source), kernel])
        model = finish(writer, writer.quantize(real, *OUTPUT))
    assert_exact(model)


def test_the_operators_of_com_microsoft_are_the_same_ones():
    writer, source = start()
    model = finish(writer, convolution(writer, source))
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.domain = "com.microsoft"
    assert_exact(model)


def test_scales_of_shape_one_are_scalars():
    writer, source = start()
    model = finish(writer, convolution(writer, source))
    for tensor in model.graph.initializer:
        if not tensor.dims:
            tensor.dims.append(1)
    assert_exact(model)


def test_an_absent_zero_point_is_zero():
    writer = Writer("qdq")
    scale = writer.constant(np.float32(0.02))
    codes = writer.node("QuantizeLinear", ["x", scale])
    real = writer.node("DequantizeLinear", [codes, scale])
    kernel = dequantized_weights(writer, weights(5, 4, 4, 3, 3))
    convolved = writer.node("Conv", [real, kernel])
    assert_exact(finish(writer, writer.quantize(convolved, *OUTPUT)))


def test_the_type_of_codes_may_be_an_attribute():
    writer = Writer("qdq", opset=21)
    scale = writer.constant(np.float32(0.02))
    codes = writer.node("QuantizeLinear", ["x", scale], output_dtype=TensorProto.INT8)
    real = writer.node("DequantizeLinear", [codes, scale])
    result = writer.node("Relu", [real])
    graph = assert_exact(finish(writer, writer.quantize(result, np.float32(0.01), np.int8(-128))))
    assert graph.input.format.type_name == "int8"


def test_work_on_pictures_before_the_first_quantizelinear_stays_on_the_host():
    writer = Writer("qdq")
    mean = writer.constant(np.linspace(0.1, 0.4, 4).reshape(1, 4, 1, 1).astype(np.float32))
    deviation = writer.constant(np.linspace(0.5, 2, 4).reshape(4, 1, 1).astype(np.float32))
    real = writer.node("Div", [writer.node("Sub", ["x", mean]), deviation])
    real = writer.node("Transpose", [real], perm=[0, 1, 3, 2])
    source = writer.quantize(real, *INPUT)
    graph = assert_exact(finish(writer, convolution(writer, source)))
    assert [op.op_type for op in graph.head] == ["Sub", "Div", "Transpose"]


def test_a_network_may_take_and_give_integers():
    writer, _ = start()
    writer.nodes.clear()
    source = Codes("x", *INPUT)
    result = convolution(writer, source)
    model = writer.model(["n", *SHAPE], result.name)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.UINT8
    graph = load(model)
    codes = np.random.default_rng(2).integers(0, 256, (16, *SHAPE)).astype(np.uint8)
    result = ours(graph, codes)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, oracle_onnxruntime.run(model, codes))


def test_the_class_is_found_on_the_host():
    writer, source = start()
    flat = writer.moving("Flatten", convolution(writer, source), axis=1)
    softmax = writer.node("Softmax", [writer.dequantize(flat)])
    best = writer.node("ArgMax", [softmax], axis=1, keepdims=0)
    model = writer.model(["n", *SHAPE], best)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    graph = load(model)
    real = samples(4)
    np.testing.assert_array_equal(ours(graph, real), oracle_onnxruntime.run(model, real))
    assert [op.op_type for op in graph.tail] == ["Softmax", "ArgMax"]


@pytest.mark.parametrize(
    "output", [(np.float32(1 / 255), np.uint8(0)), (np.float32(1 / 256), np.int8(-128))]
)
def test_a_quantized_softmax_is_onnxruntimes_table(output):
    dtype = type(output[1])
    writer = Writer("qdq")
    source = writer.quantize("x", np.float32(0.05), dtype(3))
    probabilities = writer.node("Softmax", [writer.dequantize(source)], axis=-1)
    codes = writer.quantize(probabilities, *output)
    model = writer.model(["n", 12], writer.dequantize(codes))
    graph = load(model)
    real = samples(5, (12,))
    np.testing.assert_array_equal(ours(graph, real), oracle_onnxruntime.run(model, real))


@pytest.mark.parametrize("bits", [TensorProto.INT4, TensorProto.UINT4])
def test_four_bit_weights_are_read(bits):
    writer, source = start(opset=21)
    low, high, zero_point = (-8, 8, 0) if bits == TensorProto.INT4 else (0, 16, 7)
    codes = np.random.default_rng(7).integers(low, high, (4, 4, 3, 3))
    for name, array in (("packed", codes), ("packed_zero", np.array(zero_point))):
        writer.constants.append(helper.make_tensor(name, bits, array.shape, array.ravel()))
    scale = writer.constant(np.float32(0.03))
    kernel = writer.node("DequantizeLinear", ["packed", scale, "packed_zero"])
    real = writer.node("Conv", [writer.dequantize(source), kernel])
    graph = assert_exact_layers(finish(writer, writer.quantize(real, *OUTPUT)))
    np.testing.assert_array_equal(graph.layers[0].weights, codes - zero_point)


def test_mixed_signs_are_computed_in_integers_and_said_so():
    writer, source = start()
    middle = real_convolution(writer, source)
    codes = writer.quantize(middle, np.float32(0.05), np.int8(-3))
    graph = load(finish(writer, codes))
    real = samples(1)
    wrong = oracle_onnxruntime.layer_by_layer(graph, real)
    assert all(count == 0 for count, _ in wrong.values())
    assert "mixes int8 and uint8" in graph.notes[0]


def test_shape_arithmetic_folds_away():
    writer, source = start()
    real = writer.dequantize(convolution(writer, source))
    batch = writer.node("Gather", [writer.node("Shape", [real]), writer.constant(np.array(0))])
    axis = writer.constant(np.array([0]))
    parts = [writer.node("Unsqueeze", [batch, axis]), writer.constant(np.array([-1]))]
    flat = writer.node("Reshape", [real, writer.node("Concat", parts, axis=0)])
    assert_exact(finish(writer, writer.quantize(flat, *MIDDLE)))


def test_constants_may_be_nodes():
    writer, source = start()
    model = finish(writer, convolution(writer, source))
    nodes = [
        helper.make_node("Constant", [], [tensor.name], value=tensor)
        for tensor in model.graph.initializer
    ]
    nodes += model.graph.node
    del model.graph.initializer[:]
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    assert_exact(model)


def test_an_accumulator_wraps_at_thirty_two_bits():
    writer = Writer("qoperator")
    source = writer.quantize("x", np.float32(0.01), np.uint8(0))
    bias = np.array([2**31 - 1, -(2**31), 2**30, -(2**30)], np.int32)
    result = writer.weighted(
        "Conv",
        source,
        np.full((4, 4, 3, 3), 127, np.int8),
        np.full(4, 1e-8, np.float32),
        np.zeros(4, np.int8),
        bias,
        (np.float32(0.001), np.uint8(128)),
    )
    assert_exact(finish(writer, result))
