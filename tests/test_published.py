"""Quartz as published: thresholds without a gate, readouts and biases as spikes, percentiles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurochip as nc
import oracle_fanout
from conftest import known
from integer_graphs import (
    ACCUMULATOR,
    STEPS,
    average,
    concat,
    dense,
    drawn,
    global_average,
    graph_of,
    max_pool,
    tensor,
)
from lowered_layers import SHAPE, conv, kinds
from naive_quartz import spike_times
from neurochip.errors import SettingsError, UnsupportedOpError
from neurochip.formats import Tensor
from neurochip.layers import Add, Lookup
from neurochip.lower.calibration import highest_codes
from neurochip.lower.quartz.paper.integers import integers_of
from neurochip.network import ConstantNeurons
from test_quartz import ANY_NETWORK, codes_of, lowered, samples_of, simulated

PUBLISHED = ("published", "loihi")
WIDE = {"core.weight_bits": "[16]"}


def published(layers, samples, mode="published", chip="ideal", **options):
    options = {"calibration": samples, "t_max": 16} | options
    return simulated(layers, samples, chip, quartz_mode=mode, **options)


def levels_sent(image, samples):
    """By population, of neurons that spike: (samples, neurons)."""
    records = oracle_fanout.sent(image, samples)
    return {
        layer.name: layer.code.read(records[layer.name])
        for layer in image.populations
        if layer.code is not None
    }


# Early spikes


def test_a_partial_sum_fires_early_and_the_next_layer_hears_it_for_longer():
    """Weights 100 and -300 on levels 255 and 40, slope 81: level 304 instead of 167."""
    source = tensor("x", (2,))
    first = dense("d", source, np.array([[100, -300]]), tensor("y", (1,)), 0, 1 / 81)
    read = Tensor("z", (1,), ACCUMULATOR, -(2**31), 2**31 - 1)
    second = dense("r", first.output, np.array([[7]]), read, 5, None)
    samples = np.array([[255.0, 40.0], [255.0, 0.0]], np.float32)  # as far as it goes, alike
    run = published([first, second], samples, t_max=256)
    assert levels_sent(run.image, samples)["d"].tolist() == [[304], [304]]
    assert run.outputs[0].tolist() == [7 * 304 + 5]
    early = dict(
        zip(run.population_names, run.by_population["early_spikes"].T.tolist(), strict=True)
    )
    assert early["d"] == [1, 1]
    assert run.by_population["early_spikes"].sum() == 2
    assert run.compiled_agreement.differing.sum() == 0
    gated = simulated([first, second], samples)
    assert (gated.outputs[0].tolist(), gated.by_population["early_spikes"].sum()) == (
        [7 * 167 + 5],
        0,
    )


@pytest.mark.parametrize("mode", PUBLISHED)
@pytest.mark.parametrize("seed", range(12))
def test_random_neurons_spike_when_neurons_that_are_always_at_work_do(seed, mode):
    """Over-range values, biases of both signs, one scale per channel, early spikes twice."""
    random = np.random.default_rng(seed)
    source = tensor("x", (int(random.integers(1, 6)),))
    layers, widths = [], [source.shape[0], *random.integers(1, 6, 2)]
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        weights = random.integers(-127, 128, (outputs, inputs))
        spread = np.abs(weights).sum(axis=1).max() * 255 + 1
        bias = random.integers(-spread // 2, spread // 2 + 1, outputs)
        scale = random.uniform(0.5, 3.0, outputs) * 255 / spread
        flow = layers[-1].output if layers else source
        layers.append(dense(f"d{number}", flow, weights, tensor(f"y{number}", (1,)), bias, scale))
    samples = samples_of(layers, 8, seed)
    timesteps = int(random.choice([4, 16, 60]))
    run = published(layers, samples, mode, t_max=timesteps, percentile=80, overrides=WIDE)
    network, found = run.image.network, levels_sent(run.image, samples)
    first = np.asarray(network.population("input").code.values(codes_of(layers, 8, seed)))
    early = np.zeros_like(run.by_population["early_spikes"])
    for sample, levels in enumerate(first):
        times = spike_times(network, levels)
        for number, population in enumerate(network.populations):
            code, start = population.code, population.send_start
            wanted = start + code.steps - 1 - np.array(times[population.name])
            assert found[population.name][sample].tolist() == wanted.tolist(), population.name
            early[sample, number] = np.count_nonzero(wanted > code.levels)
    np.testing.assert_array_equal(run.by_population["early_spikes"], early)
    assert run.compiled_agreement.differing.sum() == 0


@ANY_NETWORK
@given(
    seed=st.integers(0, 10**6),
    steps=st.lists(st.sampled_from([s for s in STEPS if s != "rescaling"]), max_size=4),
    chip=st.sampled_from(
        [("ideal", {}), ("darwin3", {}), ("ideal", {"core.overflow": "'saturate'"})]
    ),
    mode=st.sampled_from(PUBLISHED),
    accumulator=st.booleans(),
    timesteps=st.sampled_from([2, 7, 16, 40]),
    percentile=st.sampled_from([60.0, 99.0, None]),
    pipeline=st.booleans(),
)
def test_networks_nobody_designed_compute_what_their_constants_say(
    seed, steps, chip, mode, accumulator, timesteps, percentile, pipeline
):
    graph, samples = drawn(seed, steps, accumulator)
    options = {"t_max": timesteps, "percentile": percentile, "pipeline": pipeline}
    try:
        image = nc.compile(
            graph, chip[0], code="quartz", overrides=chip[1], calibration=samples, quartz_mode=mode,
            **options,
        )  # fmt: skip
    except UnsupportedOpError as refused:
        told = ("share weights", "percentiles of their own", "leave registers of")
        if not any(reason in str(refused) for reason in told):
            raise
        return
    run = nc.simulate(image, samples, timing="none", threads=1)
    assert run.compiled_agreement.differing.sum() == 0


def test_neurons_that_may_fire_early_are_busy_with_a_sample_for_all_of_their_window():
    a = conv("a", tensor("x", SHAPE))
    b = conv("b", a.output)
    samples = samples_of([a], 5)
    alone, followed = (published([a, b], samples, pipeline=each) for each in (False, True))
    network = followed.image.network
    assert (network.timesteps, network.period) == (3 * 16, 3 * 16 - 2)
    assert network.population("b").send_start == 2
    assert network.population("b").code.steps == 3 * 16 - 2
    np.testing.assert_array_equal(alone.outputs, followed.outputs)


def test_timing_changes_no_value_and_no_count():
    layers = [conv("a", tensor("x", SHAPE))]
    layers.append(conv("b", layers[0].output))
    samples = samples_of(layers, 3)
    values = published(layers, samples, percentile=60, t_max=100)
    timed = published(layers, samples, percentile=60, t_max=100, timing="cycle")
    np.testing.assert_array_equal(values.outputs, timed.outputs)
    for name in ("sops", "spikes", "packets", "flit_hops", "soma_updates"):
        np.testing.assert_array_equal(values.counters[name], timed.counters[name])
    np.testing.assert_array_equal(
        values.by_population["early_spikes"], timed.by_population["early_spikes"]
    )
    assert values.by_population["early_spikes"].sum() > 0


# Normalization


def test_the_top_level_is_the_percentile_of_the_calibration_samples():
    layer = conv("a", tensor("x", SHAPE))
    samples = samples_of([layer], 40)
    network = published([layer], samples, percentile=90).image.network
    graph = graph_of(layer.inputs[0], [layer])
    highest = highest_codes(graph, codes_of([layer], 40), 90)[layer.output.name]
    code = network.population("a").code
    assert code.codes(np.array([0, code.levels])).tolist() == [0, highest]
    seen = layer.evaluate(codes_of([layer], 40).astype(np.uint8))
    assert np.mean(seen <= highest) >= 0.9 > np.mean(seen < highest)


def test_samples_are_fed_as_they_are():
    layer = conv("a", tensor("x", SHAPE))
    dark = np.full((4, *SHAPE), 9, np.float32)
    code = published([layer], dark).image.network.population("input").code
    assert code.codes(np.array([0, 15])).tolist() == [0, 255]


# Readouts and biases


def test_a_readout_brings_what_the_weights_inside_the_map_lack():
    layer = conv("a", tensor("x", SHAPE), channels=3)
    network = published([layer], samples_of([layer], 20), chip="darwin3").image.network
    (wires,) = [each for each in network.projections if each.source == "input"]
    stored, model = wires.connector.weights, network.population("a").model
    (unit,) = [unit for unit in range(1 << 15) if 16 * unit - unit // 2 == model.threshold[0]]
    height, width, channels = network.population("a").shape
    for position, slope in np.ndenumerate(model.slope.reshape(height, width, channels)):
        y, x, channel = position
        inside = [
            stored[channel, :, tap_y, tap_x].sum()
            for tap_y in range(3)
            for tap_x in range(3)
            if 0 <= y + tap_y - 1 < height and 0 <= x + tap_x - 1 < width
        ]
        assert slope == unit - sum(inside)
    readout = network.population("readout of a")
    assert readout.num_neurons == -(-np.abs(model.slope).max() // (2**15 - 1))


def test_a_readout_that_no_weight_holds_is_as_many_synapses_as_it_takes():
    weights = -np.full((2, 60), 100)
    layer = dense("d", tensor("x", (60,)), weights, tensor("y", (2,)), 70_000, 0.01)
    run = published([layer], samples_of([layer], 5), overrides={"core.weight_bits": "[8]"})
    network = run.image.network
    model, readout = network.population("d").model, network.population("readout of d")
    assert model.slope.max() > 60 * 100
    assert readout.num_neurons == model.added_by == -(-int(model.slope.max()) // 127)
    sops = dict(zip(run.population_names, run.by_population["sops"].T.tolist(), strict=True))
    biases = network.population("bias of d").num_neurons
    assert sops["d"] == [2 * (60 + biases + 1 + readout.num_neurons)] * 5  # 1: the rectifier


def test_a_bias_is_a_spike_of_its_level_or_several_where_it_is_larger_than_all_levels():
    weights = np.array([[100, 100], [100, 100], [100, 100], [100, 100]])
    bias = np.array([0, 5_100, -10_200, 200 * 255 * 2])
    layer = dense("d", tensor("x", (2,)), weights, tensor("y", (4,)), bias, 1 / 200)
    samples = np.array([[255, 255], [0, 0]], np.float32)
    network = published([layer], samples, t_max=52, percentile=100).image.network
    biases = network.population("bias of d")
    assert (biases.kind, biases.code.levels) == ("Bias", 51)
    levels = biases.model.values.reshape(-1, 4)  # one a piece, one a channel: 5 codes a level
    assert levels.tolist() == [[0, 5, 10, 51], [0, 0, 0, 51]]
    wires = [each.connector for each in network.projections if each.source == biases.name]
    unit = wires[0].weight
    assert [each.weight for each in wires] == [unit, -unit] * 2
    assert [each.index.tolist() for each in wires[:2]] == [[0, 1, -1, 3], [-1, -1, 2, -1]]
    assert biases.send_start + biases.code.steps == network.population("input").code.steps


def test_a_layer_without_a_bias_has_no_neurons_for_one():
    layer = conv("a", tensor("x", SHAPE))
    network = published([layer], samples_of([layer], 4)).image.network
    assert [kind for _, kind in kinds(network)] == ["Input", "Readout", "Rectifier", "Convolution"]


def test_operations_are_spikes_times_fan_out():
    a = conv("a", tensor("x", SHAPE), bias=400)
    pool = max_pool("pool", a.output, (2, 2), (2, 2))
    b = conv("b", pool.output, bias=-400)
    samples = samples_of([a], 6)
    run = published([a, pool, b], samples, t_max=100, percentile=60)
    network, counts = run.image.network, dict.fromkeys(run.population_names, 0)
    assert run.by_population["early_spikes"].sum() > 0
    for projection in network.projections:
        source, target = map(network.population, (projection.source, projection.target))
        counts[target.name] += oracle_fanout.fanout(projection.connector, source, target).sum()
    assert (run.by_population["sops"] == np.array(list(counts.values()))).all()
    neurons = [population.num_neurons for population in network.populations]
    assert (run.by_population["spikes"] == np.array(neurons)).all()


# Loihi's integers


def test_weights_of_loihi_are_even_and_end_at_254():
    integers = integers_of("loihi", 16)
    real = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 1.7, -1.7, 1 / 254, -1 / 254, 0.003])
    assert integers.stored(real, 254).tolist() == [0, 126, -128, 254, -254, 254, -254, 0, -2, 0]
    assert integers.note([real]) == "2 weights beyond 1 are clipped"


def test_loihi_has_a_level_a_timestep_and_a_threshold_that_must_be_exceeded():
    layer = conv("a", tensor("x", SHAPE))
    network = published([layer], samples_of([layer], 10), "loihi").image.network
    code, model = network.population("a").code, network.population("a").model
    assert (network.population("input").code.steps, code.levels) == (17, 16)
    assert model.threshold.tolist() == [16 * 254 + 1]
    (wires,) = [each.connector for each in network.projections if each.source == "input"]
    assert (wires.weights % 2 == 0).all()
    assert np.abs(wires.weights).max() <= 254


def test_what_loihi_clips_is_told():
    layer = dense("d", tensor("x", (2,)), np.array([[100, -90]]), tensor("y", (1,)), 0, 0.03)
    network = published([layer], samples_of([layer], 20), "loihi").image.network
    assert network.populations[-1].facts.note == "2 weights beyond 1 are clipped"


# What is refused


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"quartz_mode": "published"},
            "normalizes activations by a percentile of calibration samples",
        ),
        ({"quartz_mode": "loihi", "zeros": "silent"}, "as published every zero spikes"),
        ({"percentile": 99.0}, "nothing is normalized by a percentile in the mode `exact`"),
        ({"quartz_mode": "early"}, "one of exact, published, loihi, not 'early'"),
        ({"quartz_mode": "loihi", "percentile": 7.0}, "a percentile of 7, expected 50 to 100"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, told):
    with pytest.raises(SettingsError, match=told):
        lowered([conv("a", tensor("x", SHAPE))], **options)


def refusal(layers, **options):
    with pytest.raises((SettingsError, UnsupportedOpError)) as raised:
        published(layers, samples_of(layers, 4), **options)
    return str(raised.value)


def test_weights_of_loihi_need_nine_bits():
    told = refusal([conv("a", tensor("x", SHAPE))], mode="loihi", chip="tiny")
    assert told == (
        "quartz in the integers of loihi has weights up to 254, a synapse of 'tiny' has 8 bits "
        "(core.weight_bits)"
    )


def test_a_threshold_that_no_register_holds_is_refused():
    layer = dense("d", tensor("x", (2,)), np.array([[1, 1]]), tensor("y", (1,)), 0, 0.5)
    told = refusal([layer], mode="loihi", chip="darwin3", t_max=200)
    assert "times 254 leave registers of 16 and 16 bits; take fewer levels (--t-max)" in told


def test_a_table_is_refused():
    source = tensor("x", (4,))
    rising = np.arange(256, dtype=np.int32)[None]
    told = refusal([Lookup("t", (source,), tensor("y", (4,)), rising)])
    assert "a table; an ungated neuron adds, and rectifies" in told


def test_averages_that_share_weights_but_not_divisors_are_refused():
    source = tensor("x", (1, 5, 5))
    layer = average("m", source, tensor("y", (1, 1, 1)), (3, 3), (1, 1, 0, 0), 1.0)
    assert "averages over fewer values at the edge" in refusal([layer])
    whole = global_average("m", source, tensor("y", (1, 1, 1)))
    run = published([whole], samples_of([whole], 10), t_max=100)
    assert run.compiled_agreement.differing.sum() == 0
    assert np.abs(run.outputs - whole.evaluate(codes_of([whole], 10).astype(np.uint8))).max() <= 4


def test_parts_with_percentiles_of_their_own_are_not_brought_together():
    a = conv("a", tensor("x", SHAPE), multiplier=0.001)
    b = conv("b", tensor("x", SHAPE), multiplier=0.002)
    both = concat("both", [a.output, b.output])
    told = refusal([a, b, both, conv("c", both.output)])
    assert "'both/out' has parts with percentiles of their own" in told


def test_branches_with_percentiles_of_their_own_are_added():
    a = conv("a", tensor("x", SHAPE), bias=30_000, multiplier=0.001)
    b = conv("b", a.output, multiplier=0.002)
    total = Add("sum", (a.output, b.output), tensor("sum", a.output.shape, scale=1.5))
    samples = samples_of([a], 20)
    run = published([a, b, total], samples, t_max=200, percentile=100)
    assert run.compiled_agreement.differing.sum() == 0
    exact = graph_of(a.inputs[0], [a, b, total]).evaluate(codes_of([a], 20).astype(np.uint8))
    assert np.abs(run.outputs - exact["sum"].astype(int)).max() <= 8


def test_constants_are_bytes_and_an_image_is_read_back_as_it_was(tmp_path):
    layers = [conv("a", tensor("x", SHAPE, zero_point=7), bias=99)]
    layers.append(conv("b", layers[0].output))
    samples = samples_of(layers, 4)
    image = published(layers, samples, t_max=200).image
    image.save(tmp_path / "q.image")
    loaded = nc.Image.load(tmp_path / "q.image")
    assert known(loaded) == known(image)
    assert isinstance(image.network.population("bias of a").model, ConstantNeurons)
    assert image.network.population("b").code.highest > 255
    runs = [nc.simulate(each, samples, timing="none") for each in (image, loaded)]
    np.testing.assert_array_equal(runs[0].outputs, runs[1].outputs)
