"""Layers left in float: work of the host at either end, quantized as onnxruntime does between."""

from __future__ import annotations

import numpy as np
import pytest

import neurochip as nc
import oracle_onnxruntime
from neurochip.errors import ModelError, UnsupportedOpError
from neurochip.graph import load
from quantized_models import Writer
from small_networks import INPUT, MIDDLE, OUTPUT, SHAPE, convolution, ours, samples, start

NOTE = (
    "was left in float: the host computes it, and neither its time nor its energy is counted; "
    "onnxruntime may sum in another order"
)


def real_weights(*shape, seed=1):
    drawn = np.random.default_rng([seed, *shape]).normal(size=shape) * 0.2
    return drawn.astype(np.float32)


def float_convolution(writer, real, channels=4):
    weights = writer.constant(real_weights(channels, 4, 3, 3))
    offsets = writer.constant(real_weights(channels))
    return writer.node("Conv", [real, weights, offsets], pads=[1, 1, 1, 1])


def test_a_first_layer_in_float_runs_before_the_chip():
    writer = Writer("qdq")
    real = writer.node("Relu", [float_convolution(writer, "x")])
    pooled = writer.node("MaxPool", [real], kernel_shape=[2, 2], strides=[1, 1])
    source = writer.quantize(pooled, np.float32(0.02), np.uint8(0))
    result = convolution(writer, source, OUTPUT)
    model = writer.model(["n", *SHAPE], writer.dequantize(result))
    graph = load(model)
    assert [op.op_type for op in graph.head] == ["Conv", "Relu", "MaxPool"]
    assert [type(layer).__name__ for layer in graph.layers] == ["Convolution"]
    assert graph.notes == (f"'conv0' {NOTE}",)
    real = samples(1)
    # A sum next to a half may round to either side, and moves the 36 sums that its code is in.
    differ = ours(graph, real) != oracle_onnxruntime.run(model, real)
    assert differ.mean() < 0.01


@pytest.mark.parametrize("op_type", ["AveragePool", "GlobalAveragePool", "GlobalMaxPool"])
def test_a_pool_in_float_runs_before_the_chip(op_type):
    writer = Writer("qdq")
    window = {"kernel_shape": [2, 2]} if op_type == "AveragePool" else {}
    source = writer.quantize(writer.node(op_type, ["x"], **window), *INPUT)
    model = writer.model(["n", *SHAPE], writer.dequantize(convolution(writer, source, OUTPUT)))
    graph = load(model)
    assert [op.op_type for op in graph.head] == [op_type]
    assert graph.notes == ()
    real = samples(2)
    assert (ours(graph, real) != oracle_onnxruntime.run(model, real)).mean() < 0.01


@pytest.mark.parametrize("kind", ["Gemm", "MatMul", "Conv"])
def test_a_last_layer_in_float_runs_after_the_chip(kind):
    writer, source = start()
    real = writer.dequantize(convolution(writer, source, MIDDLE))
    if kind == "Conv":
        result = float_convolution(writer, real, 5)
    else:
        flat = writer.node("Flatten", [real])
        weights = writer.constant(real_weights(192, 5))
        offsets = [writer.constant(real_weights(5))] if kind == "Gemm" else []
        result = writer.node(kind, [flat, weights, *offsets])
    result = writer.node("Sigmoid", [result])
    model = writer.model(["n", *SHAPE], result)
    graph = load(model)
    assert [op.op_type for op in graph.tail] == [kind, "Sigmoid"]
    assert any(NOTE in note for note in graph.notes)
    real = samples(3)
    theirs = oracle_onnxruntime.run(model, real)
    np.testing.assert_allclose(ours(graph, real), theirs, rtol=1e-5, atol=1e-5)
    run = nc.simulate(nc.compile(graph, chip="ideal"), real[:2], timing="none")
    np.testing.assert_allclose(run.values, theirs[:2], rtol=1e-5, atol=1e-5)


def behind(writer, real, how):
    """What an optimizer moves a QuantizeLinear through."""
    if how == "clamped":
        return writer.node("Relu", [real])
    return writer.node("Transpose", [real], perm=[0, 1, 3, 2]) if how == "moved" else real


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("Conv", "rounded"),
        ("Conv", "clamped"),
        ("Conv", "moved"),
        ("Gemm", "rounded"),
        ("Gemm", "clamped"),
    ],
)
def test_real_weights_between_codes_are_quantized_as_onnxruntime_does(kind, how):
    if not oracle_onnxruntime.is_current():
        pytest.skip("this onnxruntime leaves them in float")
    writer, source = start()
    real = writer.dequantize(convolution(writer, source, MIDDLE))
    if kind == "Conv":
        result = behind(writer, float_convolution(writer, real), how)
    else:
        weights = [writer.constant(real_weights(5, 192)), writer.constant(real_weights(5))]
        flat = writer.dequantize(writer.moving("Flatten", convolution(writer, source, MIDDLE)))
        result = behind(writer, writer.node("Gemm", [flat, *weights], transB=1), how)
    zero_point = np.uint8(0 if how == "clamped" else 130)
    codes = writer.quantize(result, np.float32(0.03), zero_point)
    model = writer.model(["n", *SHAPE], writer.dequantize(codes))
    graph = load(model)
    assert any("its weights have 8 bits here" in note for note in graph.notes)
    real = samples(4)
    np.testing.assert_array_equal(ours(graph, real), oracle_onnxruntime.run(model, real))


def test_a_layer_in_float_behind_a_move_of_real_numbers_is_refused():
    writer, source = start()
    real = writer.dequantize(convolution(writer, source, MIDDLE))
    flat = writer.node("Flatten", [real])
    total = writer.node("Gemm", [flat, writer.constant(real_weights(192, 5))])
    codes = writer.quantize(total, *OUTPUT)
    with pytest.raises(UnsupportedOpError, match="are float: no DequantizeLinear stands before"):
        load(writer.model(["n", *SHAPE], writer.dequantize(codes)))


def test_a_matrix_product_in_float_between_codes_is_refused():
    writer, source = start()
    real = writer.dequantize(convolution(writer, source, MIDDLE))
    product = writer.node("MatMul", [real, writer.constant(real_weights(8, 5))])
    codes = writer.quantize(product, *OUTPUT)
    with pytest.raises(UnsupportedOpError, match="are float: no DequantizeLinear stands before"):
        load(writer.model(["n", *SHAPE], writer.dequantize(codes)))


@pytest.mark.parametrize("follows", ["Sigmoid", "Add"])
def test_a_layer_in_float_that_is_not_rounded_next_is_refused(follows):
    writer, source = start()
    real = writer.dequantize(convolution(writer, source, MIDDLE))
    result = float_convolution(writer, real)
    others = [] if follows == "Sigmoid" else [writer.constant(real_weights(1, 4, 1, 1))]
    codes = writer.quantize(writer.node(follows, [result, *others]), *OUTPUT)
    with pytest.raises(UnsupportedOpError, match="are float: no DequantizeLinear stands before"):
        load(writer.model(["n", *SHAPE], writer.dequantize(codes)))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_weights_that_are_no_numbers_stay_what_they_are(broken):
    writer, source = start()
    real = writer.dequantize(convolution(writer, source, MIDDLE))
    weights = real_weights(4, 4, 3, 3)
    weights[1, 2, 0, 0] = broken
    result = writer.node("Conv", [real, writer.constant(weights)])
    codes = writer.quantize(result, *OUTPUT)
    with pytest.raises(UnsupportedOpError, match="are float: no DequantizeLinear stands before"):
        load(writer.model(["n", *SHAPE], writer.dequantize(codes)))


def test_a_network_of_which_the_chip_would_do_nothing_is_refused():
    writer, source = start()
    result = float_convolution(writer, writer.dequantize(source))
    with pytest.raises(UnsupportedOpError, match="are float: no DequantizeLinear stands before"):
        load(writer.model(["n", *SHAPE], result))


def test_a_float_model_is_still_one():
    writer = Writer("qdq")
    pooled = writer.node("GlobalAveragePool", [float_convolution(writer, "x")])
    with pytest.raises(ModelError, match="is a float model: nothing in it is quantized"):
        load(writer.model(["n", *SHAPE], pooled))
