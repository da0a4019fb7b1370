"""Rate coding: integrate-and-fire neurons against plain loops, and what a lowered network is."""

from __future__ import annotations

import numpy as np
import pytest

import neurochip as nc
import oracle_fanout
from integer_graphs import ACCUMULATOR, dense, graph_of, max_pool, tensor
from lowered_layers import SHAPE, conv, random_weights, starts
from neurochip.errors import SettingsError, UnsupportedOpError
from neurochip.formats import Tensor
from neurochip.layers import Add, Lookup
from neurochip.lower import Settings, lower
from neurochip.lower.calibration import highest_codes
from neurochip.lower.rate import PERCENTILE
from neurochip.options import CompileOptions

T = 64


def graph(layers):
    return graph_of(layers[0].inputs[0], layers)


def lowered(layers, chip="ideal", calibration=None, settings=None, pipeline=False, **options):
    target = nc.chip(chip)
    return lower(
        graph(layers), target, "rate", calibration, settings, pipeline, CompileOptions(**options)
    )


def codes_of(layers, count, seed=0):
    source = layers[0].inputs[0]
    random = np.random.default_rng(seed)
    return random.integers(source.low, source.high + 1, (count, *source.shape))


def simulated(layers, codes, chip="ideal", timing="none", **options):
    image = nc.compile(graph(layers), chip, code="rate", **options)
    samples = layers[0].inputs[0].format.dequantize(codes)
    return nc.simulate(image, samples, timing=timing, threads=1)


def even(value, levels, timesteps):
    """The train of an input: its first t steps hold `value * t / levels` spikes, rounded."""
    sent = [(2 * value * t + levels) // (2 * levels) for t in range(timesteps + 1)]
    return np.diff(sent)


def integrate_and_fire(trains, weights, model, channel):
    """How often one neuron fires; trains (inputs, timesteps)."""
    start, bias, threshold = (
        np.resize(values, channel + 1)[channel]
        for values in (model.start, model.bias, model.threshold)
    )
    membrane, spikes = int(start), 0
    for arrived in trains.T:
        membrane += int(arrived @ weights) + int(bias)
        if membrane >= threshold:
            membrane -= int(threshold)
            spikes += 1
    return spikes


@pytest.mark.parametrize("timesteps", [2, 16, 64, 255])
def test_neurons_fire_as_often_as_plain_loops_say(timesteps):
    layer = dense(
        "d", tensor("x", (6,)), random_weights(3, 6), tensor("y", (3,)), [500, -800, 0], 0.01
    )
    codes = codes_of([layer], 20)
    run = simulated([layer], codes, t_max=timesteps)
    network = run.image.network
    model, code = network.population("d").model, network.population("d").code
    weights = network.projections[0].connector.weights.reshape(6, 3)
    spikes = [
        [
            integrate_and_fire(
                np.array([even(int(value), 255, timesteps) for value in sample]),
                weights[:, channel], model, channel,
            )
            for channel in range(3)
        ]
        for sample in codes
    ]  # fmt: skip
    np.testing.assert_array_equal(run.outputs, code.codes(np.array(spikes)))
    assert run.by_population["spikes"][:, -1].tolist() == np.sum(spikes, axis=1).tolist()


def test_the_error_of_a_rate_falls_with_its_timesteps():
    layer = conv("a", tensor("x", SHAPE), multiplier=0.002, bias=30_000)
    codes = codes_of([layer], 30)
    exact = layer.evaluate(codes.astype(np.uint8)).astype(int)
    errors = [
        np.abs(simulated([layer], codes, t_max=timesteps).outputs - exact).mean()
        for timesteps in (8, 32, 128, 512)
    ]
    ratios = np.array(errors[:-1]) / errors[1:]
    assert (ratios > 2).all()  # four times the timesteps: up to four times nearer


def test_every_layer_sends_one_timestep_behind_its_sources():
    a = conv("a", tensor("x", SHAPE))
    b = conv("b", a.output)
    add = Add("add", (b.output, a.output), tensor("y", SHAPE))
    network = lowered([a, b, add])
    assert starts(network) == {"input": 0, "a": 1, "b": 2, "add": 3}
    assert network.timesteps == T + 3


def test_a_maximum_spikes_as_often_as_the_input_that_spikes_most():
    source = tensor("x", (1, 4, 4))
    pool = max_pool("pool", source, (2, 2), (2, 2))
    codes = codes_of([pool], 10)
    run = simulated([pool], codes, t_max=255)
    np.testing.assert_array_equal(run.outputs, pool.evaluate(codes.astype(np.uint8)))


def test_membranes_that_are_read_hold_weights_times_spikes():
    output = Tensor("y", (3,), ACCUMULATOR, -(2**31), 2**31 - 1)
    layer = dense("d", tensor("x", (6,)), random_weights(3, 6), output, [5, -7, 900], None)
    codes = codes_of([layer], 10)
    run = simulated([layer], codes, t_max=255)
    np.testing.assert_array_equal(run.outputs, layer.evaluate(codes.astype(np.uint8)))


def test_membranes_of_scaled_weights_are_read_at_their_scale():
    """Sums of up to 1.2 million on 16 bits: off by what weights are rounded by, and no more."""
    output = Tensor("y", (3,), ACCUMULATOR, -(2**31), 2**31 - 1)
    layer = dense("d", tensor("x", (40,)), 100 + random_weights(3, 40, peak=20), output, 0, None)
    codes = codes_of([layer], 10)
    samples = layer.inputs[0].format.dequantize(codes)
    run = simulated([layer], codes, "darwin3", calibration=samples)
    lowering = run.image.network.populations[-1].facts
    assert lowering.s1[0] < 0.5
    assert run.overflows.sum() == 0
    sums = codes.reshape(10, 40) @ layer.weights.T
    np.testing.assert_allclose(run.outputs, sums, rtol=0.1)


def test_the_highest_rate_is_the_percentile_of_the_calibration_samples():
    layer = conv("a", tensor("x", SHAPE), multiplier=0.0005)
    codes = codes_of([layer], 64)
    seen = layer.evaluate(codes.astype(np.uint8)).ravel()
    wanted = int(np.searchsorted(np.sort(seen), np.percentile(seen, 99.9)))
    balanced = lowered([layer], calibration=codes).population("a").code
    assert balanced.levels == highest_codes(graph([layer]), codes, PERCENTILE)[layer.output.name]
    assert balanced.levels == np.sort(seen)[wanted]
    assert balanced.levels < lowered([layer]).population("a").code.levels == 255


def test_a_percentile_is_the_smallest_code_that_so_many_percent_do_not_exceed():
    layer = dense("d", tensor("x", (1,)), np.ones((1, 1)), tensor("y", (1,)), 0, 1.0)
    codes = np.arange(100)[:, None].astype(np.uint8)
    for percentile, highest in ((50, 49), (99, 98), (99.5, 99), (100, 99)):
        assert highest_codes(graph([layer]), codes, percentile) == {"x": highest, "y": highest}


def test_operations_are_spikes_times_fan_out():
    layers = [conv("a", tensor("x", SHAPE))]
    layers.append(conv("b", layers[0].output))
    run = simulated(layers, codes_of(layers, 5), timing="cycle")
    network = run.image.network
    for name, source in (("a", "input"), ("b", "a")):
        connector = next(p.connector for p in network.projections if p.target == name)
        fan_out = oracle_fanout.fanout(connector, *map(network.population, (source, name)))
        assert fan_out.min() < fan_out.max()
        sops = run.by_population["sops"][:, run.population_names.index(name)]
        spikes = run.by_population["spikes"][:, run.population_names.index(source)]
        assert (fan_out.min() * spikes <= sops).all()
        assert (sops <= fan_out.max() * spikes).all()
    assert run.by_population["sops"].sum(axis=1).tolist() == run.sops.tolist()


def test_a_run_is_compared_with_the_compiled_network_and_with_exact_integers():
    layers = [conv("a", tensor("x", SHAPE))]
    run = simulated(layers, codes_of(layers, 3))
    for agreement in (run.compiled_agreement, run.exact_agreement):
        assert agreement.compared.sum() == 3 * 60
    assert run.compiled_agreement.differing.sum() == 0
    assert run.exact_agreement.differing.sum() > 0


def test_samples_in_flight_change_no_output():
    layers = [conv("a", tensor("x", SHAPE))]
    layers.append(conv("b", layers[0].output))
    codes = codes_of(layers, 4)
    one, many = (simulated(layers, codes, pipeline=pipeline) for pipeline in (False, True))
    assert many.image.period < one.image.period
    np.testing.assert_array_equal(one.outputs, many.outputs)


def test_weights_are_scaled_up_until_thresholds_are_fine():
    layer = dense("d", tensor("x", (4,)), np.array([[1, 2, 1, 1]]), tensor("y", (1,)), 0, 0.5)
    model = lowered([layer]).population("d").model
    assert 1024 <= model.threshold[0] < 2048


def test_a_threshold_leaves_room_for_what_arrives_before_it_is_reached():
    """A threshold of 20,000, and sums of up to that in a timestep: 40,000 before one spikes.

    78 inputs spike in every timestep and 79 in every fourth: 10,000 at first, 19,906 after one,
    and with the next 39,845 unless the weights are halved.
    """
    weights = np.full((1, 157), 127)
    layer = dense("d", tensor("x", (157,)), weights, tensor("y", (1,)), 0, 1 / 20_000)
    codes = np.array([[255] * 78 + [64] * 79])
    run = simulated([layer], codes, "darwin3")
    assert run.overflows.sum() == 0
    assert abs(int(run.outputs.item()) - 127 * (78 * 255 + 79 * 64) / 20_000) < 4


def test_what_cannot_be_a_rate_is_refused():
    rising = np.arange(256, dtype=np.int32)[None]
    table = Lookup("t", (tensor("x", (4,)),), tensor("y", (4,)), rising)
    with pytest.raises(UnsupportedOpError, match="integrate-and-fire neuron adds, and clamps"):
        lowered([table])


def test_on_narrow_registers_weights_are_scaled_down_until_no_membrane_leaves():
    """Sums far below zero pile up in every timestep; a wrapped one would fire."""
    layer = dense(
        "d", tensor("x", (40,)), -np.abs(random_weights(4, 40)), tensor("y", (4,)), 90_000, 0.002
    )
    codes = codes_of([layer], 30)
    samples = layer.inputs[0].format.dequantize(codes)
    run = simulated([layer], codes, "darwin3", calibration=samples)
    lowering = run.image.network.populations[-1].facts
    assert lowering.s1[0] < 1
    assert run.overflows.sum() == 0
    exact = layer.evaluate(codes.astype(np.uint8)).astype(int)
    assert np.abs(run.outputs - exact).mean() < 255 / T


@pytest.mark.parametrize(
    ("options", "settings", "told"),
    [
        ({"t_max": 5000}, None, "windows of the code 'rate' have 2 to 4,096"),
        ({"zeros": "spike"}, None, "the code 'rate' has no zeros to choose"),
        ({}, "[default]\ndrlo = 3", "`drlo`: the code 'rate' has no such settings"),
    ],
)
def test_options_of_other_codes_are_refused(options, settings, told):
    chosen = None if settings is None else Settings.from_toml(settings)
    with pytest.raises(SettingsError, match=told):
        lowered([conv("a", tensor("x", SHAPE))], settings=chosen, **options)
