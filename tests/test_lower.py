"""Lowering: how a layer becomes neurons, with numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

import neurochip as nc
from integer_graphs import convolution, dense, global_average, graph_of, rearrange, tensor
from lowered_layers import SHAPE, conv, lowered, random_weights
from neurochip.formats import Tensor
from neurochip.layers import Lookup
from neurochip.lower import LayerSettings, Settings, lower
from neurochip.lower.calibration import Calibration
from neurochip.lower.stem.codes import choose_code
from neurochip.network import (
    DenseConnector,
    ExactIntegration,
    FixedRequantizer,
    Float32Requantizer,
    PoolConnector,
    ScaledIntegration,
    SpikeCode,
    StemNeurons,
)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (tensor("uint8, zero point 0", (1,)), SpikeCode(8, False, 0)),
        (tensor("int8 after ReLU", (1,), zero_point=-128, signed=True), SpikeCode(8, False, -128)),
        (tensor("int8, zero point 0", (1,), signed=True), SpikeCode(8, True, 0)),
        (tensor("uint8 around 128", (1,), zero_point=128), SpikeCode(8, True, 128)),
        (tensor("uint8 nearer to 0", (1,), zero_point=60), SpikeCode(8, False, 0)),
        (tensor("uint8 nearer to 128", (1,), zero_point=70), SpikeCode(8, True, 128)),
        (tensor("int8 clipped at 0", (1,), low=0, signed=True), SpikeCode(7, False, 0)),
        (tensor("4 of 8 bits", (1,), low=0, high=15), SpikeCode(4, False, 0)),
        (tensor("one code", (1,), low=7, high=7, zero_point=7), SpikeCode(1, False, 7)),
        (tensor("int4", (1,), signed=True, bits=4), SpikeCode(4, True, 0)),
        (tensor("few codes around", (1,), 100, 96, 103), SpikeCode(3, True, 100)),
        (tensor("above the codes", (1,), 200, 0, 100), SpikeCode(8, True, 128)),
    ],
    ids=lambda value: value.name if isinstance(value, Tensor) else "",
)
def test_the_code_is_the_one_whose_base_is_nearest_to_the_zero_point(values, code):
    assert choose_code(values) == code


@pytest.mark.parametrize(
    ("value", "train"), [(3, "00000011"), (83, "01010011"), (0, "00000000"), (255, "11111111")]
)
def test_an_unsigned_train_is_the_binary_number(value, train):
    code = SpikeCode(8, False, 0)
    bits = [code.plane(code.values(np.array([value])), step)[0] for step in range(8)]
    assert "".join(map(str, bits)) == train
    assert sum(bit * code.weight(step) for step, bit in enumerate(bits)) == value


@pytest.mark.parametrize("value", [-128, -1, 0, 1, 127])
def test_a_signed_train_is_twos_complement(value):
    code = SpikeCode(8, True, 0)
    values = code.values(np.array([value]))
    sent = [int(code.plane(values, step)[0]) * code.weight(step) for step in range(8)]
    assert sum(sent) == value
    assert [int(code.sent_by(values, step)[0]) for step in range(8)] == list(np.cumsum(sent))


GEOMETRIES = {
    "padding": {"pads": (1, 1, 1, 1)},
    "stride 2": {"strides": (2, 2), "pads": (1, 1, 1, 1)},
    "asymmetric pads": {"pads": (2, 0, 1, 2)},
    "dilation": {"dilations": (2, 2), "pads": (2, 2, 2, 2)},
    "groups": {"groups": 2, "pads": (1, 0, 0, 1)},
}


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES.keys())
@pytest.mark.parametrize("zero_point", [77, 200])
def test_a_border_neuron_makes_up_only_for_the_taps_inside_the_map(geometry, zero_point):
    source = tensor("x", SHAPE, zero_point)
    weights = random_weights(4, 2 // geometry.get("groups", 1), 3, 3)
    layer = convolution("c", source, weights, tensor("y", (1, 1, 1), 3), bias=9, **geometry)
    network = lowered([layer])
    population = network.populations[1]
    base = choose_code(source).base
    # By hand: a map that holds the zero point everywhere sends v = Z - base, and the sum of its
    # weights over the taps inside must cancel against the bias.
    everywhere = np.full((1, *SHAPE), zero_point - base)
    sums = layer.linear(everywhere)[0]
    bias = np.broadcast_to(population.model.bias.reshape(population.shape), population.shape)
    np.testing.assert_array_equal(bias.transpose(2, 0, 1) + sums, np.full(layer.output.shape, 9))
    samples = np.random.default_rng(2).integers(0, 256, (3, *SHAPE))
    run = nc.simulate(
        nc.compile(graph_of(source, [layer]), "ideal"),
        source.format.dequantize(samples),
        timing="none",
    )
    assert run.exact_agreement.differing.sum() == 0


def test_without_an_offset_one_bias_serves_all_positions():
    layer = convolution(
        "c", tensor("x", SHAPE), random_weights(4, 2, 3, 3), tensor("y", (1, 1, 1)),
        bias=np.arange(4), pads=(1, 1, 1, 1),
    )  # fmt: skip
    assert lowered([layer]).populations[1].model.bias.tolist() == [0, 1, 2, 3]


def with_headroom(headroom):
    return Settings(LayerSettings(headroom=headroom, s1="largest"))


def small_dense(weight, count=4, bias=0, multiplier=0.5):
    source = tensor("x", (count,))
    return dense("d", source, np.full((1, count), weight), tensor("y", (1,)), bias, multiplier)


def test_sums_that_fit_the_registers_are_exact():
    # 4 inputs of at most 255, weight 32: 32,640 fits 16 bits; weight 33 makes 33,660.
    network = lowered([small_dense(32)], "darwin3")
    assert network.populations[1].facts.mode == "exact"
    assert network.populations[1].facts.largest_possible == 4 * 32 * 255
    assert network.populations[1].model.integration == ExactIntegration()
    assert lowered([small_dense(33)], "darwin3").populations[1].facts.mode == "scaled"
    assert lowered([small_dense(33)], "ideal").populations[1].facts.mode == "exact"


def test_a_bias_that_leaves_no_room_in_the_membrane_is_scaled_with_the_sums():
    # 4 inputs of at most 255 and a weight of 1 reach 1,020.
    lowering = lowered([small_dense(1, bias=31_747)], "darwin3").populations[1].facts
    assert (lowering.mode, lowering.bias_mode) == ("exact", "exact")
    lowering = lowered([small_dense(1, bias=31_748)], "darwin3").populations[1].facts
    assert (lowering.mode, lowering.bias_mode) == ("scaled", "scaled")


def test_negative_and_positive_partial_sums_both_count():
    """A signed code sends -128 first: a membrane goes below where the value ends."""
    source = tensor("x", (1,), signed=True, low=-1, high=127)
    layer = dense("d", source, np.array([[127]]), tensor("y", (1,)), 0, 0.01)
    lowering = lowered([layer], "darwin3").populations[1].facts
    assert lowering.largest_possible == 127 * 128


def test_s1_and_its_coefficients_are_those_of_the_paper():
    """s1 = 32767 / Hmax, k_t = round(s1 c_t 2^f), the largest f that fits 16 bits."""
    layer = small_dense(100)
    settings = Settings(LayerSettings(s1="largest"))
    graph = graph_of(layer.inputs[0], [layer])
    network = lower(graph, nc.chip("darwin3"), "stem", settings=settings)
    lowering, integration = network.populations[1].facts, network.populations[1].model.integration
    s1 = 32_767 / (4 * 100 * 255)
    assert lowering.s1 == (float(f"{s1:.8g}"),)
    assert isinstance(integration, ScaledIntegration)
    # s1 = 0.32125: s1 128 = 41.1, times 2^9 = 21,054 fits, times 2^10 does not.
    assert integration.shift.tolist() == [9]
    expected = [round(s1 * 2**bit * 512) for bit in range(7, -1, -1)]
    assert integration.coefficients.tolist() == [expected]


def test_the_largest_partial_sum_of_the_samples_sets_s1():
    layer = small_dense(200)
    samples = np.array([[200, 0, 0, 0], [0, 3, 3, 3]])
    network = lower(
        graph_of(layer.inputs[0], [layer]), nc.chip("darwin3"), "stem", samples, with_headroom(1.1)
    )
    assert network.populations[1].facts.largest_seen == 40_000
    assert network.populations[1].facts.s1 == pytest.approx([32_767 / 44_000])


def test_what_was_seen_counts_partial_sums_where_a_layer_is_scaled():
    """Weights 100 and -100, values 128 and 127: 12,800 after the first step, 100 after the last."""
    source = tensor("x", (2,))
    layer = dense("d", source, np.array([[100, -100]]), tensor("y", (1,)), 0, 0.01)
    graph = graph_of(source, [layer])
    network = lower(graph, nc.chip("darwin3"), "stem", np.array([[128, 127]]), with_headroom(1.0))
    assert network.populations[1].facts.largest_seen is None, "exact: nobody asks what was seen"
    wide = dense("d", source, np.array([[300, -300]]), tensor("y", (1,)), 0, 0.01)
    network = lower(
        graph_of(source, [wide]),
        nc.chip("darwin3"),
        "stem",
        np.array([[128, 127]]),
        with_headroom(1.0),
    )
    assert network.populations[1].facts.largest_seen == 300 * 128


@pytest.mark.parametrize(
    ("bias", "scale", "excess"),
    [("calibrated", "largest", 0), ("scaled", "largest", 0), ("scaled", "auto", 0.5 * 0.75)],
)
def test_the_second_scaling_holds_a_calibrated_bias_and_the_membrane_a_scaled_one(
    bias, scale, excess
):
    """V = ((H m + half) >> shift) + q_b + Z, m 2^-shift = M / s1, q_b = round(b M) or 0.

    With s1 = 1/4 the last two steps round a half and a quarter up, if both occur half the time.
    """
    source = tensor("x", (4,))
    weights = np.full((1, 4), 100)
    layer = dense("d", source, weights, tensor("y", (1,), 10), bias=1000, multiplier=0.002)
    settings = Settings(LayerSettings(bias=bias, s1=scale))
    network = lower(graph_of(source, [layer]), nc.chip("darwin3"), "stem", settings=settings)
    model = network.populations[1].model
    requantizer = model.requantizer
    assert isinstance(requantizer, FixedRequantizer)
    (m,), (offset,), (shift,) = requantizer.multiplier, requantizer.offset, requantizer.shift
    (s1,) = network.populations[1].facts.s1
    assert m / 2**shift == pytest.approx(0.002 / s1, rel=2**-15)
    assert 2**15 <= m < 2**16
    q_b = 2 if bias == "calibrated" else 0
    assert offset == (1 << shift) // 2 - round(excess * m) + ((q_b + 10) << shift)
    assert model.bias.tolist() == [0 if bias == "calibrated" else round(1000 * s1)]


@pytest.mark.parametrize("multiplier", [0.25, 0.0123, 0.5001, 3.0])
def test_the_proof_counts_every_accumulator_at_which_the_fixed_constants_differ(multiplier):
    network = lowered([small_dense(4, bias=-100, multiplier=multiplier)], "darwin3")
    requantizer, proof = network.populations[1].model.requantizer, network.populations[1].facts
    acc = np.arange(-100, 4 * 4 * 255 - 100 + 1)
    chip = (acc * requantizer.multiplier + requantizer.offset) >> requantizer.shift
    wanted = np.rint(acc.astype(np.float32) * np.float32(multiplier))
    differing = np.clip(chip, 0, 255) != np.clip(wanted, 0, 255)
    assert proof.reachable == len(acc)
    assert proof.differing == differing.sum()


def test_the_ideal_chip_keeps_the_float_multiplier_and_differs_nowhere():
    network = lowered([small_dense(100, multiplier=0.0123)])
    requantizer = network.populations[1].model.requantizer
    assert isinstance(requantizer, Float32Requantizer)
    assert requantizer.multiplier.tolist() == [np.float32(0.0123)]
    assert network.populations[1].facts.differing == 0
    assert all(population.facts.proven for population in network.populations)


def test_a_value_that_no_neuron_holds_is_missing_from_the_weights():
    source = tensor("x", (3,), zero_point=50)
    padded = rearrange("pad", source, np.array([0, -1, 1, 2, -1]))
    weights = np.array([[1, 20, 3, 4, 50]])
    layer = dense("d", padded.output, weights, tensor("y", (1,)), 0, 0.1)
    projection = lowered([padded, layer]).projections[0]
    assert isinstance(projection.connector, DenseConnector)
    assert projection.connector.weights.tolist() == [[1], [3], [4]]


def test_an_average_is_a_sum_with_weights_of_one():
    layer = global_average("mean", tensor("x", (3, 4, 5)), tensor("y", (1, 1, 1)))
    network = lowered([layer], "darwin3")
    assert isinstance(network.projections[0].connector, PoolConnector)
    assert network.projections[0].connector.weights.tolist() == [[1] * 5] * 4
    assert network.populations[1].facts.mode == "exact"
    assert isinstance(network.populations[1].model, StemNeurons)


def test_no_calibration_sample_is_looked_at_where_every_layer_is_exact():
    layer = conv("a", tensor("x", SHAPE))
    graph = graph_of(layer.inputs[0], [layer])
    impossible = np.zeros((2, 1), np.uint8)
    assert lower(graph, nc.chip("ideal"), "stem", impossible).populations[1].facts.mode == "exact"
    with pytest.raises(ValueError, match="broadcast"):
        lower(graph, nc.chip("darwin3"), "stem", impossible)


def test_calibration_evaluates_no_further_than_asked_and_forgets_what_nobody_reads():
    a = conv("a", tensor("x", SHAPE))
    b = conv("b", a.output)
    c = conv("c", b.output)
    seen = Calibration(a.inputs[0], np.zeros((2, *SHAPE), np.uint8), [a, b, c])
    assert seen.held == {"x"}
    seen.release(a)
    seen.of(b.inputs[0])
    assert seen.held == {"a"}
    seen.release(b)
    seen.of(c.inputs[0])
    assert seen.held == {"b"}


@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
def test_biases_at_the_ends_of_int32_wrap_as_32_bit_registers_do(chip):
    """The share of the zero point carries the stored bias past int32; sums wrap, as onnxruntime's.

    Where registers are narrower, sums are scaled, and what is lost is counted.
    """
    source = tensor("x", (3, 4, 4), zero_point=100)
    bias = np.array([2**31 - 1, -(2**31), 2**30, 0])
    layer = convolution("c", source, random_weights(4, 3, 1, 1), tensor("y", (4, 4, 4)), bias=bias)
    graph = graph_of(source, [layer])
    codes = np.random.default_rng(0).integers(0, 256, (8, 3, 4, 4))
    run = nc.simulate(nc.compile(graph, chip), source.format.dequantize(codes), timing="none")
    assert run.compiled_agreement.differing.sum() == 0
    if chip == "ideal":
        sums = np.einsum("oi,nihw->nohw", layer.weights[:, :, 0, 0], codes - 100)
        sums = (sums + bias[:, None, None]).astype(np.int32)  # modulo 2^32
        multiplier = np.float32(layer.multiplier[0])
        wanted = np.rint(np.clip(sums.astype(np.float32) * multiplier, 0, 255))
        np.testing.assert_array_equal(run.outputs, wanted)


@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 2, 2), (3, 2, 2, 2)])
def test_a_table_for_each_channel_is_one_whatever_the_axes_behind_it(shape):
    source, output = tensor("x", shape), tensor("y", shape)
    table = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.int32)
    graph = graph_of(source, [Lookup("table", (source,), output, table)])
    codes = np.random.default_rng(1).integers(0, 256, (5, *shape))
    run = nc.simulate(nc.compile(graph, "ideal"), codes.astype(np.float32), timing="none")
    wanted = np.stack([table[channel][codes[:, channel]] for channel in range(3)], axis=1)
    np.testing.assert_array_equal(run.outputs, wanted)
