"""Samples in flight: how soon they follow each other, what relays do, what a run tells of it."""

from __future__ import annotations

import json
from importlib import import_module

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurochip as nc
from integer_graphs import (
    STEPS,
    code_format,
    concat,
    convolution,
    dense,
    drawn,
    graph_of,
    max_pool,
    tensor,
)
from lowered_layers import SHAPE, conv, kinds, random_weights, starts
from neurochip import _core
from neurochip.errors import ImageError
from neurochip.formats import Tensor
from neurochip.layers import Add
from neurochip.lower import lower
from neurochip.lower.schedule.pipeline import shortest_period

T = 8
ONE_BUFFER = {"core.buffers": 1}
BUFFERS = pytest.mark.parametrize("buffers", [1, 2])


def pipelined(layers, chip="ideal", buffers=2):
    target = nc.chip(chip, {"core.buffers": buffers})
    return lower(graph_of(layers[0].inputs[0], layers), target, pipeline=True)


def chain(length):
    """Convolutions one after the other, windows of eight timesteps each."""
    layers = [conv("layer 1", tensor("x", SHAPE))]
    while len(layers) < length:
        layers.append(conv(f"layer {len(layers) + 1}", layers[-1].output))
    return layers


def residual(zero_point=0):
    """A block of two convolutions, and the skip past both."""
    source = tensor("x", SHAPE)
    a = conv("a", source)
    b = conv("b", a.output)
    weights = random_weights(2, 2, 3, 3)
    c = convolution("c", b.output, weights, tensor("c", (1, 1, 1), zero_point), pads=(1, 1, 1, 1))
    return [a, b, c, Add("add", (c.output, a.output), tensor("y", SHAPE))]


def samples_of(layers, count, seed=0):
    source = layers[0].inputs[0]
    codes = np.random.default_rng(seed).integers(0, 256, (count, *source.shape))
    return source.format.dequantize(codes)


def simulated(layers, chip, count, pipeline=True, overrides=None, **options):
    graph = graph_of(layers[0].inputs[0], layers)
    image = nc.compile(graph, chip, pipeline=pipeline, overrides=overrides, objective="cores")
    return nc.simulate(image, samples_of(layers, count), **options)


def relays(network):
    return [name for name, kind in kinds(network) if kind == "Relay"]


@pytest.mark.parametrize("length", [1, 2, 5])
@BUFFERS
def test_a_chain_takes_a_sample_every_window_or_with_one_buffer_every_second(length, buffers):
    """SDANN, section 3.4: (L + 1) T timesteps a sample, and a new one every T, or every 2 T."""
    network = pipelined(chain(length), buffers=buffers)
    assert network.timesteps == (length + 1) * T
    assert network.period == (T if buffers == 2 else 2 * T)
    assert relays(network) == []


@pytest.mark.parametrize("overrides", [None, ONE_BUFFER])
@pytest.mark.parametrize("chip", ["darwin3", "ideal", "tiny"])
def test_latency_and_time_between_samples_are_measured_apart(chip, overrides):
    """With a tick that holds every timestep, cycles are the formulas' timesteps times that tick."""
    tick = 100_000
    overrides = {"sync.tick_cycles": tick, **(overrides or {})}
    for pipeline in (False, True):
        run = simulated(chain(3), chip, 6, pipeline, overrides)
        period = (T if len(overrides) == 1 else 2 * T) if pipeline else 4 * T
        assert run.cycles.tolist() == [4 * T * tick] * 6
        assert run.cycles_per_sample == period * tick
        assert run.samples_per_s == pytest.approx(run.image.chip.clock_mhz * 1e6 / (period * tick))
        assert run.timestep_cycles.sum() == (5 * period + 4 * T) * tick


def test_a_short_code_keeps_its_neurons_for_less_time():
    source = tensor("x", (4,))
    layer = dense("d", source, random_weights(1, 4), tensor("y", (1,), high=15))
    network = pipelined([layer], buffers=1)
    assert [population.code.bits for population in network.populations] == [8, 4]
    assert (network.timesteps, network.period) == (12, 12)


def test_a_membrane_that_is_read_is_kept_for_one_timestep_more():
    logits = Tensor("y", (1,), code_format(0, True, bits=32), -(2**31), 2**31 - 1)
    layer = dense("d", tensor("x", (4,)), random_weights(1, 4), logits, 5, None)
    assert pipelined([layer]).period == 8
    assert pipelined([layer], buffers=1).period == 9


@BUFFERS
def test_a_skip_is_carried_by_a_relay_a_window(buffers):
    network = pipelined(residual(), buffers=buffers)
    assert network.period == buffers_period(buffers)
    assert relays(network) == ["relay of a", "relay of a (2)"]
    assert starts(network) == {
        "input": 0, "a": 8, "b": 16, "relay of a": 16, "c": 24, "relay of a (2)": 24, "add": 32,
    }  # fmt: skip
    assert network.notes == (
        "120 relay neurons (2 populations) carry values past other layers, "
        f"so that a sample may enter every {network.period} timesteps",
    )


def buffers_period(buffers):
    return T if buffers == 2 else 2 * T


def test_without_a_pipeline_a_skip_takes_no_relays():
    layers = residual()
    network = lower(graph_of(layers[0].inputs[0], layers), nc.chip("ideal"))
    assert relays(network) == []
    assert network.period == network.timesteps == 40


def test_branches_that_meet_send_codes_of_one_kind():
    """By itself the branch with its zero point in the middle has a sign bit, the other has none."""
    signs = {p.name: p.code.signed for p in pipelined(residual(128)).populations}
    assert not any(signs.values())
    layers = residual(128)
    alone = lower(graph_of(layers[0].inputs[0], layers), nc.chip("ideal"))
    assert {p.name for p in alone.populations if p.code.signed} == {"c"}


@pytest.mark.parametrize("chip", ["darwin3", "ideal", "tiny"])
@pytest.mark.parametrize("zero_point", [0, 128])
def test_a_residual_network_computes_what_its_graph_says(chip, zero_point):
    run = simulated(residual(zero_point), chip, 7)
    assert run.image.period == T
    assert run.compiled_agreement.differing.sum() == 0
    if chip == "ideal":
        assert run.exact_agreement.differing.sum() == 0


def test_a_relay_of_one_value_serves_all_that_it_skips_to():
    source = tensor("x", SHAPE)
    a, b = conv("a", source), conv("b", source)
    first = Add("first", (conv("c", a.output).output, b.output), tensor("f", SHAPE))
    second = Add("second", (first.output, b.output), tensor("y", SHAPE))
    network = pipelined([a, b, conv("c", a.output), first, second])
    assert relays(network) == ["relay of b", "relay of b (2)"]
    into = [(p.source, p.target) for p in network.projections if "relay" in p.source]
    assert ("relay of b", "relay of b (2)") in into
    assert network.period == T


def test_a_branch_that_is_early_by_less_than_a_window_waits():
    """The other one pools, one timestep behind: no relay could be that quick."""
    source = tensor("x", (2, 6, 6))
    a, b = conv("a", source), conv("b", source)
    pooled = max_pool("max", a.output, (3, 3), pads=(1, 1, 1, 1))
    layers = [a, b, pooled, Add("add", (pooled.output, b.output), tensor("y", (2, 6, 6)))]
    network = pipelined(layers)
    assert starts(network) == {"input": 0, "a": 8, "b": 9, "max": 9, "add": 17}
    assert (network.period, relays(network)) == (9, [])


@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
def test_a_tensor_beside_its_own_maxima_meets_them(chip):
    """The pyramid of YOLO: x, max(x), max(max(x)) side by side; each is one timestep later.

    No relays bring them together in windows of eight; two rows of relays in windows of up to nine.
    """
    a = conv("a", tensor("x", (2, 6, 6), zero_point=9))
    once = max_pool("once", a.output, (3, 3), pads=(1, 1, 1, 1))
    twice = max_pool("twice", once.output, (3, 3), pads=(1, 1, 1, 1))
    joined = concat("join", [a.output, once.output, twice.output])
    layers = [a, once, twice, joined, conv("c", joined.output)]
    run = simulated(layers, chip, 4, timing="none")
    assert run.image.period == 9
    assert run.compiled_agreement.differing.sum() == 0


def test_a_skip_past_a_maximum_is_carried_over_timesteps_that_relays_cannot_share_evenly():
    """Two windows of eight timesteps, and one timestep of the maximum: 17 for two relays."""
    a = conv("a", tensor("x", SHAPE))
    pool = max_pool("pool", a.output, (1, 1))
    b = conv("b", pool.output)
    c = conv("c", b.output)
    layers = [a, pool, b, c, Add("add", (c.output, a.output), tensor("y", SHAPE))]
    network = pipelined(layers)
    start = {population.name: population.send_start for population in network.populations}
    carried = sorted(start[name] for name in relays(network))
    assert (start["a"], start["c"], carried[-1]) == (8, 25, 25)
    run = simulated(layers, "ideal", 5, timing="none")
    assert run.exact_agreement.differing.sum() == 0


def test_windows_of_unequal_codes_are_stretched_so_that_branches_meet():
    """Two windows of seven timesteps are no whole number of eights."""
    source = tensor("x", SHAPE)
    a = conv("a", source)
    b = convolution(
        "b", a.output, random_weights(2, 2, 3, 3), tensor("b", (1, 1, 1), high=100),
        pads=(1, 1, 1, 1),
    )  # fmt: skip
    c = conv("c", b.output)
    network = pipelined([a, b, c, Add("add", (c.output, a.output), tensor("y", SHAPE))])
    assert network.population("b").code.bits == 7
    assert network.period == T
    assert starts(network)["c"] == 24


@BUFFERS
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=5),
    chip=st.sampled_from(["ideal", "tiny"]),
    accumulator=st.booleans(),
)
def test_networks_nobody_designed_compute_what_they_say(buffers, seed, steps, chip, accumulator):
    graph, samples = drawn(seed, steps, accumulator)
    image = nc.compile(graph, chip, overrides={"core.buffers": buffers}, pipeline=True)
    network = image.network
    assert image.period == shortest_period(network.populations, network.projections, buffers)
    assert image.period <= nc.compile(graph, chip, objective="cores").period
    run = nc.simulate(image, samples, timing="none", threads=1)
    assert run.compiled_agreement.differing.sum() == 0


def altered(image, **fields):
    """The image with fields of its description set anew."""
    description = json.loads(image.core.description()) | fields
    data = image.to_bytes()
    blob_bytes = int.from_bytes(data[20:28], "little")
    return _core.Image(json.dumps(description), data[len(data) - blob_bytes :])


def test_an_image_whose_samples_follow_too_soon_is_refused():
    layers = chain(2)
    image = nc.compile(graph_of(layers[0].inputs[0], layers), "tiny", overrides=ONE_BUFFER)
    altered(image, period=16)
    with pytest.raises(ImageError) as raised:
        altered(image, period=15)
    assert str(raised.value) == (
        "image description: a sample enters every 15 timesteps, but 'layer 1' receives it for 8 "
        "and sends it for 8: with room for 1 of them it takes one every 16"
    )


@pytest.fixture(scope="module")
def both(examples, digits_pictures):
    """The same network one sample after the other and in flight, and their runs."""
    x = digits_pictures[:9]
    images = [
        nc.compile(examples / "digits_cnn.onnx", "tiny", pipeline=pipeline, objective="cores")
        for pipeline in (False, True)
    ]
    return x, images, [nc.simulate(image, x) for image in images]


def test_what_spikes_cause_is_the_same_with_other_samples_in_flight(both):
    _, _, (alone, flown) = both
    np.testing.assert_array_equal(alone.outputs, flown.outputs)
    for counter in ("spikes", "sops", "packets", "input_packets", "output_packets", "flit_hops"):
        np.testing.assert_array_equal(alone.counters[counter], flown.counters[counter])
    np.testing.assert_array_equal(alone.by_population["packets"], flown.by_population["packets"])
    assert flown.counters["soma_updates"].sum() < alone.counters["soma_updates"].sum()


def test_layers_add_up_to_the_sample(both):
    for run in both[2]:
        counters = run.counters
        packets = counters["packets"] + counters["input_packets"]
        np.testing.assert_array_equal(run.by_population["packets"].sum(axis=1), packets)
        np.testing.assert_array_equal(
            run.by_population["flit_hops"].sum(axis=1), counters["flit_hops"]
        )
        np.testing.assert_array_equal(
            run.by_population["soma_updates"].sum(axis=1), counters["soma_updates"]
        )


def test_the_samples_add_up_to_the_run(both):
    _, (_, image), (_, run) = both
    assert len(run.timestep_cycles) == 8 * image.period + image.timesteps
    assert run.counters["timestep_cycles"].sum() == run.timestep_cycles.sum()
    by_sample = run.timestep_cycles[: 8 * image.period].reshape(8, image.period).sum(axis=1)
    np.testing.assert_array_equal(run.counters["timestep_cycles"][:8], by_sample)
    # 10 mW at 100 MHz are 100 pJ a cycle.
    static = run.energy_by_component_pj["static"]
    np.testing.assert_allclose(static, run.counters["timestep_cycles"] * 100.0)


def test_the_latency_of_a_sample_is_that_of_its_own_timesteps(both):
    _, (_, image), (alone, run) = both
    for number, cycles in enumerate(run.cycles):
        entry = number * image.period
        assert cycles == run.timestep_cycles[entry : entry + image.timesteps].sum()
    assert (run.cycles >= alone.cycles).all(), "a timestep holds the work of several samples"
    assert run.cycles_per_sample < alone.cycles_per_sample
    np.testing.assert_array_equal(alone.cycles, alone.counters["timestep_cycles"])
    assert alone.cycles_per_sample == pytest.approx(alone.cycles.mean())


def test_throughput_is_that_of_a_full_chip(both):
    x, (_, image), (_, run) = both
    depth = image.samples_in_flight
    full = run.timestep_cycles[(depth - 1) * image.period : 9 * image.period]
    assert run.cycles_per_sample == full.sum() / (9 - depth + 1)
    timing = nc.report(run).contents.timing
    seconds = int(run.timestep_cycles.sum()) / (image.chip.clock_mhz * 1e6)
    assert timing.run_samples_per_s == pytest.approx(len(x) / seconds)
    never_full = nc.simulate(image, x[: depth - 1])
    assert never_full.cycles_per_sample is never_full.samples_per_s is None


@pytest.mark.parametrize("timing", ["cycle", "none"])
@pytest.mark.parametrize(("size", "check"), [(1, "all"), (4, "all"), (4, 3)])
def test_many_batches_are_one_run(both, monkeypatch, timing, size, check):
    x, (_, image), _ = both
    whole = nc.simulate(image, x, timing=timing, compare=False)
    monkeypatch.setattr(import_module("neurochip.simulate.simulate"), "BATCH_SAMPLES", size)
    parts = nc.simulate(image, x, timing=timing, threads=3, check=check)
    np.testing.assert_array_equal(whole.outputs, parts.outputs)
    np.testing.assert_array_equal(whole.timestep_cycles, parts.timestep_cycles)
    np.testing.assert_array_equal(whole.work_cycles, parts.work_cycles)
    for counter, counts in whole.counters.items():
        np.testing.assert_array_equal(counts, parts.counters[counter])
    np.testing.assert_array_equal(
        whole.by_population["soma_updates"], parts.by_population["soma_updates"]
    )
    assert parts.compiled_agreement.differing.sum() == 0


def test_updates_are_counted_without_timing_too(both):
    x, (_, image), (_, timed) = both
    untimed = nc.simulate(image, x, timing="none")
    np.testing.assert_array_equal(timed.counters["soma_updates"], untimed.counters["soma_updates"])
    assert untimed.cycles is untimed.cycles_per_sample is None


def test_the_price_of_a_skip_is_what_its_relays_cost():
    run = simulated(residual(), "tiny", 7)
    told = nc.report(run).contents.relays
    assert told.populations == ("relay of a", "relay of a (2)")
    assert told.neurons == 120
    assert told.cores == sum(core.population in told.populations for core in run.image.cores)
    held = [run.population_names.index(name) for name in told.populations]
    # Each relay neuron has one synapse, and one core to send to.
    np.testing.assert_array_equal(
        run.by_population["sops"][:, held[1]], run.by_population["spikes"][:, held[0]]
    )
    prices = run.image.chip.spec["energy"]
    energy = (
        told.sops * prices["sop_pj"]
        + told.soma_updates * prices["soma_update_pj"]
        + told.packets * prices["packet_pj"]
        + run.by_population["flit_hops"][:, held].sum(axis=1).mean() * prices["flit_hop_pj"]
    )
    assert told.energy_pj == pytest.approx(energy)
    assert nc.report(simulated(chain(2), "tiny", 7)).contents.relays is None


def test_what_few_chips_price_is_part_of_what_a_skip_costs():
    """All other events are free, so each price is that of its own count."""
    free = ("sop_pj", "soma_update_pj", "packet_pj", "flit_hop_pj", "io_flit_pj")
    nodes = {"mesh.width": 2, "mesh.height": 2, "mesh.cores_per_node": 4, "core.max_neurons": 64}
    nodes["io"] = '[{x = 0, y = 0, side = "-x", io_cycles = 1}]'
    overrides = nodes | {f"energy.{field}": 0.0 for field in free}
    for field, price in (("node_packet_pj", 3.0), ("spike_pj", 5.0), ("flit_hop_y_pj", 7.0)):
        run = simulated(residual(), "tiny", 7, overrides=overrides | {f"energy.{field}": price})
        told = nc.report(run).contents.relays
        held = [run.population_names.index(name) for name in told.populations]
        counts = {
            "node_packet_pj": run.by_population["node_packets"],
            "spike_pj": run.by_population["spikes"],
            "flit_hop_y_pj": run.by_population["flit_hops_y"],
        }
        events = counts[field][:, held].sum(axis=1).mean()
        assert told.energy_pj == pytest.approx(price * events)
        assert events > 0, field


def test_a_residual_network_from_a_file_is_still_onnxruntimes_integers_with_samples_in_flight(
    examples, digits_pictures
):
    model = examples.parent / "tests/data/zoo/digits_resnet/uint8_qdq_perchannel.onnx"
    x = digits_pictures[:20]
    image = nc.compile(model, "ideal", pipeline=True)
    assert (image.timesteps, image.period, image.samples_in_flight) == (13 * T, T, 13)
    run = nc.simulate(image, x, timing="none")
    assert run.exact_agreement.differing.sum() == 0
    kinds = {layer.name: layer.kind for layer in image.populations}
    assert sum(kind == "Relay" for kind in kinds.values()) == 4


def test_placements_are_timed_on_a_full_chip(both, examples):
    x, (_, image), _ = both
    calibration = x[: image.samples_in_flight]
    moved = nc.compile(
        examples / "digits_cnn.onnx", "tiny", calibration=calibration, pipeline=True, optimize=2
    )
    run = nc.simulate(moved, calibration)
    full = slice((moved.samples_in_flight - 1) * moved.period, len(calibration) * moved.period)
    assert moved.gain.after.work_cycles == run.timestep_work_cycles[full].mean()
    assert run.compiled_agreement.differing.sum() == 0
