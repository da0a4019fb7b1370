"""The largest sums that are told of a layer: what no input exceeds, and what samples lead to."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurochip as nc
from command_line import neurochip
from integer_graphs import IN_INTEGERS, code_format, dense, drawn, graph_of, tensor
from neurochip.formats import Tensor
from neurochip.layers import Add, Lookup
from neurochip.lower.stem import branches
from one_layer import decided

NETWORKS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def told(graph, chip, samples=None, measure_sums=True, **fields):
    """What an image says of its last layer."""
    image = nc.compile(
        graph, chip, calibration=samples, settings=decided(**fields), measure_sums=measure_sums
    )
    return image.populations[-1].facts


def codes(*samples):
    return np.array(samples, np.float32)


def small():
    """100 and -100: no sum leaves 16 bits."""
    source = tensor("x", (2,))
    layer = dense("d", source, np.array([[100, -100]]), tensor("y", (1,)), 0, 0.01)
    return graph_of(source, [layer])


def test_sums_of_a_proven_layer_are_measured_only_where_that_is_asked_for():
    """128 and 127: 12,800 after the first step, 100 after the last."""
    samples = codes([128, 127])
    for chip in ("darwin3", "ideal"):
        assert told(small(), chip, samples, measure_sums=False).largest_seen is None
        layer = told(small(), chip, samples)
        assert (layer.largest_seen, layer.largest_possible) == (12_800, 25_500)
        assert told(small(), chip).largest_seen is None, "without samples there is nothing to see"
    assert layer.headroom_bits == pytest.approx(np.log2((2**31 - 1) / 12_800), abs=1e-4)


def residual(zero=0, other_zero=0, scale=1.0):
    """`x` and a table of it: `b = x + 20` in codes."""
    shape = (2, 1, 1)
    x = Tensor("x", shape, code_format(zero), 0, 255)
    b = Tensor("b", shape, code_format(other_zero, scale=scale), 0, 255)
    table = np.clip(np.arange(256) + 20, 0, 255).astype(np.int32)[None]
    y = tensor("y", shape, scale=2.0)
    return graph_of(x, [Lookup("l", (x,), b, table), Add("sum", (x, b), y)])


def pictures(*samples):
    return codes(*samples).reshape(-1, 2, 1, 1)


def test_an_addition_tells_what_its_branches_can_sum_to():
    """Side by side: codes of up to 255, the second times 512."""
    layer = told(residual(), "ideal")
    assert (layer.largest_possible, layer.membrane_bits) == (255 + 512 * 255, 32)
    assert layer.headroom_bits == pytest.approx(np.log2((2**31 - 1) / 130_815), abs=1e-4)
    assert (layer.largest_seen, layer.bias_bits) == (None, None)


def test_an_addition_tells_what_its_branches_sum_to_over_samples():
    layer = told(residual(), "ideal", pictures([10, 30], [0, 7]))
    assert layer.largest_seen == 30 + 512 * 50
    assert layer.headroom_bits == pytest.approx(np.log2((2**31 - 1) / 25_630), abs=1e-4)
    assert told(residual(), "ideal", pictures([10, 30]), measure_sums=False).largest_seen is None


def test_samples_that_are_measured_in_parts_give_the_same(monkeypatch):
    samples = pictures([10, 30], [0, 7], [40, 2], [1, 50], [3, 3])
    whole = told(residual(128, 3), "ideal", samples)
    monkeypatch.setattr(branches, "CHUNK_SUMS", 4)
    assert told(residual(128, 3), "ideal", samples) == whole


def test_a_signed_branch_starts_with_its_sign_bit():
    """Values from -128: of -1 the first step puts -128 on the membrane."""
    layer = told(residual(zero=128), "ideal", pictures([-1, -1]))
    assert layer.largest_possible == 127 + 512 * 255
    assert layer.largest_seen == 512 * 147, "before the other branch, of code 127, sends its sign"
    both = told(residual(128, 128), "ideal", pictures([-21, -21]))
    assert both.largest_seen == 128 + 512 * 128, "of -21 and -1 both sign bits"


def test_an_addition_on_a_narrow_chip_has_the_weights_of_its_constants():
    image = nc.compile(residual(), "darwin3")
    weights = [each.connector.weight for each in image.network.projections[-2:]]
    layer = image.populations[-1].facts
    assert layer.largest_possible == 255 * sum(weights)
    assert layer.membrane_bits == 16
    seen = told(residual(), "darwin3", pictures([10, 30])).largest_seen
    assert seen == 30 * weights[0] + 50 * weights[1]


def test_the_bias_of_an_addition_makes_up_for_zero_points_that_trains_do_not_carry():
    """Zero point 3, base 0: what is sent exceeds `q - Z` by 3."""
    image = nc.compile(residual(zero=3), "darwin3")
    first, second = (each.connector.weight for each in image.network.projections[-2:])
    bias = image.network.populations[-1].model.bias
    assert np.unique(bias).tolist() == [-3 * first]
    assert image.populations[-1].facts.bias_bits == int(3 * first - 1).bit_length() + 1
    assert image.populations[-1].facts.largest_possible == 255 * (first + second)


def test_an_addition_in_two_state_words_is_told_with_both():
    layer = told(residual(scale=0.371), "darwin3", integration="double")
    assert (layer.mode, layer.membrane_bits) == ("double", 32)


@pytest.mark.parametrize("chip", ["darwin3", "ideal"])
@NETWORKS
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.lists(st.sampled_from([*IN_INTEGERS, "shortcut"]), max_size=3),
)
def test_measuring_changes_no_constant_and_finds_nothing_impossible(chip, seed, steps):
    graph, samples = drawn(seed, steps, accumulator=False)
    plain, measured = (
        nc.compile(graph, chip, calibration=samples, measure_sums=measure)
        for measure in (False, True)
    )
    for table in ("populations", "projections", "tiles"):
        assert measured.description.get(table) == plain.description.get(table)
    for layer in measured.populations:
        if layer.kind in ("Convolution", "Dense", "AveragePool", "Add"):
            assert layer.facts.largest_seen is not None, layer.name
            assert layer.facts.largest_seen <= layer.facts.largest_possible
            assert layer.facts.headroom_bits is not None


def test_inspect_tells_of_every_layer_that_sums_what_samples_lead_to(examples):
    arguments = (examples / "digits_cnn.onnx", "--calibration", examples / "digits.npz", "--json")
    shown = neurochip("inspect", *arguments, "--chip", "ideal")
    layers = json.loads(shown.stdout)["image"]["layers"]
    seen = {each["name"]: each["largest_seen"] for each in layers if each["model"] == "stem"}
    assert list(seen) == ["/0/Conv", "/3/Conv", "/6/Gemm"]
    assert None not in seen.values()
