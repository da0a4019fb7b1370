"""Modes of integration and bias: what each computes, costs and refuses, layer by layer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurochip as nc
from conftest import known
from integer_graphs import (
    ACCUMULATOR,
    IN_INTEGERS,
    Drawing,
    code_format,
    dense,
    drawn,
    graph_of,
    max_pool,
    tensor,
)
from neurochip import _core
from neurochip.arithmetic import reference
from neurochip.errors import ImageError
from neurochip.formats import Tensor
from neurochip.layers import Add, Lookup, Weighted
from neurochip.lower import Settings, lower
from neurochip.network import DoubleIntegration, FixedRequantizer
from one_layer import compiled, decided, run, wide
from one_population import codes_computed
from scaled_by_hand import scaled_by_hand

NETWORKS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
SEEDS = st.integers(0, 2**32 - 1)
STEPS = st.lists(st.sampled_from(IN_INTEGERS), max_size=3)
MODES = [
    {"integration": "exact"},
    {"integration": "exact", "bias": "calibrated"},
    {"integration": "double"},
    {"integration": "double", "bias": "calibrated"},
    {"integration": "scaled"},
    {"integration": "scaled", "granularity": "per_channel"},
    {"integration": "scaled", "bias": "calibrated"},
    {"integration": "scaled", "s1": "largest"},
    {"bias": "scaled"},
    {"bias": "calibrated"},
]
SATURATING = {"core.overflow": "'saturate'"}
"""Weight sums of 32 bits: those of 16 saturate source by source, which the graph does not."""


@pytest.mark.parametrize("fields", MODES, ids=lambda fields: " ".join(fields.values()))
@pytest.mark.parametrize("overrides", [{}, SATURATING], ids=["wrapping", "saturating"])
@NETWORKS
@given(seed=SEEDS, steps=STEPS, accumulator=st.booleans())
def test_in_every_mode_the_chip_computes_what_its_constants_say(
    fields, overrides, seed, steps, accumulator
):
    graph, samples = drawn(seed, steps, accumulator)
    image = nc.compile(
        graph, "darwin3", calibration=samples[:2], overrides=overrides, settings=decided(**fields)
    )
    assert run(image, samples).compiled_agreement.differing.sum() == 0


@NETWORKS
@given(seed=SEEDS)
def test_double_membranes_hold_unbounded_integers_whatever_the_partial_sums(seed):
    graph, samples = drawn(seed, [], accumulator=True)
    result = run(nc.compile(graph, "darwin3", settings=decided(integration="double")), samples)
    wanted = graph.evaluate(graph.quantize(samples))[graph.output.name]
    np.testing.assert_array_equal(result.outputs, wanted)
    assert result.overflows.sum() == 0


@NETWORKS
@given(seed=SEEDS, granularity=st.sampled_from(["per_layer", "per_channel"]))
def test_scaled_values_without_overflow_are_at_most_one_level_from_exact_integers(
    seed, granularity
):
    drawing = Drawing(np.random.default_rng(seed))
    source = drawing.tensor((drawing.integer(1, 4), drawing.integer(3, 7), drawing.integer(3, 7)))
    drawing.convolution(source)
    (layer,) = drawing.layers
    codes = drawing.random.integers(source.low, source.high + 1, (40, *source.shape))
    settings = decided(integration="scaled", granularity=granularity, headroom=1.0)
    network = lower(graph_of(source, [layer]), nc.chip("darwin3"), "stem", codes[:20], settings)
    values, overflowed = scaled_by_hand(network, layer, codes)
    computed = codes_computed(network, nc.chip("darwin3"), layer, {layer.inputs[0].name: codes})
    np.testing.assert_array_equal(computed, values)
    levels = np.abs(values.astype(int) - layer.evaluate(codes).astype(int))
    assert levels[~overflowed].max(initial=0) <= 1


def test_a_membrane_asked_to_be_exact_where_it_is_not_proven_overflows_and_says_so():
    layer = wide()
    image = compiled(layer, integration="exact")
    assert image.populations[1].facts.mode == "exact"
    assert image.populations[1].facts.headroom_bits == pytest.approx(
        np.log2(32_767 / 102_000), abs=1e-4
    )
    samples = np.array([[50] * 4, [255] * 4])
    result = run(image, samples)
    # 51,200 wraps at the second step, and 33,664 at the sixth.
    assert result.by_population["membrane_overflows"][:, 1].tolist() == [0, 2]
    # 102,000 wraps to -29,072: nothing fires. It is 204 in exact integers.
    assert result.outputs.ravel().tolist() == [40, 0]
    assert result.exact_agreement.differing.sum() == 1
    told = str(nc.report(result))
    assert "2 values did not fit their registers" in told
    assert "sums are not proven to fit their membranes: overflows are counted: d" in told


def test_a_signed_code_sends_its_smallest_value_before_what_makes_it_larger():
    """-1 is sent as -128 first: with weights of -256 in all that makes 32,768.

    The membrane wraps to -32,768, and wraps back with the next bit.
    """
    source = tensor("x", (2,), 0, -100, 127, signed=True)
    for last, mode, overflows in ((-127, "exact", 0), (-128, "scaled", 2)):
        layer = dense("d", source, np.array([[-128, last]]), tensor("y", (1,)), 0, 0.002)
        assert compiled(layer).populations[1].facts.mode == mode
        asked_for = run(compiled(layer, integration="exact"), [[-1, -1]])
        assert int(asked_for.overflows.sum()) == overflows


def test_the_same_sums_fit_two_state_words():
    image = compiled(wide(), integration="double")
    assert isinstance(image.network.populations[1].model.integration, DoubleIntegration)
    assert (image.populations[1].facts.mode, image.populations[1].facts.membrane_bits) == (
        "double",
        32,
    )
    result = run(image, [[50] * 4, [255] * 4])
    assert result.outputs.ravel().tolist() == [40, 204]
    assert result.overflows.sum() == 0


def test_two_state_words_take_the_soma_longer():
    """Accumulate in 8 timesteps, requantize once, generate in 8: each at its own price."""
    cycles = {}
    for mode in ("exact", "double"):
        result = run(compiled(wide(), integration=mode), [[50] * 4], "cycle")
        cycles[mode] = int(result.counters["soma_busy_cycles"][0])
    assert cycles == {"exact": 8 * 5 + 5 + 8 * 5, "double": 8 * 12 + 49 + 8 * 5}


def test_two_state_words_are_multiplied_by_as_many_bits_as_the_chip_file_says():
    differing = []
    for bits in (8, 16, 24):
        overrides = {"core.second_state_word.multiplier_bits": bits}
        image = compiled(wide(), overrides=overrides, integration="double")
        multiplier = image.network.populations[1].model.requantizer.multiplier
        assert int(multiplier.max()).bit_length() == bits
        differing.append(image.populations[1].facts.differing)
    # What is left is float32's second rounding: no line has its thresholds.
    assert differing == [2859, 77, 34]


def test_two_state_words_take_the_memory_that_the_chip_file_says():
    words = {
        (mode, extra): compiled(
            wide(),
            overrides={"core.second_state_word.dendrite_words_per_neuron": extra},
            integration=mode,
        ).cores[0].dendrite_words
        for mode in ("exact", "double")
        for extra in (0, 3)
    }  # fmt: skip
    assert words["double", 3] == words["double", 0] + 3
    assert words["exact", 3] == words["exact", 0] == words["double", 0]


def test_a_double_membrane_leaves_no_word_for_a_second_sample():
    """It receives in 8 timesteps and sends in 8; with one word a neuron does both at a time."""
    layer = wide()
    periods, graph = {}, graph_of(layer.inputs[0], [layer])
    samples = np.random.default_rng(0).integers(0, 256, (6, 4)).astype(np.float32)
    for mode in ("scaled", "double"):
        image = nc.compile(graph, pipeline=True, settings=decided(integration=mode))
        periods[mode] = image.period
        assert run(image, samples, "cycle").compiled_agreement.differing.sum() == 0
    assert periods == {"scaled": 8, "double": 16}
    description = json.dumps({**image.description, "period": 15})
    with pytest.raises(ImageError, match="with room for 1 of them it takes one every 16"):
        _core.Image(description, bytes(1 << 10))


def test_a_double_membrane_holds_a_bias_twice_as_wide():
    """A bias of 40,000 does not fit 16 bits: scaled or calibrated in one word, exact in two."""
    layer = wide(weight=1, bias=40_000)
    (each,) = compiled(layer).populations[1:]
    assert (each.facts.mode, each.facts.bias_mode) == ("scaled", "scaled")
    assert compiled(layer, integration="exact").populations[1].facts.bias_mode == "calibrated"
    image = compiled(layer, integration="double")
    assert (image.populations[1].facts.bias_mode, image.populations[1].facts.bias_bits) == (
        "exact",
        17,
    )
    assert run(image, [[200] * 4]).exact_agreement.differing.sum() == 0


def test_what_the_host_reads_is_unscaled_and_gets_its_bias_in_every_mode():
    logits = Tensor("y", (3,), ACCUMULATOR, -(2**31), 2**31 - 1)
    weights = np.array([[300, -300], [20, 10], [127, 127]])
    layer = dense("d", tensor("x", (2,)), weights, logits, np.array([70_000, -5, 0]), None)
    samples = np.array([[255, 0], [1, 200], [128, 127]])
    wanted = samples @ weights.T + [70_000, -5, 0]
    for fields in ({"integration": "double"}, {"integration": "double", "bias": "calibrated"}):
        np.testing.assert_array_equal(run(compiled(layer, **fields), samples).outputs, wanted)
    for granularity in ("per_layer", "per_channel"):
        image = compiled(layer, integration="scaled", granularity=granularity)
        found = run(image, samples)
        assert found.compiled_agreement.differing.sum() == 0
        np.testing.assert_allclose(found.outputs, wanted, atol=12)


def test_every_layer_has_the_mode_of_its_own_table():
    source = tensor("x", (4,))
    first = dense("first", source, np.full((4, 4), 100), tensor("a", (4,)), 0, 0.002)
    second = dense("second", first.output, np.full((4, 4), 90), tensor("b", (4,)), 0, 0.002)
    third = dense("third", second.output, np.full((4, 4), 80), tensor("c", (4,)), 0, 0.002)
    text = 'default.integration = "scaled"\nlayers.first.integration = "double"\n'
    text += 'layers.second.granularity = "per_channel"\nlayers.third.integration = "exact"\n'
    graph = graph_of(source, [first, second, third])
    image = nc.compile(graph, "darwin3", settings=Settings.from_toml(text))
    assert [each.facts.mode for each in image.populations[1:]] == ["double", "scaled", "exact"]
    assert [len(each.facts.s1) for each in image.populations[1:]] == [0, 4, 0]
    random = np.random.default_rng(0).integers(0, 256, (20, 4))
    assert run(image, random).compiled_agreement.differing.sum() == 0


def test_an_addition_in_two_state_words_has_the_weights_that_follow_its_scales():
    # Scales 1, 0.371 and 1.2: no pair of weights below 128 has that ratio.
    named = {"a": (1.0, 3), "b": (0.371, 100), "y": (1.2, 50)}
    x, b, y = (
        Tensor(name, (2, 3, 3), code_format(zero, scale=scale), 0, 255)
        for name, (scale, zero) in named.items()
    )
    table = np.clip(np.arange(256) + 20, 0, 255).astype(np.int32)[None]
    layers = [Lookup("l", (x,), b, table), Add("sum", (x, b), y)]
    samples = np.random.default_rng(0).integers(-3, 253, (9, 2, 3, 3))
    differing = {}
    for mode in ("auto", "double"):
        image = nc.compile(graph_of(x, layers), settings=decided(integration=mode))
        differing[image.populations[2].facts.mode] = image.populations[2].facts.differing
        result = run(image, samples)
        assert result.compiled_agreement.differing.sum() == 0
        assert result.overflows.sum() == 0
    assert differing["double"] < differing["exact"] / 4


def test_the_default_of_a_whole_network_passes_over_layers_without_weights():
    source = tensor("x", (1, 4, 4))
    image = nc.compile(
        graph_of(source, [max_pool("p", source, (2, 2))]), settings=decided(integration="double")
    )
    assert image.populations[1].facts.mode == "streaming"


def test_float32_rounding_of_a_narrow_membrane_is_that_of_what_it_holds():
    """Asked to be exact on 16 bits, the ideal soma rounds what is left after wrapping."""
    overrides = {"core.membrane_bits": 16, "core.weight_sum_bits": 16, "core.soma.bias_bits": 16}
    image = compiled(wide(), "ideal", overrides, integration="exact")
    result = run(image, [[255] * 4, [100] * 4])
    held = np.array([102_000 - 131_072, 40_000 - 65_536])
    wanted = reference(held, np.float32(0.002), 0, 0, 255)
    assert result.outputs.ravel().tolist() == wanted.tolist()
    assert result.compiled_agreement.differing.sum() == 0


def test_what_may_overflow_in_two_words_is_the_weight_sum_of_a_timestep():
    layer = wide(weight=127, count=300, multiplier=2.0**-16)
    image = compiled(layer, integration="double")
    assert image.populations[1].facts.note == "weight sums of a timestep may overflow: counted"
    result = run(image, [[255] * 300, [128] * 20 + [0] * 280])
    assert result.by_population["sum_overflows"][:, 1].tolist() == [8, 0]
    assert result.by_population["membrane_overflows"].sum() == 0


def test_an_image_keeps_what_is_told_of_modes(tmp_path):
    for fields in ({"integration": "double"}, {"granularity": "per_channel"}):
        image = compiled(wide(), calibration=np.full((1, 4), 9, np.float32), **fields)
        image.save(tmp_path / "x.image")
        loaded = nc.Image.load(tmp_path / "x.image")
        assert known(loaded) == known(image)
        samples = np.full((1, 4), 200, np.float32)
        np.testing.assert_array_equal(run(loaded, samples).outputs, run(image, samples).outputs)


def test_constants_of_the_second_scaling_are_fitted_channel_by_channel():
    weights = np.array([[100] * 4, [20] * 4])
    layer = dense("d", tensor("x", (4,)), weights, tensor("y", (2,)), 0, np.array([0.002, 0.02]))
    image = compiled(layer, integration="scaled", granularity="per_channel")
    requantizer = image.network.populations[1].model.requantizer
    assert isinstance(requantizer, FixedRequantizer)
    wanted = np.array([0.002, 0.02]) / np.array(image.populations[1].facts.s1)
    np.testing.assert_allclose(requantizer.multiplier / 2.0**requantizer.shift, wanted, rtol=2**-15)


def test_only_layers_that_sum_are_integrated():
    graph, samples = drawn(3, ["convolution", "shortcut"], accumulator=False)
    network = nc.compile(graph, "darwin3", calibration=samples).network
    summing = {layer.name for layer in graph.layers if isinstance(layer, Weighted | Add)}
    told = {each.layer for each in network.populations if each.facts.membrane_bits}
    assert told == summing
