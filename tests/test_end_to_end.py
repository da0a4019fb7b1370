"""The chip computes what its graph says, bit by bit, on networks nobody designed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurochip as nc
import oracle_fanout
import oracle_onnxruntime
from integer_graphs import IN_INTEGERS, STEPS, code_format, dense, drawn, graph_of, tensor
from neurochip.formats import Tensor
from neurochip.layers import Lookup, Rearrange
from one_population import codes_computed

NETWORKS = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
FEWER = settings(NETWORKS, max_examples=30)
SEEDS = st.integers(0, 2**32 - 1)
DRAWN_STEPS = st.lists(st.sampled_from(STEPS), max_size=4)
SATURATING = {"core.overflow": "'saturate'"}


def compiled(
    seed: int,
    steps: list[str],
    chip: str,
    calibrated: int = 0,
    headroom: float = 1.1,
    overrides: Mapping[str, object] | None = None,
    accumulator: bool = False,
) -> tuple[nc.Image, np.ndarray]:
    graph, samples = drawn(seed, steps, accumulator)
    calibration = samples[:calibrated] if calibrated else None
    settings = nc.Settings(nc.LayerSettings(headroom=headroom))
    image = nc.compile(graph, chip, calibration=calibration, overrides=overrides, settings=settings)
    return image, samples


def run(image: nc.Image, samples: np.ndarray, timing: str = "none", threads: int = 1) -> nc.Run:
    return nc.simulate(image, samples, timing=timing, threads=threads)


@NETWORKS
@given(seed=SEEDS, steps=DRAWN_STEPS, accumulator=st.booleans())
def test_ideal_computes_every_tensor_in_exact_integers(seed, steps, accumulator):
    result = run(*compiled(seed, steps, "ideal", accumulator=accumulator))
    assert result.exact_agreement.differing.sum() == 0
    assert result.overflows.sum() == 0


@FEWER
@given(seed=SEEDS, steps=st.lists(st.sampled_from(IN_INTEGERS), max_size=4))
def test_ideal_computes_what_onnxruntime_computes(seed, steps):
    image, samples = compiled(seed, steps, "ideal")
    graph = image.graph
    wrong = oracle_onnxruntime.layer_by_layer(graph, samples)
    assert {name: counts for name, counts in wrong.items() if counts[0]} == {}
    assert run(image, samples).exact_agreement.differing.sum() == 0


@pytest.mark.parametrize(
    ("chip", "calibrated", "overrides"),
    [
        ("tiny", 0, {}),
        ("darwin3", 0, {}),
        ("darwin3", 3, {}),
        ("darwin3", 3, SATURATING),
    ],
    ids=["tiny", "darwin3, proven interval", "darwin3, calibrated", "darwin3, saturating"],
)
@NETWORKS
@given(seed=SEEDS, steps=DRAWN_STEPS, accumulator=st.booleans())
def test_a_chip_computes_every_tensor_as_its_constants_say(
    chip, calibrated, overrides, seed, steps, accumulator
):
    image, samples = compiled(seed, steps, chip, calibrated, 1.1, overrides, accumulator)
    assert run(image, samples).compiled_agreement.differing.sum() == 0


@pytest.mark.parametrize("overrides", [{}, SATURATING], ids=["wrapping", "saturating"])
@NETWORKS
@given(seed=SEEDS, steps=DRAWN_STEPS)
def test_registers_that_are_left_hold_what_the_constants_say(overrides, seed, steps):
    image, samples = compiled(seed, steps, "darwin3", 1, 0.2, overrides)
    assert run(image, samples).compiled_agreement.differing.sum() == 0


def test_too_little_headroom_overflows_and_every_overflow_is_counted():
    source = tensor("x", (4,))
    layer = dense("d", source, np.full((1, 4), 100), tensor("y", (1,)), multiplier=0.002)
    graph = graph_of(source, [layer])
    bright, dark = np.full((1, 4), 255, np.float32), np.full((1, 4), 50, np.float32)
    image = nc.compile(
        graph, "darwin3", calibration=dark, settings=nc.Settings(nc.LayerSettings(headroom=1.0))
    )
    overflows = run(image, np.concatenate([dark, bright])).by_population["membrane_overflows"]
    # Half of the range that fits: 255 = 11111111 passes it at its second bit, and then wraps on.
    assert overflows[0].sum() == 0
    assert overflows[1, 1] > 0


@FEWER
@given(seed=SEEDS, steps=DRAWN_STEPS)
def test_a_sum_without_overflow_is_proven_or_counted_not_to_have_any(seed, steps):
    """With the proven interval a membrane is never left: every partial sum was bounded."""
    result = run(*compiled(seed, steps, "darwin3"))
    assert result.by_population["membrane_overflows"].sum() == 0


@FEWER
@given(seed=SEEDS, steps=DRAWN_STEPS, chip=st.sampled_from(["ideal", "tiny", "darwin3"]))
def test_sops_are_spikes_times_fanout(seed, steps, chip):
    image, samples = compiled(seed, steps, chip)
    codes = oracle_fanout.sent(image, samples)
    result = run(image, samples)
    np.testing.assert_array_equal(
        result.by_population["sops"], oracle_fanout.sops(image.network, codes)
    )
    np.testing.assert_array_equal(result.sops, result.by_population["sops"].sum(axis=1))
    spikes = [np.unpackbits(part, axis=1).sum(axis=1) for part in codes.values()]
    np.testing.assert_array_equal(result.by_population["spikes"], np.stack(spikes, axis=1))


@FEWER
@given(seed=SEEDS, steps=DRAWN_STEPS, chip=st.sampled_from(["ideal", "tiny", "darwin3"]))
def test_cycles_change_neither_outputs_nor_spikes_nor_sops(seed, steps, chip):
    image, samples = compiled(seed, steps, chip)
    untimed, timed = run(image, samples), run(image, samples, "cycle")
    np.testing.assert_array_equal(timed.outputs, untimed.outputs)
    np.testing.assert_array_equal(timed.by_population["spikes"], untimed.by_population["spikes"])
    np.testing.assert_array_equal(timed.by_population["sops"], untimed.by_population["sops"])
    for counter in ("spikes", "sops", "soma_updates", "packets", "flits", "flit_hops", "io_flits"):
        assert (timed.counters[counter] == untimed.counters[counter]).all(), counter


@FEWER
@given(seed=SEEDS, steps=DRAWN_STEPS)
def test_threads_and_the_order_of_samples_change_nothing(seed, steps):
    image, samples = compiled(seed, steps, "darwin3")
    forward = run(image, samples, "cycle")
    backward = run(image, samples[::-1].copy(), "cycle", threads=2)
    np.testing.assert_array_equal(forward.outputs, backward.outputs[::-1])
    np.testing.assert_array_equal(forward.work_cycles, backward.work_cycles[::-1])
    np.testing.assert_array_equal(
        forward.by_population["sops"], backward.by_population["sops"][::-1]
    )
    for name, counts in forward.counters.items():
        np.testing.assert_array_equal(counts, backward.counters[name][::-1], err_msg=name)


@FEWER
@given(seed=SEEDS, source=st.sampled_from(["uint8", "int8", "narrow"]))
def test_any_table_is_exact_where_the_soma_holds_tables(seed, source):
    random = np.random.default_rng(seed)
    x = tensor("x", (2, 3, 3), zero_point=-5 if source == "int8" else 7, signed=source == "int8")
    if source == "narrow":
        x = Tensor("x", x.shape, x.format, 40, 90)
    y = tensor("y", x.shape, zero_point=100)
    table = random.integers(0, 256, (2, 256)).astype(np.int32)
    samples = x.format.dequantize(random.integers(x.low, x.high + 1, (4, *x.shape)))
    graph = graph_of(x, [Lookup("any", (x,), y, table)])
    for chip in ("ideal", "tiny"):
        assert run(nc.compile(graph, chip), samples).exact_agreement.differing.sum() == 0


@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
def test_logits_that_are_read_from_membranes_may_be_rearranged(chip):
    """The bias of scaled membranes, which the host adds, moves with its neuron."""
    random = np.random.default_rng(3)
    x = tensor("x", (50,))
    logits = Tensor("logits", (4,), code_format(0, True, bits=32), -(2**31), 2**31 - 1)
    bias = np.array([10_000, -20_000, 30_000, 0])
    layer = dense("d", x, random.integers(-100, 100, (4, 50)), logits, bias, None)
    picked = Tensor("picked", (3,), logits.format, logits.low, logits.high)
    moved = Rearrange("pick", (layer.output,), picked, np.array([2, 0, -1], np.int32))
    samples = random.integers(0, 256, (5, 50)).astype(np.float32)
    result = run(nc.compile(graph_of(x, [layer, moved]), chip), samples)
    assert result.compiled_agreement.differing.sum() == 0
    image = result.image
    codes = {"x": image.graph.quantize(samples)}
    computed = codes_computed(image.network, image.chip, layer, codes)
    np.testing.assert_array_equal(result.outputs, moved.evaluate(computed))


def test_a_bias_beyond_a_saturating_register_is_not_called_exact():
    """32-bit sums that wrap in onnxruntime stop at the end of a register that saturates."""
    x = tensor("x", (8,))
    bias = np.array([2**31 - 5, 0])
    layer = dense("d", x, np.full((2, 8), 50), tensor("y", (2,)), bias, 2.0**-20)
    samples = np.full((1, 8), 200, np.float32)
    image = nc.compile(graph_of(x, [layer]), "tiny")
    assert image.populations[1].facts.mode == "scaled"
    assert run(image, samples).compiled_agreement.differing.sum() == 0
    ideal = nc.compile(graph_of(x, [layer]), "ideal")
    assert run(ideal, samples).exact_agreement.differing.sum() == 0


def test_a_network_without_a_layer_passes_its_input_through():
    x = tensor("x", (2, 3, 3))
    moved = Rearrange("flat", (x,), tensor("y", (18,)), np.arange(18, dtype=np.int32))
    samples = np.arange(36, dtype=np.float32).reshape(2, 2, 3, 3)
    result = run(nc.compile(graph_of(x, [moved]), "ideal"), samples)
    np.testing.assert_array_equal(result.outputs, samples.reshape(2, 18))
