"""Quantizing: ranges and formats by hand and by law, and that preparation changes no function."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from float_networks import FloatNetwork, operators, vgg
from neurochip.errors import (
    InputError,
    ModelError,
    NeurochipError,
    QuantizationError,
    UnsupportedOpError,
)
from neurochip.quantize import QuantizeOptions, compare, quantize
from neurochip.quantize.calibrate import BINS, Seen, calibrate, histogram
from neurochip.quantize.prepare import prepare
from neurochip.quantize.ranges import (
    STEPS,
    chosen_format,
    kept,
    least_error,
    percentile_range,
    spanning,
    squared_error,
)
from neurochip.quantize.runtime import outputs


def seen(values):
    values = np.asarray(values, np.float32)
    low, high = float(values.min()), float(values.max())
    return Seen(low, high, histogram(values, low, high))


values_of_a_tensor = st.builds(
    lambda seed, spread, offset: (
        np.random.default_rng(seed).standard_cauchy(500).clip(-1e4, 1e4) * spread + offset
    ),
    st.integers(0, 1 << 32),
    st.floats(1e-3, 1e3),
    st.sampled_from([-10.0, 0.0, 10.0]),
)
bits = st.integers(2, 8)


def test_a_tensor_behind_a_relu_has_zero_point_0_and_reaches_its_maximum():
    form = spanning(0.0, 5.1, 8)
    assert (form.zero_point, form.signed, float(form.scale)) == (0, False, np.float32(0.02))
    assert form.quantize(np.array([0.0, 0.03, 5.1, 9.0])).tolist() == [0, 2, 255, 255]


def test_four_bits_have_fifteen_steps():
    form = spanning(0.0, 7.5, 4)
    assert float(form.scale) == 0.5
    assert form.quantize(np.array([0.6, 7.5, 100.0])).tolist() == [1, 15, 15]


def test_a_tensor_of_both_signs_keeps_zero_exact():
    form = spanning(-1.0, 2.0, 2)
    assert (float(form.scale), form.zero_point) == (1.0, 1)
    assert form.dequantize(np.array([0, 1, 3])).tolist() == [-1.0, 0.0, 2.0]


def test_a_tensor_that_is_always_zero_has_a_scale():
    assert float(chosen_format(seen([0.0, 0.0]), 8, QuantizeOptions(ranges="mse")).scale) == 1.0


@given(values_of_a_tensor, bits)
def test_zero_is_a_code_and_the_zero_point_is_0_without_negative_values(values, width):
    for each in (values, np.abs(values)):
        form = spanning(float(each.min()), float(each.max()), width)
        assert form.dequantize(np.array(form.zero_point)) == 0.0
        assert form.qmin <= form.zero_point <= form.qmax
        assert form.zero_point == 0 or each.min() < 0


@given(values_of_a_tensor, bits)
def test_the_range_by_maximum_clips_nothing(values, width):
    what = seen(values)
    assert what.share_outside(*kept(spanning(what.low, what.high, width))) == 0.0


@given(values_of_a_tensor, st.floats(51, 100))
def test_a_percentile_keeps_at_least_so_many_values(values, percent):
    for each in (values, np.abs(values)):
        what = seen(each)
        low, high = percentile_range(what, percent)
        assert what.low <= low <= high <= what.high
        assert what.share_outside(low, high) <= 1 - percent / 100 + 1e-9


def test_a_percentile_cuts_a_lone_outlier():
    values = np.concatenate([np.linspace(0, 1, 9999), [100.0]])
    assert percentile_range(seen(values), 99.98)[1] == pytest.approx(1.0, abs=100 / BINS)


@settings(deadline=None, max_examples=20)
@given(values_of_a_tensor, bits)
def test_the_range_by_error_is_the_best_of_all_that_are_compared(values, width):
    what = seen(values)
    best = squared_error(what, least_error(what, width))
    for step in range(1, STEPS + 1):
        share = step / STEPS
        assert best <= squared_error(what, spanning(what.low * share, what.high * share, width))


def test_the_error_of_a_range_is_the_sum_of_squares():
    what = Seen(0.0, 4.0, np.array([1, 0, 0, 2]))  # centres 0.5 and, twice, 3.5
    assert squared_error(what, spanning(0.0, 3.0, 2)) == pytest.approx(0.25 + 2 * 0.25)


@given(values_of_a_tensor)
def test_a_histogram_counts_every_value(values):
    what = seen(values)
    assert what.counts.sum() == values.size
    assert len(what.edges) == BINS + 1


def test_the_largest_value_lies_in_the_last_part_of_a_histogram():
    counts = histogram(np.array([-1.0, -1.0, 0.0, 0.9999, 1.0]), -1.0, 1.0)
    assert {int(part): int(counts[part]) for part in np.flatnonzero(counts)} == {
        0: 2, BINS // 2: 1, BINS - 1: 2,
    }  # fmt: skip


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1 << 32))
def test_folding_batch_norms_preserves_the_function(seed):
    network = vgg(seed)
    samples = network.samples(16)
    prepared = prepare(network.model())
    convolutions = ["Conv", "Relu", "MaxPool", "Conv"]
    assert operators(prepared) == [*convolutions, "Flatten", "Gemm", "Relu", "Gemm"]
    before, after = outputs(network.model(), samples), outputs(prepared, samples)
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4 * np.abs(before).max())


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("bias", [True, False])
def test_a_batch_norm_folds_into_a_matrix_product_of_either_orientation(transposed, bias):
    network = FloatNetwork(6)
    weights = network.random(*((4, 6) if transposed else (6, 4)))
    others = [weights, network.random(4)] if bias else [weights]
    network.add("Gemm", *others, transB=transposed)
    network.batch_norm(4)
    samples = network.samples(32)
    prepared = prepare(network.model())
    assert operators(prepared) == ["Gemm"]
    assert len(prepared.graph.initializer) == 2
    np.testing.assert_allclose(
        outputs(prepared, samples), outputs(network.model(), samples), rtol=1e-4, atol=1e-4
    )


def test_a_tensor_that_others_read_keeps_its_batch_norm_apart():
    network = FloatNetwork(2, 4, 4)
    first = network.convolution(2, 3)
    network.batch_norm(3)
    network.add("Add", first)
    samples = network.samples(8)
    prepared = prepare(network.model())
    assert operators(prepared) == ["Conv", "Conv", "Add"]
    np.testing.assert_allclose(
        outputs(prepared, samples), outputs(network.model(), samples), rtol=1e-4, atol=1e-4
    )


def test_moving_a_clamp_before_pools_and_reshapes_changes_no_bit():
    network = FloatNetwork(2, 8, 8)
    network.convolution(2, 3)
    network.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    network.add("Flatten")
    bounds = [network.constant(np.float32(bound)) for bound in (0, 2)]
    network.add("Clip", *bounds)
    samples = network.samples(32)
    prepared = prepare(network.model())
    assert operators(prepared) == ["Conv", "Clip", "MaxPool", "Flatten"]
    np.testing.assert_array_equal(outputs(prepared, samples), outputs(network.model(), samples))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1 << 32), bits, st.sampled_from(["per-tensor", "per-channel"]))
def test_a_quantized_network_computes_the_same_here_and_in_onnxruntime(seed, width, weights):
    network = vgg(seed)
    samples = network.samples(64)
    made = quantize(network.model(), samples, bits=width, weights=weights)
    answers = compare(network.model(), made, samples)
    assert answers.graph_outputs.shape == answers.quantized_outputs.shape == (64, 3)
    assert answers.differing == 0


def test_the_tensors_are_those_between_layers_in_their_order():
    network = vgg()
    made = quantize(network.model(), network.samples(64), bits=5)
    assert [(each.op_type, each.format.bits) for each in made.tensors] == [
        ("", 8),
        ("Conv + Relu", 5),
        ("Conv", 5),
        ("Gemm + Relu", 5),
        ("Gemm", 8),
    ]
    relu = [each for each in made.tensors if each.op_type.endswith("Relu")]
    assert {each.format.zero_point for each in relu} == {0}
    assert all(each.low >= 0 for each in relu)
    *between, last = made.graph().layers
    assert max(layer.output.high for layer in between) == 31
    assert last.output.high == 255


def test_weights_are_symmetric_int8_with_a_scale_a_channel_where_asked():
    network = vgg()
    for weights, scales in (("per-tensor", 0), ("per-channel", 1)):
        made = quantize(network.model(), network.samples(8), weights=weights)
        model = onnx.load_from_string(made.model)
        arrays = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
        kernels = [
            name for name, array in arrays.items() if array.dtype == np.int8 and array.ndim > 1
        ]
        assert len(kernels) == 4
        assert all(arrays[name].min() >= -127 for name in kernels)
        stems = [name.removesuffix("_quantized") for name in kernels]
        assert [arrays[f"{stem}_scale"].ndim for stem in stems] == [scales] * 4


def test_a_saved_file_is_the_model(tmp_path):
    network = vgg()
    made = quantize(network.model(), network.samples(8))
    made.save(tmp_path / "quantized.onnx")
    assert (tmp_path / "quantized.onnx").read_bytes() == made.model


def test_the_float_model_is_left_as_it_was():
    network = vgg()
    model = network.model()
    before = model.SerializeToString()
    quantize(model, network.samples(8), bits=4)
    assert model.SerializeToString() == before


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"bits": 9}, "`bits` is 9, expected 2 to 8"),
        ({"bits": 1}, "`bits` is 1, expected 2 to 8"),
        ({"ranges": "entropy"}, "`ranges` is 'entropy', expected one of max, percentile, mse"),
        ({"percentile": 0.5}, "`percentile` is 0.5, expected more than 50, at most 100"),
    ],
)
def test_a_choice_that_is_none_is_refused(choice, message):
    with pytest.raises(QuantizationError) as caught:
        quantize(vgg().model(), vgg().samples(2), **choice)
    assert str(caught.value) == message


def test_a_quantized_model_is_refused():
    network = vgg()
    made = quantize(network.model(), network.samples(8))
    with pytest.raises(ModelError, match="'made_up' is quantized already"):
        quantize(made.model, network.samples(8))


def test_samples_of_another_shape_are_refused():
    with pytest.raises(InputError) as caught:
        quantize(vgg().model(), np.zeros((4, 8, 8, 2)))
    assert str(caught.value) == (
        "calibration samples have shape [8, 8, 2], 'made_up' takes [2, 8, 8]"
    )


def test_no_samples_are_too_few():
    with pytest.raises(InputError, match="there are no calibration samples"):
        quantize(vgg().model(), np.zeros((0, 2, 8, 8)))


def test_samples_that_lead_to_nan_are_refused_with_the_tensor():
    samples = vgg().samples(4)
    samples[2, 0, 3, 3] = np.nan
    with pytest.raises(QuantizationError, match="tensor 'x' holds values that are NaN"):
        quantize(vgg().model(), samples)


def test_operators_that_cannot_be_imported_are_refused_all_at_once():
    network = FloatNetwork(3, 4, 4)
    network.add("Erf")
    network.add("InstanceNormalization", network.random(3), network.random(3))
    network.add("Erf")
    with pytest.raises(UnsupportedOpError) as caught:
        quantize(network.model(), network.samples(2))
    assert str(caught.value).splitlines() == [
        "'made_up' has 3 nodes that neurochip cannot import:",
        "  Erf at 'erf_0': it is not supported",
        "  Erf at 'erf_2': it is not supported",
        "  InstanceNormalization at 'instancenormalization_1': it is not supported",
    ]


@pytest.mark.parametrize("shape", [(4,), (4, 9), (4, 5, 6)])
def test_a_batch_norm_without_a_layer_before_it_is_a_convolution(shape):
    network = FloatNetwork(*shape)
    network.add("Relu")
    network.batch_norm(4)
    network.add("Flatten")
    network.add("Gemm", network.random(int(np.prod(shape)), 2))
    samples = network.samples(32)
    prepared = prepare(network.model())
    assert "BatchNormalization" not in operators(prepared)
    before = outputs(network.model(), samples)
    np.testing.assert_allclose(outputs(prepared, samples), before, rtol=1e-4, atol=1e-4)
    made = quantize(network.model(), samples, weights="per-channel")
    assert compare(network.model(), made, samples).differing == 0


def test_a_model_that_onnxruntime_cannot_run_is_refused():
    network = FloatNetwork(4)
    network.nodes.append(helper.make_node("Unheard", ["x"], ["y"], domain="of.nobody"))
    network.last = "y"
    with pytest.raises(ModelError, match="onnxruntime cannot run the model"):
        quantize(network.model(), network.samples(4))


def test_without_onnxruntime_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(NeurochipError, match="onnxruntime, which is not installed") as caught:
        quantize(vgg().model(), vgg().samples(2))
    assert caught.value.hint == "install it with `pip install 'neurochip[quantize]'`"


def normalizing_its_input(network):
    """As exporters write (x - mean) / deviation, and a mean over both axes at the end."""
    network.add("Sub", network.constant(np.full((1, 3, 1, 1), 0.5, np.float32)))
    network.add("Div", network.constant(np.float32([0.2, 0.3, 0.4]).reshape(1, 3, 1, 1)))
    network.convolution(3, 4)
    network.add("Relu")
    network.add("ReduceMean", axes=[2, 3], keepdims=0)
    network.add("Gemm", network.random(4, 3))


def with_constants_and_softmax(network):
    network.add("Mul", network.constant(np.float32(2)))
    network.convolution(3, 4)
    network.add("Relu")
    network.add("Mul", network.random(1, 4, 1, 1))
    network.convolution(4, 2)
    network.add("GlobalAveragePool")
    network.add("Flatten")
    network.add("Softmax", axis=1)


def branching_before_a_clamp(network):
    first = network.convolution(3, 3)
    second = network.add("Relu")
    network.convolution(3, 3)
    network.add("Add", second)
    network.add("Relu")
    network.add("Add", first)
    network.add("Flatten")
    network.add("Gemm", network.random(192, 3))
    network.add("Relu")


def with_tables_and_moves(network):
    network.add("Relu")
    network.convolution(3, 4)
    network.add("Sigmoid")
    network.add("Transpose", perm=[0, 2, 3, 1])
    network.add("Reshape", network.constant(np.int64([-1, 256])))
    network.add("MatMul", network.random(256, 3))


@pytest.mark.parametrize("width", [8, 4])
@pytest.mark.parametrize(
    "build",
    [
        normalizing_its_input,
        with_constants_and_softmax,
        branching_before_a_clamp,
        with_tables_and_moves,
    ],
)
def test_networks_of_other_shapes_keep_their_function(build, width):
    network = FloatNetwork(3, 8, 8)
    build(network)
    samples = network.samples(128)
    made = quantize(network.model(), samples, bits=width)
    answers = compare(network.model(), made, samples)
    np.testing.assert_allclose(answers.graph_outputs, answers.quantized_outputs, rtol=1e-6)
    error = np.abs(answers.float_outputs - answers.quantized_outputs).max()
    assert error <= np.ptp(answers.float_outputs) * (0.03 if width == 8 else 0.3)


def test_a_mean_over_a_map_is_its_global_pool():
    network = FloatNetwork(3, 8, 8)
    normalizing_its_input(network)
    assert operators(prepare(network.model()))[-3:] == ["GlobalAveragePool", "Flatten", "Gemm"]


def test_a_model_of_an_old_opset_is_converted():
    network = FloatNetwork(2, 4, 4)
    network.convolution(2, 3)
    network.add("Relu")
    samples = network.samples(16)
    made = quantize(network.model(opset=9), samples, weights="per-channel")
    assert compare(network.model(), made, samples).differing == 0


def test_calibration_sees_all_samples_however_they_are_cut():
    network = vgg()
    prepared = prepare(network.model())
    samples = network.samples(40)
    found = calibrate(prepared, ["x", "relu_9"], samples)["relu_9"]
    prepared.graph.output.append(helper.make_empty_tensor_value_info("relu_9"))
    del prepared.graph.output[0]
    values = outputs(prepared, samples)
    assert (found.low, found.high) == (values.min(), values.max())
    assert found.counts.sum() == values.size
