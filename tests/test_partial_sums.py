"""The largest partial sum: the same as if every window were summed after every step."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from integer_graphs import Drawing, convolution, tensor
from neurochip.lower.stem.codes import choose_code
from neurochip.lower.stem.partial_sums import largest_partial_sum, largest_partial_sums

LAYERS = settings(max_examples=150, deadline=None, derandomize=True)


def after_every_step(layer, code, values, bias):
    """The largest magnitude of each channel."""
    sums = [layer.linear(code.sent_by(values, step)) for step in range(code.bits)]
    every = np.stack([*sums, sums[-1] + bias])
    return np.abs(np.moveaxis(every, 2, 0)).reshape(every.shape[2], -1).max(axis=1)


@LAYERS
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["convolution", "dense", "average"]))
def test_no_window_with_the_largest_sum_is_passed_over(seed, kind):
    drawing = Drawing(np.random.default_rng(seed))
    source = drawing.tensor((drawing.integer(1, 4), drawing.integer(3, 9), drawing.integer(3, 9)))
    if kind == "dense":
        drawing.dense(drawing.flatten(source), 5)
    else:
        getattr(drawing, kind)(source)
    layer = drawing.layers[-1]
    code = choose_code(layer.inputs[0])
    shape = (drawing.integer(1, 20), *layer.inputs[0].shape)
    codes = drawing.random.integers(source.low, source.high + 1, shape)
    if drawing.chance():  # few large values, as after ReLU
        codes = np.where(drawing.random.random(shape) < 0.8, source.low, codes)
    values = code.values(codes)
    bias = drawing.random.integers(-20_000, 20_000, layer.output.shape)
    wanted = after_every_step(layer, code, values, bias)
    assert largest_partial_sum(layer, code, values, bias) == wanted.max()
    assert largest_partial_sums(layer, code, values, bias).tolist() == wanted.tolist()


def test_a_sum_before_the_last_step_can_be_the_largest():
    """Weights 100 and -100, values 128 and 127: 12,800 after the first step, 100 after the last."""
    source = tensor("x", (2, 3, 3))
    weights = np.array([100, -100]).reshape(1, 2, 1, 1)
    layer = convolution("c", source, weights, tensor("y", (1, 1, 1)))
    values = np.zeros((1, 2, 3, 3), np.int16)
    values[0, :, 1, 2] = 128, 127
    code = choose_code(source)
    assert largest_partial_sum(layer, code, values, np.array(0)) == 12_800
    assert largest_partial_sum(layer, code, values, np.array(-12_901)) == 12_901


def test_a_window_whose_bound_is_its_sum_is_found_among_larger_last_sums():
    """-1 is sent as -128 first: 12,800, which no bound exceeds; another window ends at 12,000."""
    source = tensor("x", (2, 1, 2), signed=True)
    weights = np.array([100, 0]).reshape(1, 2, 1, 1)
    layer = convolution("c", source, weights, tensor("y", (1, 1, 1)))
    values = np.array([[[[-1, 120]], [[0, 0]]]], np.int16)
    assert largest_partial_sum(layer, choose_code(source), values, np.array(0)) == 12_800
