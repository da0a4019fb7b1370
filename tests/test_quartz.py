"""Quartz: what one neuron computes, what a lowered network is, and what a run of it counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
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
    graph_of,
    max_pool,
    rearrange,
    tensor,
)
from lowered_layers import SHAPE, conv, kinds, random_weights, starts
from naive_quartz import level_sent
from neurochip.errors import CapacityError, SettingsError, UnsupportedOpError
from neurochip.formats import Tensor
from neurochip.layers import Add, Lookup, MaxPool
from neurochip.lower import Settings, lower
from neurochip.lower.quartz.levels import choose_levels
from neurochip.network import ConstantNeurons, QuartzNeurons
from neurochip.options import CompileOptions
from one_population import codes_computed

N = 255
ANY_NETWORK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def lowered(layers, chip="ideal", pipeline=False, calibration=None, overrides=None, **options):
    graph = graph_of(layers[0].inputs[0], layers)
    target = nc.chip(chip, overrides)
    settings = options.pop("settings", None)
    chosen = CompileOptions(**options)
    return lower(graph, target, "quartz", calibration, settings, pipeline, chosen)


def simulated(layers, samples, chip="ideal", timing="none", **options):
    graph = graph_of(layers[0].inputs[0], layers)
    image = nc.compile(graph, chip, code="quartz", **options)
    return nc.simulate(image, samples, timing=timing, threads=1)


def codes_of(layers, count, seed=0):
    source = layers[0].inputs[0]
    random = np.random.default_rng(seed)
    return random.integers(source.low, source.high + 1, (count, *source.shape))


def samples_of(layers, count, seed=0):
    return layers[0].inputs[0].format.dequantize(codes_of(layers, count, seed))


# One neuron


@pytest.mark.parametrize(("top", "slope"), [(1, 1), (7, 5), (7, 4), (31, 9)])
def test_a_gated_neuron_divides_every_accumulator_by_its_slope(top, slope):
    threshold = (top + 1) * slope - slope // 2
    reach = (top + 3) * slope
    for acc in range(-reach, reach):
        wanted = min(max((acc + slope // 2) // slope, 0), top)
        assert level_sent([], [], top=top, bias=acc, slope=slope, threshold=threshold) == wanted


def test_without_a_gate_a_partial_sum_fires_early():
    """Weights 100 and -300 on levels 255 and 40: 13,500, which is level 167 of slope 81."""
    slope = 81
    neuron = {"top": N, "slope": slope, "threshold": (N + 1) * slope - slope // 2}
    assert level_sent([100, -300], [255, 40], **neuron) == 167
    assert level_sent([100, -300], [255, 40], gated=False, **neuron) == 304


def test_the_chip_computes_the_level_of_the_gated_neuron():
    layer = dense("d", tensor("x", (2,)), np.array([[100, -300]]), tensor("y", (1,)), 0, 1 / 81)
    run = simulated([layer], np.array([[255.0, 40.0]], np.float32))
    assert run.outputs.tolist() == [[167]]
    model = run.image.network.population("d").model
    assert (model.slope.tolist(), model.threshold.tolist()) == ([81], [(N + 1) * 81 - 40])


@pytest.mark.parametrize("zeros", ["silent", "spike"])
@pytest.mark.parametrize("seed", range(20))
def test_random_neurons_fire_when_the_naive_neuron_does(seed, zeros):
    """Over-range values, negative biases and sums, one scale per channel, few levels or many."""
    random = np.random.default_rng(seed)
    inputs, outputs = int(random.integers(1, 6)), int(random.integers(1, 5))
    weights = random.integers(-127, 128, (outputs, inputs))
    spread = np.abs(weights).sum(axis=1).max() * 255
    bias = random.integers(-spread, spread + 1, outputs)
    scale = random.uniform(0.2, 2.0, outputs) * 255 / spread
    layer = dense("d", tensor("x", (inputs,)), weights, tensor("y", (outputs,)), bias, scale)
    timesteps = int(random.choice([2, 16, 100, 256]))
    run = simulated([layer], samples_of([layer], 20, seed), t_max=timesteps, zeros=zeros)
    network = run.image.network
    model, code = network.population("d").model, network.population("d").code
    stored = network.projections[0].connector.weights.reshape(inputs, outputs)
    wanted = [
        [
            level_sent(
                stored[:, channel],
                choose_levels(layer.inputs[0], timesteps, False).values(codes),
                top=code.levels,
                bias=np.resize(model.bias, outputs)[channel],
                slope=np.resize(model.slope, outputs)[channel],
                threshold=np.resize(model.threshold, outputs)[channel],
            )
            for channel in range(outputs)
        ]
        for codes in codes_of([layer], 20, seed)
    ]
    np.testing.assert_array_equal(run.outputs, code.codes(np.array(wanted)))


# What is proven


@pytest.mark.parametrize("multiplier", [1 / 81, 1 / 64, 0.003, 0.77, 1.9])
def test_the_proof_counts_every_accumulator_whose_level_differs(multiplier):
    """Every accumulator that can be reached, by two sources of which one brings the small steps."""
    weights = np.array([[16, 1]])
    target = tensor("y", (1,), zero_point=9)
    layer = dense("d", tensor("x", (2,)), weights, target, -700, multiplier)
    network = lowered([layer])
    proof = network.population("d").facts
    pairs = np.stack(np.meshgrid(np.arange(256), np.arange(16)), axis=-1).reshape(-1, 2)
    exact = layer.evaluate(pairs.astype(np.uint8))
    chip = codes_computed(network, nc.chip("ideal"), layer, {"x": pairs})
    acc = pairs @ weights[0]
    differing = np.unique(acc[(exact != chip)[:, 0]])
    assert proof.reachable == 255 * 17 + 1
    inside = differing[differing <= acc.max()]
    assert len(inside) <= proof.differing <= len(inside) + 240  # sums above 255 * 16 + 15


def test_with_a_level_a_code_a_layer_is_onnxruntimes_but_for_what_was_counted():
    layer = conv("c", tensor("x", SHAPE), channels=4)
    run = simulated([layer], samples_of([layer], 50))
    proof = run.image.network.population("c").facts
    assert run.compiled_agreement.differing.sum() == 0
    if proof.differing == 0:
        assert run.exact_agreement.differing.sum() == 0


# The network


def test_a_layer_costs_one_window_and_the_readout_arrives_when_its_source_is_done():
    a = conv("a", tensor("x", SHAPE))
    b = conv("b", a.output)
    network = lowered([a, b])
    assert starts(network) == {
        "input": 0, "readout of a": 255, "a": 256, "readout of b": 511, "b": 512,
    }  # fmt: skip
    assert (network.timesteps, network.period) == (3 * 256, 3 * 256)


@pytest.mark.parametrize(("buffers", "period"), [(2, 256), (1, 2 * 256)])
def test_a_sample_follows_every_window_or_with_one_buffer_every_second(buffers, period):
    layers = [conv("a", tensor("x", SHAPE))]
    layers.append(conv("b", layers[0].output))
    network = lowered(layers, pipeline=True, overrides={"core.buffers": buffers})
    assert network.period == pytest.approx(period, abs=1)
    run = simulated(
        layers, samples_of(layers, 4), pipeline=True, overrides={"core.buffers": buffers}
    )
    assert run.image.period == network.period
    assert run.compiled_agreement.differing.sum() == 0


def test_zeros_that_spike_need_a_rectifier():
    layer = conv("a", tensor("x", SHAPE))
    assert [kind for _, kind in kinds(lowered([layer]))] == ["Input", "Readout", "Convolution"]
    with_zeros = lowered([layer], zeros="spike")
    assert [kind for _, kind in kinds(with_zeros)] == [
        "Input", "Readout", "Rectifier", "Convolution",
    ]  # fmt: skip
    assert starts(with_zeros)["rectifier of a"] == starts(with_zeros)["a"] + 255 - 1


def test_a_skip_waits_in_one_relay_however_long_the_way():
    a = conv("a", tensor("x", SHAPE))
    b = conv("b", a.output)
    c = conv("c", b.output)
    add = Add("add", (c.output, a.output), tensor("y", SHAPE))
    network = lowered([a, b, c, add])
    relay = [population for population in network.populations if population.kind == "Relay"]
    assert [population.shape for population in relay] == [(5, 6, 2)]
    assert relay[0].send_stop == network.population("c").send_stop
    assert relay[0].code.steps == 2 * 256
    run = simulated([a, b, c, add], samples_of([a], 3))
    assert run.compiled_agreement.differing.sum() == 0


def test_max_pooling_passes_the_first_spike_on_one_timestep_later():
    a = conv("a", tensor("x", SHAPE))
    pool = max_pool("pool", a.output, (2, 2), (2, 2))
    network = lowered([a, pool])
    assert starts(network)["pool"] == starts(network)["a"] + 1
    run = simulated([a, pool], samples_of([a], 10))
    assert run.compiled_agreement.differing.sum() == 0
    assert isinstance(pool, MaxPool)


def test_an_average_has_one_weight_and_its_divisors_in_the_slopes():
    pool = average("p", tensor("x", (1, 1, 4)), tensor("y", (1, 1, 1)), (1, 3), (0, 2, 0, 0), 1.0)
    assert pool.counts.tolist() == [[1, 3]]
    network = lowered([pool])
    model = network.population("p").model
    weight = network.projections[0].connector.weights
    assert len(np.unique(weight)) == 1
    np.testing.assert_array_equal(model.slope, weight.flat[0] * pool.counts.ravel())
    run = simulated([pool], samples_of([pool], 20))
    assert run.exact_agreement.differing.sum() == 0


def test_channels_side_by_side_come_from_relays_where_levels_are_wider():
    a, b = conv("a", tensor("x", SHAPE)), None
    b = conv("b", a.output)
    join = concat("join", [a.output, b.output])
    last = conv("last", join.output)
    run = simulated([a, b, join, last], samples_of([a], 5), t_max=20)
    assert [kind for _, kind in kinds(run.image.network)].count("Relay") >= 1
    assert run.compiled_agreement.differing.sum() == 0


def test_values_that_move_through_relays_are_rounded_once_for_each_code():
    """The input has strides of 16; the padded map, whose range is another, strides of its own."""
    source = tensor("x", (1, 4, 4), zero_point=3, low=3, high=200)
    index = np.arange(16).reshape(1, 4, 4)
    index[0, 0] = -1
    moved = rearrange("pad", source, index)
    layer = conv("c", moved.output)
    run = simulated([moved, layer], samples_of([moved], 20), t_max=16)
    assert run.compiled_agreement.differing.sum() == 0


@ANY_NETWORK
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=4),
    chip=st.sampled_from(["ideal", "darwin3"]),
    accumulator=st.booleans(),
    timesteps=st.sampled_from([2, 5, 16, 100, 256]),
    zeros=st.sampled_from(["silent", "spike"]),
    pipeline=st.booleans(),
    calibrated=st.booleans(),
)
def test_networks_nobody_designed_compute_what_their_constants_say(
    seed, steps, chip, accumulator, timesteps, zeros, pipeline, calibrated
):
    graph, samples = drawn(seed, steps, accumulator)
    calibration = samples if calibrated else None
    options = {"t_max": timesteps, "zeros": zeros, "pipeline": pipeline}
    try:
        image = nc.compile(graph, chip, code="quartz", calibration=calibration, **options)
    except UnsupportedOpError as refused:
        if "no ramp" not in str(refused):  # a table that rounds unlike any multiplication
            raise
        return
    run = nc.simulate(image, samples, timing="none", threads=1)
    assert run.compiled_agreement.differing.sum() == 0


# Narrow registers


def narrow(**options):
    layer = dense(
        "d", tensor("x", (40,)), random_weights(8, 40), tensor("y", (8,)), 900,
        np.geomspace(0.0005, 0.004, 8),
    )  # fmt: skip
    return layer, lowered([layer], "darwin3", **options)


def test_weights_that_do_not_fit_are_scaled_down_channel_by_channel():
    layer, network = narrow()
    lowering = network.population("d").facts
    assert (lowering.mode, lowering.proof) == ("scaled", "")
    assert lowering.note == "scaled by the proven interval: no calibration samples"
    assert len(lowering.s1) == 8
    model, source = network.population("d").model, network.population("input").code
    stored = network.projections[0].connector.weights.reshape(40, 8).T
    wanted = np.rint(layer.weights * np.array(lowering.s1)[:, None])
    np.testing.assert_array_equal(stored, wanted)
    ratio = np.array(lowering.s1) * 16 / (16 * layer.multiplier.astype(np.float64))
    np.testing.assert_allclose(model.slope, ratio)
    assert source.steps == 16
    assert (model.threshold + model.slope).max() < 1 << 15


def test_calibration_leaves_more_of_each_weight_than_the_proven_interval():
    layer, _ = narrow()
    codes = codes_of([layer], 64)
    _, calibrated = narrow(calibration=codes)
    _, proven = narrow()
    scales = [np.array(network.populations[-1].facts.s1) for network in (calibrated, proven)]
    assert (scales[0] >= scales[1]).all()
    assert (scales[0] > 1.2 * scales[1]).any()


def test_a_sample_that_leaves_its_registers_is_counted_and_computed_as_the_chip_does():
    """Calibrated on darkness, shown light: membranes wrap, and the compiled network says so."""
    layer, _ = narrow()
    dark = np.zeros((4, 40), np.float32)
    bright = np.full((4, 40), 255, np.float32)
    bright[:, ::3] = 0
    heavy = replace(layer, weights=np.abs(layer.weights))
    run = simulated([heavy], bright, "darwin3", calibration=dark)
    assert run.by_population["membrane_overflows"].sum() > 0
    assert run.compiled_agreement.differing.sum() == 0
    assert run.exact_agreement.differing.sum() > 0


def test_membranes_that_are_read_are_scaled_too():
    output = Tensor("y", (8,), ACCUMULATOR, -(2**31), 2**31 - 1)
    layer = dense("d", tensor("x", (40,)), random_weights(8, 40), output, 123, None)
    samples = samples_of([layer], 10)
    run = simulated([layer], samples, "darwin3", calibration=samples, t_max=256)
    assert run.image.network.populations[-1].facts.mode == "scaled"
    assert run.compiled_agreement.differing.sum() == 0
    exact = layer.evaluate(codes_of([layer], 10).astype(np.uint8))
    assert np.abs(run.outputs - exact).max() < 0.05 * np.abs(exact).max()


def test_narrow_registers_have_windows_of_16_timesteps_unless_told():
    layer = conv("a", tensor("x", SHAPE))
    assert lowered([layer], "darwin3").population("a").code.steps == 16
    assert lowered([layer], "darwin3", t_max=64).population("a").code.steps == 64
    assert lowered([layer], "ideal").population("a").code.steps == 256


# What is counted


@pytest.mark.parametrize("zeros", ["silent", "spike"])
def test_operations_are_spikes_times_fan_out_those_of_triggers_too(zeros):
    a = conv("a", tensor("x", SHAPE))
    pool = max_pool("pool", a.output, (2, 2), (2, 2))
    b = conv("b", pool.output)
    samples = samples_of([a], 6)
    run = simulated([a, pool, b], samples, zeros=zeros)
    network = run.image.network
    for projection in network.projections:
        source, target = map(network.population, (projection.source, projection.target))
        if isinstance(source.model, ConstantNeurons):
            fan_out = oracle_fanout.fanout(projection.connector, source, target)
            assert fan_out.tolist() == [target.num_neurons]
    values = oracle_fanout.sent(run.image, samples)
    spikes = {
        population.name: values[population.name] > 0
        if not population.code.zeros
        else np.ones_like(values[population.name], bool)
        for population in network.populations
    }
    counts = {population.name: np.zeros(6, np.int64) for population in network.populations}
    for projection in network.projections:
        source, target = map(network.population, (projection.source, projection.target))
        fan_out = oracle_fanout.fanout(projection.connector, source, target)
        counts[target.name] += spikes[source.name].astype(np.int64) @ fan_out
    np.testing.assert_array_equal(
        run.by_population["sops"], np.stack(list(counts.values()), axis=1)
    )
    assert (
        run.by_population["spikes"] == np.stack([s.sum(axis=1) for s in spikes.values()], axis=1)
    ).all()


def test_every_neuron_updates_in_every_timestep_of_both_windows():
    a = conv("a", tensor("x", SHAPE))
    run = simulated([a], samples_of([a], 2), timing="cycle")
    updates = dict(zip(run.population_names, run.by_population["soma_updates"].T, strict=True))
    assert updates["a"].tolist() == [(2 * N + 1) * 60] * 2


@pytest.mark.parametrize("chip", ["tiny", "darwin3"])
def test_timing_changes_no_value_and_no_count(chip):
    layers = [conv("a", tensor("x", SHAPE))]
    layers.append(conv("b", layers[0].output))
    samples = samples_of(layers, 3)
    values = simulated(layers, samples, chip)
    timed = simulated(layers, samples, chip, timing="cycle")
    np.testing.assert_array_equal(values.outputs, timed.outputs)
    for name in ("sops", "spikes", "packets", "flit_hops", "soma_updates"):
        np.testing.assert_array_equal(values.counters[name], timed.counters[name])
    assert (timed.cycles > 0).all()


# What is refused


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"t_max": 1}, "windows of the code 'quartz' have 2 to 256"),
        ({"t_max": 257}, "windows of the code 'quartz' have 2 to 256"),
        ({"zeros": "maybe"}, "zeros are silent or spike, not 'maybe'"),
    ],
)
def test_options_out_of_range_are_refused(options, told):
    with pytest.raises(SettingsError, match=told):
        lowered([conv("a", tensor("x", SHAPE))], **options)


@pytest.mark.parametrize("options", [{"t_max": 16}, {"zeros": "spike"}])
def test_stem_has_no_such_options(options):
    graph = graph_of(tensor("x", SHAPE), [conv("a", tensor("x", SHAPE))])
    with pytest.raises(SettingsError, match=f"'stem' has no {next(iter(options))} to choose"):
        nc.compile(graph, code="stem", **options)


def test_settings_of_trains_are_refused():
    with pytest.raises(SettingsError) as raised:
        lowered(
            [conv("a", tensor("x", SHAPE))],
            settings=Settings.from_toml("[default]\nrot = 1\nbias = 'exact'\nheadroom = 1.1"),
        )
    assert str(raised.value) == "`bias`, `rot`: the code 'quartz' has no such settings"
    assert raised.value.hint == "leave them out, or choose the code 'stem'"


def test_a_table_that_is_no_ramp_is_refused():
    source = tensor("x", (4,))
    falling = np.arange(255, -1, -1, dtype=np.int32)[None]
    with pytest.raises(UnsupportedOpError, match="computes only what rises"):
        lowered([Lookup("t", (source,), tensor("y", (4,)), falling)])


def test_slopes_that_no_register_holds_are_refused_with_the_way_out():
    layer = dense("d", tensor("x", (40,)), np.full((1, 40), 127), tensor("y", (1,)), 0, 50.0)
    with pytest.raises(UnsupportedOpError, match=r"registers of 16 bits .*--t-max"):
        lowered([layer], "darwin3")


def test_readouts_take_cores_of_their_own():
    layers = [conv("a", tensor("x", SHAPE))]
    while len(layers) < 9:
        layers.append(conv(f"a{len(layers)}", layers[-1].output))
    with pytest.raises(CapacityError, match="needs 18 cores"):
        simulated(layers, samples_of(layers, 1), "tiny")


def test_a_quartz_image_is_read_back_as_it_was(tmp_path):
    layers = [conv("a", tensor("x", SHAPE, zero_point=7))]
    graph = graph_of(layers[0].inputs[0], layers)
    image = nc.compile(graph, "tiny", code="quartz", t_max=20, zeros="spike")
    image.save(tmp_path / "q.image")
    loaded = nc.Image.load(tmp_path / "q.image")
    assert (loaded.code, known(loaded)) == ("quartz", known(image))
    assert isinstance(image.network.population("a").model, QuartzNeurons)
    samples = samples_of(layers, 4)
    runs = [nc.simulate(each, samples, timing="none") for each in (image, loaded)]
    np.testing.assert_array_equal(runs[0].outputs, runs[1].outputs)


def test_the_error_of_a_network_falls_as_its_timesteps_grow(examples):
    """Twice the timesteps, half the distance from exact integers, from 8 to 128."""
    graph = nc.load_graph(examples / "mnist_lenet.onnx")
    random = np.random.default_rng(0)
    x = random.random((40, 1, 28, 28), np.float32) * (random.random((40, 1, 28, 28)) < 0.3)
    exact = graph.evaluate(graph.quantize(x))[graph.output.name].astype(np.int64)
    errors = []
    for timesteps in (8, 16, 32, 64, 128):
        image = nc.compile(graph, "ideal", code="quartz", t_max=timesteps)
        run = nc.simulate(image, x, timing="none", compare=False)
        errors.append(np.abs(run.outputs - exact).mean() * timesteps)
    assert max(errors) < 2 * min(errors), "times T it stays"
    assert errors[0] / 8 > 8 * errors[-1] / 128
