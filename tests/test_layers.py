"""Layers against plain loops, and the laws their later uses rest on."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurochip.formats import Format, Tensor
from neurochip.layers import Add, AveragePool, Convolution, Dense, Lookup, MaxPool, Rearrange
from neurochip.layers.add import add_table


def uint8(scale: float, zero_point: int) -> Format:
    return Format(8, False, np.float32(scale).reshape(()), zero_point)


def tensor(name: str, shape: tuple[int, ...], format: Format) -> Tensor:
    return Tensor(name, shape, format, format.qmin, format.qmax)


def loops(layer: Convolution, values: np.ndarray) -> np.ndarray:
    """The sums of a convolution, one product at a time."""
    sums = np.zeros((len(values), *layer.output.shape), np.int64)
    _, per_group, height, width = layer.weights.shape
    outputs_per_group = len(layer.weights) // layer.groups
    for sample, out, y, x in np.ndindex(*sums.shape):
        first = out // outputs_per_group * per_group
        for channel, row, column in product(range(per_group), range(height), range(width)):
            source_y = y * layer.strides[0] + row * layer.dilations[0] - layer.pads[0]
            source_x = x * layer.strides[1] + column * layer.dilations[1] - layer.pads[1]
            inside = 0 <= source_y < values.shape[2] and 0 <= source_x < values.shape[3]
            if inside:
                weight = int(layer.weights[out, channel, row, column])
                value = int(values[sample, first + channel, source_y, source_x])
                sums[sample, out, y, x] += weight * value
    return sums


@st.composite
def convolutions(draw: st.DrawFn) -> Convolution:
    groups = draw(st.sampled_from([1, 2]))
    kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    strides = (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    dilations = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    pads = tuple(draw(st.integers(0, 2)) for _ in range(4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    per_group, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2)) * groups
    size = [
        (5 + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1)
        // strides[axis]
        + 1
        for axis in (0, 1)
    ]
    magnitude = draw(st.sampled_from([2, 128, 2**20]))
    weights = random.integers(-magnitude, magnitude, (outputs, per_group, *kernel))
    return Convolution(
        name="conv",
        inputs=(tensor("in", (per_group * groups, 5, 5), uint8(0.1, int(random.integers(256)))),),
        output=tensor("out", (outputs, *size), uint8(0.1, 3)),
        weights=weights.astype(np.int32),
        bias=random.integers(-1000, 1000, outputs),
        strides=strides,
        pads=pads,
        dilations=dilations,
        groups=groups,
        multiplier=np.full(outputs, 0.01, np.float32),
    )


def seeded_codes(layer: Convolution, count: int) -> np.ndarray:
    random = np.random.default_rng(int(np.abs(layer.bias).sum()))
    return random.integers(0, 256, (count, *layer.inputs[0].shape)).astype(np.uint8)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(layer=convolutions())
def test_sums_of_products_equal_plain_loops(layer):
    values = seeded_codes(layer, 2).astype(np.int64) - layer.inputs[0].format.zero_point
    expected = loops(layer, values)
    np.testing.assert_array_equal(layer.linear(values), expected)
    np.testing.assert_array_equal(layer.linear(values.astype(np.float64)), expected)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(layer=convolutions())
def test_sums_are_linear_so_bits_can_be_sent_one_at_a_time(layer):
    codes = seeded_codes(layer, 2).astype(np.int64)
    planes = sum(layer.linear((codes >> bit) & 1) << bit for bit in range(8))
    np.testing.assert_array_equal(planes, layer.linear(codes))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(layer=convolutions())
def test_no_accumulator_leaves_its_bounds(layer):
    low, high = layer.bounds()
    zero_point = layer.inputs[0].format.zero_point
    sums = layer.linear(seeded_codes(layer, 8).astype(np.int64) - zero_point)
    sums = sums + layer.bias[:, None, None]
    assert (sums >= low[:, None, None]).all()
    assert (sums <= high[:, None, None]).all()


def test_bounds_are_reached():
    layer = Dense(
        name="dense",
        inputs=(tensor("in", (2,), uint8(0.1, 100)),),
        output=tensor("out", (1,), uint8(0.1, 0)),
        weights=np.array([[3, -2]], np.int32),
        bias=np.array([7]),
        multiplier=np.ones(1, np.float32),
    )
    low, high = layer.bounds()
    assert (low[0], high[0]) == (7 - 3 * 100 - 2 * 155, 7 + 3 * 155 + 2 * 100)
    extremes = np.array([[-100, 155], [155, -100]])
    np.testing.assert_array_equal(layer.linear(extremes)[:, 0] + 7, [low[0], high[0]])


@pytest.mark.parametrize("weight", [32_767, -32_767])
def test_an_accumulator_that_can_wrap_at_one_end_can_be_anything(weight):
    """300 * 32,767 * 255 is beyond 2^31 on one side; on the other the sum ends at 0."""
    layer = Dense(
        name="dense",
        inputs=(tensor("in", (300,), uint8(0.1, 0)),),
        output=tensor("out", (1,), uint8(0.1, 0)),
        weights=np.full((1, 300), weight, np.int32),
        bias=np.array([7]),
        multiplier=np.ones(1, np.float32),
    )
    assert [int(bound[0]) for bound in layer.bounds()] == [-(2**31), 2**31 - 1]


def test_a_padded_tap_contributes_nothing_not_even_to_the_bounds():
    layer = Convolution(
        name="conv",
        inputs=(tensor("in", (1, 1, 1), uint8(0.1, 0)),),
        output=tensor("out", (1, 1, 3), uint8(0.1, 0)),
        weights=np.array([[[[5]]]], np.int32),
        bias=np.array([100]),
        strides=(1, 1),
        pads=(0, 1, 0, 1),
        dilations=(1, 1),
        groups=1,
        multiplier=None,
    )
    np.testing.assert_array_equal(layer.linear(np.full((1, 1, 1, 1), 9)), [[[[0, 45, 0]]]])
    assert [int(bound[0]) for bound in layer.bounds()] == [100, 100 + 5 * 255]


def test_the_zeros_of_padding_are_among_the_values_even_where_no_code_is_zero():
    """Codes of 10 to 20: beside the map the tap meets 0, or up to 20 if it lies inside."""
    source = Tensor("in", (1, 1, 1), uint8(0.1, 0), 10, 20)
    for pads, low in (((0, 1, 0, 1), 100), ((0, 0, 0, 0), 100 + 5 * 10)):
        layer = Convolution(
            name="conv",
            inputs=(source,),
            output=tensor("out", (1, 1, 1 + sum(pads)), uint8(0.1, 0)),
            weights=np.array([[[[5]]]], np.int32),
            bias=np.array([100]),
            strides=(1, 1),
            pads=pads,
            dilations=(1, 1),
            groups=1,
            multiplier=None,
        )
        assert [int(bound[0]) for bound in layer.bounds()] == [low, 100 + 5 * 20]


@pytest.mark.parametrize("bias", [2**24, -(2**24), 2**31 - 10])
def test_a_bias_beyond_the_integers_of_a_float32_is_added_exactly(bias):
    layer = Dense(
        name="dense",
        inputs=(tensor("in", (1,), uint8(0.1, 0)),),
        output=tensor("out", (1,), Format(32, True, np.asarray(1, np.float32), 0)),
        weights=np.array([[1]], np.int32),
        bias=np.array([bias]),
        multiplier=None,
    )
    codes = np.arange(10, dtype=np.uint8)[:, None]
    assert layer.evaluate(codes).ravel().tolist() == [bias + code for code in range(10)]


@pytest.mark.parametrize("magnitude", [1, 2**24, 2**40])
def test_large_sums_stay_exact(magnitude):
    layer = Dense(
        name="dense",
        inputs=(tensor("in", (3,), uint8(0.1, 0)),),
        output=tensor("out", (1,), uint8(0.1, 0)),
        weights=np.array([[1, 1, -1]], np.int32),
        bias=np.zeros(1, np.int64),
        multiplier=None,
    )
    values = np.array([[magnitude, 1, magnitude]])
    assert layer.linear(values)[0, 0] == 1


def test_an_average_sums_its_window_and_divides_by_its_count():
    layer = AveragePool(
        name="average",
        inputs=(tensor("in", (1, 2, 2), uint8(0.5, 10)),),
        output=tensor("out", (1, 1, 2), uint8(0.5, 10)),
        kernel=(2, 2),
        strides=(1, 1),
        pads=(0, 0, 0, 1),
        dilations=(1, 1),
        counts=np.array([[4, 2]]),
        multiplier=np.array([[0.25, 0.5]], np.float32),
        global_=False,
    )
    codes = np.array([[[[10, 20], [30, 41]]]], np.uint8)
    np.testing.assert_array_equal(layer.linear(codes.astype(int) - 10), [[[[61, 41]]]])
    np.testing.assert_array_equal(layer.evaluate(codes), [[[[25, 30]]]])  # 15.25, 20.5 to even


def test_padding_never_wins_a_maximum():
    signed = Format(8, True, np.float32(1).reshape(()), 0)
    layer = MaxPool(
        "max",
        (tensor("in", (1, 1, 2), signed),),
        tensor("out", (1, 1, 3), signed),
        (1, 2),
        (1, 1),
        (0, 1, 0, 1),
        (1, 1),
    )
    codes = np.array([[[[-128, -5]]]], np.int8)
    np.testing.assert_array_equal(layer.evaluate(codes), [[[[-128, -5, -5]]]])


def test_a_table_may_differ_in_each_channel():
    table = np.stack([np.arange(256), 255 - np.arange(256)]).astype(np.int32)
    layer = Lookup(
        "table",
        (tensor("in", (2, 2), uint8(1, 0)),),
        tensor("out", (2, 2), uint8(1, 0)),
        table,
    )
    codes = np.array([[[1, 2], [3, 4]]], np.uint8)
    np.testing.assert_array_equal(layer.evaluate(codes), [[[1, 2], [252, 251]]])


def test_an_index_of_minus_one_is_real_zero():
    layer = Rearrange(
        "pad",
        (tensor("in", (2,), uint8(1, 7)),),
        tensor("out", (4,), uint8(1, 7)),
        np.array([-1, 1, 0, -1], np.int32),
    )
    np.testing.assert_array_equal(layer.evaluate(np.array([[5, 6]], np.uint8)), [[7, 6, 5, 7]])


def test_equal_scales_half_as_fine_round_every_other_sum_to_even():
    one, two = uint8(1, 0), uint8(2, 0)
    table = add_table(one, one, two)
    assert [int(table[1, second]) for second in (0, 2, 4, 6)] == [0, 2, 2, 4]


def test_the_zero_point_is_added_before_a_sum_is_rounded():
    one, shifted = uint8(1, 0), uint8(2, 1)
    table = add_table(one, one, shifted)
    assert [int(table[1, second]) for second in (0, 2, 4, 6)] == [2, 2, 4, 4]


def test_a_sum_clamps_where_a_relu_narrowed_it():
    layer = Add(
        "add",
        (tensor("a", (1,), uint8(1, 100)), tensor("b", (1,), uint8(1, 100))),
        Tensor("out", (1,), uint8(1, 50), 50, 255),
    )
    pairs = [np.array([[0], [120]], np.uint8), np.array([[0], [100]], np.uint8)]
    np.testing.assert_array_equal(layer.evaluate(*pairs), [[50], [70]])
