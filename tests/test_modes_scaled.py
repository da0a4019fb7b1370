"""Scaled membranes and their biases: scales, rounding, and who adds what."""

from __future__ import annotations

import numpy as np
import pytest

from integer_graphs import ACCUMULATOR, dense, tensor
from neurochip.formats import Tensor
from neurochip.network import ScaledIntegration
from one_layer import compiled, run, wide


def test_a_calibrated_bias_is_rounded_to_the_output_s_scale():
    """The published rule: round(H M) + round(b M); here 12.6 + 3.3 is 16 exactly, 13 + 3 so too."""
    layer = wide(weight=1, bias=33, multiplier=0.1, count=1)
    image = compiled(layer, chip="ideal", bias="calibrated")
    assert (image.populations[1].facts.mode, image.populations[1].facts.bias_mode) == (
        "exact",
        "calibrated",
    )
    assert image.populations[1].facts.bias_bits == 3
    values = np.arange(256)
    outputs = run(image, values[:, None]).outputs.ravel()
    nearest_half_up = np.floor(values * 0.1 + 0.5).astype(int) + 3
    off_ties = values % 10 != 5  # 0.1 is no binary fraction: where ties go is the multiplier's
    np.testing.assert_array_equal(outputs[off_ties], nearest_half_up[off_ties])
    assert run(image, [[4]]).outputs.item() == 3, "3.7 is 4: rounded twice it is 3"


def test_the_proof_of_a_calibrated_bias_counts_what_rounding_twice_changes():
    """round(0.1 v) + 3 in place of round(0.1 v + 3.3), for each v that can be sent."""
    image = compiled(
        wide(weight=1, bias=33, multiplier=0.1, count=1), chip="ideal", bias="calibrated"
    )
    values = np.arange(256)
    exact = np.minimum(np.rint(np.float32(values + 33) * np.float32(0.1)), 255)
    differing = int(np.count_nonzero(run(image, values[:, None]).outputs.ravel() != exact))
    assert 50 < differing < 100
    (layer,) = image.populations[1:]
    assert (layer.facts.differing, layer.facts.reachable) == (differing, 256)


def test_a_scaled_bias_keeps_the_fraction_that_a_calibrated_one_loses():
    """n spikes' worth are 0.2 n + 0.25 levels: every fifth sum, n = 2, is 0.65 and rounded up."""
    layer = wide(bias=125)
    values = np.arange(256)
    samples = np.stack([values, 0 * values, 0 * values, 0 * values], axis=1)
    differing = {}
    for bias in ("calibrated", "scaled"):
        image = compiled(layer, integration="scaled", bias=bias)
        assert image.populations[1].facts.bias_mode == bias
        outputs = run(image, samples).outputs.ravel()
        differing[bias] = np.nonzero(outputs != np.rint(0.2 * values + 0.25))[0].tolist()
    assert differing == {"calibrated": list(range(2, 256, 5)), "scaled": []}


def test_a_bias_that_exceeds_all_membranes_sets_the_scale():
    """Sums of at most 80,000 and a bias of -150,000: the sum of both is smaller than the bias."""
    layer = wide(bias=-150_000)
    (each,) = compiled(layer, calibration=np.full((1, 4), 200, np.float32)).populations[1:]
    assert (each.facts.bias_mode, each.facts.bias_bits, each.facts.largest_seen) == (
        "scaled",
        16,
        80_000,
    )
    assert each.facts.s1 == pytest.approx((32_767 / 150_000,))


def test_the_host_adds_the_bias_of_a_scaled_membrane_that_it_reads():
    logits = Tensor("y", (1,), ACCUMULATOR, -(2**31), 2**31 - 1)
    weights = np.array([[101, 99, 103, 97]])
    layer = dense("d", tensor("x", (4,)), weights, logits, 12_345, None)
    image = compiled(layer, integration="scaled")
    (each,) = image.populations[1:]
    assert (each.facts.mode, each.facts.bias_mode, each.facts.bias_bits) == ("scaled", "host", None)
    samples = np.random.default_rng(0).integers(0, 256, (4_000, 4))
    errors = run(image, samples).outputs - (samples @ weights.T + 12_345)
    assert abs(errors).max() < 8
    assert abs(errors.mean()) < 1, "1.5, which steps round up on average, is taken off as 2"


@pytest.mark.parametrize("fields", [{}, {"bias": "exact"}, {"bias": "calibrated"}], ids=str)
def test_nobody_decides_about_the_bias_of_a_membrane_that_the_host_reads(fields):
    """Sums of 1,020 are exact in 16 bits whatever the bias, which the host adds if it must."""
    logits = Tensor("y", (1,), ACCUMULATOR, -(2**31), 2**31 - 1)
    for bias, where in ((40_000, "host"), (99, "exact")):
        layer = dense("d", tensor("x", (4,)), np.ones((1, 4)), logits, bias, None)
        image = compiled(layer, **fields)
        assert (image.populations[1].facts.mode, image.populations[1].facts.bias_mode) == (
            "exact",
            where,
        )
        assert run(image, [[1, 2, 3, 255]]).outputs.item() == bias + 261


def test_one_scale_a_channel_fills_every_channel_s_register():
    source = tensor("x", (4,))
    weights = np.array([[100] * 4, [50] * 4])
    layer = dense("d", source, weights, tensor("y", (2,)), 0, 0.002)
    fields = {"integration": "scaled", "headroom": 1.0, "s1": "largest"}
    dark = np.full((1, 4), 200, np.float32)
    one = compiled(layer, calibration=dark, **fields)
    assert one.populations[1].facts.s1 == (32_767 / 80_000,)
    each = compiled(layer, calibration=dark, granularity="per_channel", **fields)
    assert each.populations[1].facts.s1 == pytest.approx((32_767 / 80_000, 32_767 / 40_000))
    assert each.populations[1].facts.largest_seen == 80_000
    integration = each.network.populations[1].model.integration
    assert isinstance(integration, ScaledIntegration)
    for row, shift, s1 in zip(
        integration.coefficients, integration.shift, integration.s1, strict=True
    ):
        exact = s1 * 2.0 ** np.arange(7, -1, -1) * 2.0**shift
        np.testing.assert_array_equal(row, np.rint(exact))
        assert 2**13 < row[0] < 2**15, "as many binary places as fit"
    assert run(each, dark).overflows.sum() == 0


def test_a_sum_that_never_fills_its_register_is_not_scaled_up():
    """Hmax = 90 would allow s1 = 364: with 1 the membrane is the accumulator, bias and all."""
    image = compiled(wide(weight=1, count=1, multiplier=1.0, bias=89), integration="scaled",
                     calibration=np.ones((1, 1), np.float32))  # fmt: skip
    assert (image.populations[1].facts.s1, image.populations[1].facts.largest_seen) == ((1.0,), 90)
    integration = image.network.populations[1].model.integration
    exact = (128 >> np.arange(8)) << integration.shift
    assert integration.coefficients.tolist() == [exact.tolist()]
    assert run(image, np.arange(256)[:, None]).exact_agreement.differing.sum() == 0


def test_a_scale_is_a_power_of_two_where_that_rounds_less():
    """Sums of up to 102,000 have room for s1 = 0.32; with 0.25 only the last two steps round.

    In units of the sum, sqrt(8 / 12) / 0.32 = 2.5 against sqrt((3/4 + 15/16) / 12) / 0.25 = 1.5.
    Just below a half it is 1.7 against 1.5, just below a quarter 3.3 against 3.8.
    """
    scales = [
        compiled(wide(weight), integration="scaled", headroom=1.0,
                 calibration=np.full((1, 4), 200, np.float32)).populations[1].facts.s1
        for weight in (100, 82, 164)
    ]  # fmt: skip
    assert scales == [(0.25,), (0.25,), (pytest.approx(32_767 / 131_200),)]


def test_fewer_values_change_where_the_scale_rounds_less():
    """Of 200,000 values 1,136 with s1 = 0.31, 652 with 0.25."""
    random = np.random.default_rng(0)
    layer = dense("d", tensor("x", (64,)), random.integers(-30, 31, (20, 64)),
                  tensor("y", (20,), 128), random.integers(-3_000, 3_000, 20), 0.0025)  # fmt: skip
    samples = random.integers(0, 256, (10_000, 64)).astype(np.float32)
    differing = {}
    for s1 in ("largest", "auto"):
        image = compiled(layer, integration="scaled", s1=s1, calibration=samples[:256])
        differing[s1] = int(run(image, samples).exact_agreement.differing.sum())
    assert 0 < differing["auto"] < 0.7 * differing["largest"]
