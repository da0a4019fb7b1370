"""Constants that vary along other axes than the channels: features, rows, positions."""

from __future__ import annotations

import numpy as np
import pytest

import neurochip as nc
import oracle_onnxruntime
from neurochip.errors import UnsupportedOpError
from neurochip.graph import load
from neurochip.ops import operands
from quantized_models import Codes, Writer
from small_networks import INPUT, OUTPUT, SHAPE, finish, ours, samples, start, weights

SHAPES = [(8,), (1, 1, 8), (6, 1), (6, 8), (1, 4, 6, 8), (4, 1, 8), (1, 4, 1, 1)]
"""Of constants that broadcast to samples of shape 4 x 6 x 8."""


def numbers(shape):
    drawn = np.random.default_rng([1, *shape]).uniform(0.5, 1.5, shape)
    return drawn.astype(np.float32)


def assert_same(model, shape=SHAPE):
    graph = load(model)
    real = samples(1, shape)
    theirs = oracle_onnxruntime.run(model, real)
    np.testing.assert_array_equal(ours(graph, real), theirs)
    run = nc.simulate(nc.compile(graph, chip="ideal"), real[:2], timing="none")
    np.testing.assert_array_equal(run.values, theirs[:2])
    return graph


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", SHAPES)
def test_real_numbers_are_tables_along_their_axes(op_type, shape):
    writer, source = start()
    constant = writer.constant(numbers(shape))
    real = writer.node(op_type, [writer.dequantize(source), constant])
    assert_same(finish(writer, writer.quantize(real, *OUTPUT)))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("op_type", ["Add", "Mul"])
@pytest.mark.parametrize("shape", SHAPES)
def test_codes_are_pairs_along_their_axes(op_type, shape, first):
    writer, source = start()
    codes = np.random.default_rng([2, *shape]).integers(0, 256, shape).astype(np.uint8)
    parameters = [writer.constant(np.float32(0.02)), writer.constant(np.uint8(90))]
    constant = writer.node("DequantizeLinear", [writer.constant(codes), *parameters])
    both = [writer.dequantize(source), constant]
    real = writer.node(op_type, both[::-1] if first else both)
    assert_same(finish(writer, writer.quantize(real, *OUTPUT)))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("op_type", ["Add", "Mul"])
def test_codes_of_the_other_dialect_are_so_too(op_type, first):
    writer = Writer("qoperator")
    source = writer.quantize("x", *INPUT)
    codes = np.random.default_rng(3).integers(0, 256, (6, 8)).astype(np.uint8)
    constant = Codes(writer.constant(codes), np.float32(0.02), np.uint8(90))
    both = (constant, source) if first else (source, constant)
    assert_same(finish(writer, writer.pair(op_type, *both, OUTPUT)))


def test_a_clamp_follows_as_behind_any_other_table():
    writer, source = start()
    real = writer.node("Add", [writer.dequantize(source), writer.constant(numbers((8,)))])
    clamped = writer.node("Relu", [real])
    assert_same(finish(writer, writer.quantize(clamped, np.float32(0.04), np.uint8(0))))


def test_behind_the_last_layer_the_host_computes():
    writer, source = start()
    codes = writer.moving("Transpose", source, perm=[0, 1, 3, 2])
    real = writer.node("Mul", [writer.dequantize(codes), writer.constant(numbers((8, 1)))])
    graph = assert_same(writer.model(["n", *SHAPE], real))
    assert [op.op_type for op in graph.tail] == ["Mul"]


@pytest.mark.parametrize("shape", [(5,), (1, 5), (1, 1, 5), ()])
def test_a_product_of_maps_takes_a_real_bias_into_its_sums(shape):
    writer, source = start()
    kernel = [writer.constant(weights(4, 8, 5)), writer.constant(np.float32(0.003))]
    product = writer.node(
        "MatMul",
        [
            writer.dequantize(source),
            writer.node("DequantizeLinear", [*kernel, writer.constant(np.int8(0))]),
        ],
    )
    total = writer.node("Add", [product, writer.constant(numbers(shape))])
    model = finish(writer, writer.quantize(writer.node("Relu", [total]), *OUTPUT))
    graph = load(model)
    assert [type(layer).__name__ for layer in graph.layers].count("Lookup") == 0
    real = samples(1)
    theirs = oracle_onnxruntime.run(model, real)
    # The bias is rounded to the accumulator's units, 0.00009, and told with the greatest error.
    assert np.abs(ours(graph, real) - theirs).max() <= 1.01 * OUTPUT[0]
    assert (ours(graph, real) != theirs).mean() < 0.01
    assert "is rounded to the accumulator's" in graph.notes[0]


def test_a_bias_a_row_is_no_bias_of_the_features():
    writer, source = start()
    kernel = [writer.constant(weights(4, 8, 6)), writer.constant(np.float32(0.003))]
    dequantized = writer.node("DequantizeLinear", [*kernel, writer.constant(np.int8(0))])
    product = writer.node("MatMul", [writer.dequantize(source), dequantized])
    total = writer.node("Add", [product, writer.constant(numbers((6, 1)))])
    with pytest.raises(UnsupportedOpError, match="is not one number per channel"):
        load(finish(writer, writer.quantize(total, *OUTPUT)))


@pytest.mark.parametrize("shape", [(2, 4, 6, 8), (1, 1, 4, 6, 8), (7,)])
def test_what_does_not_broadcast_to_a_sample_is_refused(shape):
    writer, source = start()
    real = writer.node("Add", [writer.dequantize(source), writer.constant(numbers(shape))])
    with pytest.raises(UnsupportedOpError) as caught:
        load(finish(writer, writer.quantize(real, *OUTPUT)))
    told = f"its constant of shape {list(shape)} is not one number per channel of a value of shape"
    assert told in str(caught.value)


def test_too_many_tables_are_refused(monkeypatch):
    monkeypatch.setattr(operands, "MAX_ROWS", 47)
    writer, source = start()
    real = writer.node("Add", [writer.dequantize(source), writer.constant(numbers((6, 8)))])
    with pytest.raises(UnsupportedOpError, match="is not one number per channel"):
        load(finish(writer, writer.quantize(real, *OUTPUT)))
