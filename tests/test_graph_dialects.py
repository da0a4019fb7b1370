"""What exporters write besides plain convolutions, each against onnxruntime with 0 differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import helper

from neurochip.graph import load
from neurochip.ops.weighted_sum import rounded_bias
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
    real_convolution,
    start,
    weights,
)

UNARY: dict[str, tuple[str, dict[str, Any]]] = {
    "leaky relu": ("LeakyRelu", {"alpha": 0.1}),
    "sigmoid": ("Sigmoid", {}),
    "hard sigmoid": ("HardSigmoid", {}),
    "hard swish": ("HardSwish", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
}


@pytest.mark.parametrize("name", UNARY)
def test_a_function_of_one_value_is_a_table(name):
    op_type, attributes = UNARY[name]
    writer, source = start()
    real = writer.node(op_type, [writer.dequantize(convolution(writer, source))], **attributes)
    assert_exact(finish(writer, writer.quantize(real, *OUTPUT)))


def test_the_symmetric_dialect_quantizes_before_and_after_each_relu():
    writer = Writer("qdq")
    source = writer.quantize("x", np.float32(0.04), np.int8(0))
    middle = convolution(writer, source, (np.float32(0.05), np.int8(0)))
    real = writer.node("Relu", [writer.dequantize(middle)])
    assert_exact(finish(writer, writer.quantize(real, np.float32(0.03), np.int8(0))))


def test_quantization_moves_up_through_relu_pooling_and_reshape():
    writer, source = start()
    real = writer.node("Relu", [real_convolution(writer, source)])
    real = writer.node("MaxPool", [real], kernel_shape=[2, 2], strides=[2, 2])
    real = writer.node("Reshape", [real, writer.constant(np.array([-1, 48]))])
    graph = assert_exact(finish(writer, writer.quantize(real, np.float32(0.03), np.uint8(0))))
    assert [type(layer).__name__ for layer in graph.layers] == [
        "Convolution",
        "MaxPool",
        "Rearrange",
    ]


def test_a_clip_that_cuts_codes_is_done_in_integers_and_said_so():
    writer, source = start()
    bounds = [writer.constant(np.float32(bound)) for bound in (0, 6)]
    real = writer.node("Clip", [real_convolution(writer, source), *bounds])
    graph = assert_exact_layers(finish(writer, writer.quantize(real, *OUTPUT)))
    assert (graph.output.low, graph.output.high) == (130, 255)
    assert "Clip" in graph.notes[0]


def test_a_float_bias_is_rounded_to_the_accumulator():
    writer, source = start()
    bias = np.array([0.5, -1.25, 0.0031, 2.0], np.float32)
    kernel = dequantized_weights(writer, weights(5, 4, 4, 3, 3))
    inputs = [writer.dequantize(source), kernel, writer.constant(bias)]
    real = writer.node("Conv", inputs, pads=[1, 1, 1, 1])
    assert_exact(finish(writer, writer.quantize(real, *OUTPUT)))


def test_a_bias_with_a_scale_of_its_own_is_rounded_and_said_so():
    writer, source = start()
    parameters = [
        writer.constant(np.array([5, -7, 9, 11], np.int8)),
        writer.constant(np.float32(0.1)),
    ]
    bias = writer.node("DequantizeLinear", [*parameters, writer.constant(np.int8(0))])
    kernel = dequantized_weights(writer, weights(5, 4, 4, 3, 3))
    real = writer.node("Conv", [writer.dequantize(source), kernel, bias], pads=[1, 1, 1, 1])
    graph = assert_exact_layers(finish(writer, writer.quantize(real, *OUTPUT)))
    assert "bias with a scale of its own" in graph.notes[0]


def test_float_weights_behind_a_quantizelinear_are_folded():
    writer, source = start()
    real_weights = weights(5, 4, 4, 3, 3).astype(np.float32) * np.float32(0.002)
    parameters = [writer.constant(np.float32(0.002)), writer.constant(np.int8(0))]
    codes = writer.node("QuantizeLinear", [writer.constant(real_weights), *parameters])
    kernel = writer.node("DequantizeLinear", [codes, *parameters])
    real = writer.node("Conv", [writer.dequantize(source), kernel], pads=[1, 1, 1, 1])
    assert_exact(finish(writer, writer.quantize(real, *OUTPUT)))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_automatic_padding_is_spelled_out(auto_pad):
    writer, source = start()
    kernel = dequantized_weights(writer, weights(5, 4, 4, 2, 3))
    inputs = [writer.dequantize(source), kernel]
    real = writer.node("Conv", inputs, auto_pad=auto_pad, strides=[2, 3])
    assert_exact(finish(writer, writer.quantize(real, *OUTPUT)))


def test_one_dimensional_networks_have_height_one():
    writer = Writer("qdq")
    source = writer.quantize("x", *INPUT)
    kernel = dequantized_weights(writer, weights(5, 6, 4, 3))
    real = writer.node("Conv", [writer.dequantize(source), kernel], pads=[1, 1], strides=[2])
    middle = writer.quantize(real, *MIDDLE)
    pooled = writer.moving("MaxPool", middle, kernel_shape=[2], strides=[2])
    mean = writer.global_average(pooled, OUTPUT)
    flat = writer.moving("Flatten", mean, axis=1)
    assert_exact(finish(writer, flat, (4, 20)), (4, 20))


def test_a_product_of_rows_is_a_convolution_of_one_tap():
    writer = Writer("qdq")
    source = writer.quantize("x", *INPUT)
    kernel = dequantized_weights(writer, weights(5, 10, 7))
    real = writer.node("MatMul", [writer.dequantize(source), kernel])
    assert_exact(finish(writer, writer.quantize(real, *OUTPUT), (5, 10)), (5, 10))


def test_a_sum_after_a_product_is_its_bias():
    writer = Writer("qdq")
    source = writer.quantize("x", *INPUT)
    kernel = dequantized_weights(writer, weights(5, 10, 7))
    bias = writer.constant(np.linspace(-1, 1, 7).astype(np.float32))
    real = writer.node("Add", [writer.node("MatMul", [writer.dequantize(source), kernel]), bias])
    graph = assert_exact_layers(finish(writer, writer.quantize(real, *OUTPUT), (10,)), (10,))
    assert len(graph.layers) == 1


def test_alpha_scales_the_accumulator():
    writer = Writer("qdq")
    source = writer.quantize("x", *INPUT)
    kernel = dequantized_weights(writer, weights(5, 10, 7))
    inputs = [writer.dequantize(source), kernel]
    real = writer.node("Gemm", inputs, alpha=0.3)
    assert_exact(finish(writer, writer.quantize(real, *OUTPUT), (10,)), (10,))


def test_the_last_gemm_may_end_in_accumulators():
    writer, source = start()
    flat = writer.moving("Flatten", source, axis=1)
    codes = weights(5, 3, 192)
    scale = np.array([0.01, 0.02, 0.03], np.float32)
    parameters = [writer.constant(scale), writer.constant(np.zeros(3, np.int8))]
    kernel = writer.node("DequantizeLinear", [writer.constant(codes), *parameters], axis=0)
    bias_scale = np.asarray(INPUT[0] * scale, np.float32)
    bias_parameters = [writer.constant(bias_scale), writer.constant(np.zeros(3, np.int32))]
    levels = writer.constant(np.array([1000, -5, 70], np.int32))
    bias = writer.node("DequantizeLinear", [levels, *bias_parameters], axis=0)
    real = writer.node("Gemm", [writer.dequantize(flat), kernel, bias], transB=1)
    graph = assert_exact(writer.model(["n", *SHAPE], real))
    assert graph.output.format.bits == 32
    assert graph.output.format.scale.shape == (3,)


def normalization(writer: Writer, real: str) -> str:
    statistics = [np.linspace(0.5, 1.5, 4), np.linspace(-1, 1, 4), np.linspace(-0.3, 0.3, 4)]
    constants = [writer.constant(each.astype(np.float32)) for each in statistics]
    variance = writer.constant(np.linspace(0.2, 2, 4).astype(np.float32))
    return writer.node("BatchNormalization", [real, *constants, variance])


def test_normalization_after_a_quantizelinear_is_a_table_a_channel():
    writer, source = start()
    real = normalization(writer, writer.dequantize(convolution(writer, source)))
    graph = assert_exact(finish(writer, writer.quantize(real, *OUTPUT)))
    assert graph.layers[-1].table.shape == (4, 256)


def test_normalization_after_a_convolution_folds_into_it():
    writer, source = start()
    real = normalization(writer, real_convolution(writer, source))
    graph = assert_exact_layers(finish(writer, writer.quantize(real, *OUTPUT)))
    assert len(graph.layers) == 1


@pytest.mark.parametrize("op_type", ["BatchNormalization", "Mul"])
def test_a_negative_factor_turns_weights_and_bias(op_type):
    """Biases of up to 1.9 in outputs of 0.04 a level: turned or not, they are far apart.

    A factor of 0 leaves the offset alone.
    """
    writer, source = start()
    bias = np.array([30_000, -30_000, 20_000, -10_000], np.int32)
    scales = np.full(4, 0.002, np.float32)
    zeros = np.zeros(4, np.int8)
    writer.weighted("Conv", source, weights(3, 4, 4, 3, 3), scales, zeros, bias, MIDDLE)
    real = str(writer.nodes.pop().input[0])
    factor = np.array([-1.2, 0.8, 0.0, -2.0], np.float32)
    if op_type == "Mul":
        real = writer.node("Mul", [real, writer.constant(factor.reshape(4, 1, 1))])
    else:
        others = [np.array([0, 0, 0.7, 0]), np.zeros(4), np.ones(4)]
        constants = [writer.constant(each.astype(np.float32)) for each in (factor, *others)]
        real = writer.node("BatchNormalization", [real, *constants])
    graph = assert_exact_layers(finish(writer, writer.quantize(real, np.float32(0.04), MIDDLE[1])))
    (layer,) = graph.layers
    left = 0 if op_type == "Mul" else round(0.7 / (0.031 * 0.002))
    assert layer.bias.tolist() == [-30_000, -30_000, left, 10_000]


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(), (4, 1, 1), (1, 4, 1, 1)])
def test_a_constant_operand_is_a_table(op_type, shape):
    writer, source = start()
    operand = np.linspace(0.4, 2.1, 4).astype(np.float32)
    constant = writer.constant(operand.reshape(shape) if shape else operand[1])
    real = writer.node(op_type, [writer.dequantize(source), constant])
    assert_exact(finish(writer, writer.quantize(real, *OUTPUT)))


@pytest.mark.parametrize("kind", ["Add", "Mul"])
@pytest.mark.parametrize("first", [False, True])
def test_a_quantized_constant_meets_a_tensor_as_two_tensors_do(kind, first):
    writer, source = start()
    codes = Codes(
        writer.constant(np.array([3, 99, 200, 255], np.uint8).reshape(1, 4, 1, 1)), *MIDDLE
    )
    operands = (codes, source) if first else (source, codes)
    assert_exact(finish(writer, writer.pair(kind, *operands, OUTPUT)))


@pytest.mark.parametrize("kind", ["Add", "Mul"])
def test_a_column_spreads_over_a_map(kind):
    writer, source = start()
    column = writer.global_average(source, MIDDLE)
    assert_exact(finish(writer, writer.pair(kind, source, column, OUTPUT)))


MOVES: dict[str, Callable[[Writer, Codes], Codes]] = {
    "transpose": lambda w, c: w.moving("Transpose", c, perm=[0, 2, 3, 1]),
    "slice": lambda w, c: w.moving(
        "Slice", c, *[w.constant(np.array(each)) for each in ([1, 0], [9, 6], [2, 1], [2, 1])]
    ),
    "reshape": lambda w, c: w.moving("Reshape", c, w.constant(np.array([0, 2, -1]))),
    "unsqueeze": lambda w, c: w.moving("Unsqueeze", c, w.constant(np.array([2]))),
    "crop": lambda w, c: w.moving("Pad", c, w.constant(np.array([0, -1, -2, 0, 0, 0, -1, -3]))),
    "gather": lambda w, c: w.moving("Gather", c, w.constant(np.array([3, 0, 1])), axis=1),
}


@pytest.mark.parametrize("name", MOVES)
def test_codes_are_moved_and_nothing_else(name):
    writer, source = start()
    assert_exact(finish(writer, MOVES[name](writer, source)))


def test_a_bias_half_way_between_two_units_is_rounded_to_the_even_one():
    scale = np.full(6, 0.25, np.float32)
    real = np.array([0.125, 0.375, 0.625, -0.125, -0.375, 0.5])
    assert rounded_bias("c", real, scale, None, "").tolist() == [0, 2, 2, 0, -2, 2]


def test_padding_adds_real_zeros():
    writer, source = start()
    pads = writer.constant(np.array([0, 1, 0, 2, 0, 3, 1, 0]))
    real = writer.node("Pad", [writer.dequantize(source), pads])
    assert_exact(finish(writer, writer.quantize(real, *INPUT)))


def test_parts_of_different_scales_are_joined_through_tables():
    writer, source = start()
    parts = [
        convolution(writer, source),
        convolution(writer, source, (np.float32(0.02), np.uint8(9))),
    ]
    assert_exact(finish(writer, writer.concat(parts, OUTPUT)))


def test_a_split_is_two_selections():
    writer, source = start()
    node = helper.make_node("Split", [writer.dequantize(source)], ["a", "b"], name="cut", axis=1)
    writer.nodes.append(node)
    first, second = (writer.quantize(name, *INPUT) for name in "ab")
    assert_exact(finish(writer, writer.pair("Add", first, second, OUTPUT)))


@pytest.mark.parametrize(
    ("kernel", "pads"),
    [
        ([2, 3], [0, 0, 0, 0]),
        ([2, 3], [1, 0, 1, 1]),
        ([3, 3], [0, 1, 1, 0]),
        ([3, 2], [1, 0, 0, 1]),
    ],
)
def test_a_partial_average_is_rounded_once_from_its_exact_sum(kernel, pads):
    writer, source = start()
    real = writer.node(
        "AveragePool",
        [writer.dequantize(source)],
        kernel_shape=kernel,
        strides=[2, 2],
        pads=pads,
        count_include_pad=1,
    )
    graph = assert_exact_layers(finish(writer, writer.quantize(real, *OUTPUT)))
    assert "float32" in graph.notes[0]


@pytest.mark.parametrize("keepdims", [0, 1])
def test_the_mean_over_a_map_is_a_global_average(keepdims):
    writer, source = start(opset=18)
    axes = writer.constant(np.array([2, 3]))
    real = writer.node("ReduceMean", [writer.dequantize(source), axes], keepdims=keepdims)
    assert_exact_layers(finish(writer, writer.quantize(real, *OUTPUT)))


def note_of(model):
    notes = load(model).notes
    assert len(notes) == 1
    return notes[0]


def test_signed_codes_with_unsigned_weights_are_noted():
    writer = Writer("qdq")
    source = writer.quantize("x", np.float32(0.03), np.int8(-5))
    kernel = weights(5, 4, 4, 1, 1).astype(np.uint8)
    result = writer.weighted(
        "Conv", source, kernel, np.float32(0.002), np.uint8(0), np.zeros(4, np.int32),
        (np.float32(0.05), np.int8(-7)),
    )  # fmt: skip
    assert "has int8 inputs and uint8 weights: in integers here" in note_of(finish(writer, result))


@pytest.mark.parametrize("shape", [(), (1, 3)])
def test_a_float_bias_that_is_no_row_of_numbers_is_noted(shape):
    writer, source = start()
    flat = writer.node("Flatten", [writer.dequantize(source)])
    kernel = dequantized_weights(writer, weights(5, 192, 3))
    bias = writer.constant(np.full(shape, 0.3, np.float32))
    real = writer.node("Gemm", [flat, kernel, bias])
    model = finish(writer, writer.quantize(real, *OUTPUT))
    assert f"has a float bias of shape {list(shape)}: in integers here" in note_of(model)


def test_sums_that_can_leave_32_bits_are_noted_and_wrap_as_onnxruntimes():
    writer, source = start()
    bias = np.array([2**31 - 1, -(2**31), 0, 5], np.int32)
    result = writer.weighted(
        "Conv", source, weights(5, 4, 4, 1, 1), np.float32(0.002), np.int8(0), bias, MIDDLE
    )
    model = finish(writer, result)
    assert "sums can leave 32 bits; they wrap" in note_of(model)
    assert_exact(model)
