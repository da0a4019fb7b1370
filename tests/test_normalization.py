"""Normalization: what it computes, what it refuses, and how an image keeps it."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

import neurochip as nc
from neurochip import _core
from neurochip.errors import ImageError, InputError
from neurochip.inputs import Inputs, read_inputs
from normalized_network import COUNT, MEAN, PICTURES, STD, by_hand, network, right_values
from test_integer_inputs import model_of

BY = nc.Normalization(MEAN, STD)


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def graph(model):
    return nc.load_graph(model)


@pytest.fixture(scope="module")
def image(graph):
    return nc.compile(graph, "ideal", normalization=BY)


def refusal(work, *arguments, **options):
    with pytest.raises(InputError) as raised:
        work(*arguments, **options)
    return str(raised.value), raised.value.hint


def test_it_is_what_training_scripts_compute_bit_by_bit():
    scaled = PICTURES.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(BY.applied(scaled), by_hand())
    kept = scaled.copy()
    BY.applied(scaled)
    np.testing.assert_array_equal(scaled, kept)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((2, 3, 1, 2), [[1, 1, 1, 1, 1, 1]] * 2),
        ((2, 3), [[1, 1, 1]] * 2),
        ((2, 5, 6, 3), [[1] * 90] * 2),
    ],
)
def test_channels_are_axis_1_or_a_short_last_one(shape, wanted):
    means = np.array([10.0, 20.0, 30.0], np.float32)
    axis = 3 if shape[1:] == (5, 6, 3) else 1
    x = np.broadcast_to(
        (means + 2).reshape([3 if each == axis else 1 for each in range(len(shape))]), shape
    )
    got = nc.Normalization(means.tolist(), 2.0).applied(np.ascontiguousarray(x))
    np.testing.assert_array_equal(got.reshape(2, -1), wanted)


def test_one_number_is_for_all_channels_and_either_may_be_left_out():
    x = np.full((1, 3, 2, 2), 3.0, np.float32)
    assert (nc.Normalization(1.0, 4.0).applied(x) == 0.5).all()
    assert (nc.Normalization(mean=1).applied(x) == 2.0).all()
    assert (nc.Normalization(std=[2, 3, 6]).applied(x)[0, :, 0, 0] == [1.5, 1.0, 0.5]).all()
    assert (nc.Normalization(np.array([1, 2, 3]), 2).applied(x)[0, :, 1, 1] == [1, 0.5, 0]).all()


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        (0.0, 0.0, "`std` is 0, expected a number above 0 that float32 holds"),
        (0.0, (1, -0.2), "`std` is -0.2, expected a number above 0 that float32 holds"),
        (0.0, 1e-60, "`std` is 1e-60, expected a number above 0 that float32 holds"),
        (np.nan, 1.0, "`mean` is nan, expected a finite number of float32"),
        ((0, 1e39), 1.0, "`mean` is 1e+39, expected a finite number of float32"),
        (0.0, np.inf, "`std` is inf, expected a finite number of float32"),
        ((1, 2), (1, 2, 3), "`mean` has 2 values and `std` 3"),
        ((), 1.0, "`mean` has no values, expected one, or one per channel"),
        ("half", 1.0, "`mean` is 'half', expected a number, or one per channel"),
        ([[1.0]], 1.0, "`mean` has shape (1, 1), expected a number, or one per channel"),
    ],
)
def test_impossible_numbers_are_refused(mean, std, message):
    assert refusal(nc.Normalization, mean, std)[0] == message


def test_another_number_of_channels_is_refused_wherever_it_is_given(graph, image):
    two = nc.Normalization((1, 2))
    message = (
        "`mean` has 2 values, expected 1 or 3: the network takes samples of shape (3, 32, 32), "
        "whose channels are axis 1"
    )
    hint = "give one value for all channels, or one for each"
    plain = nc.compile(graph, "ideal")
    inputs = Inputs(np.zeros((1, 3, 32, 32), np.float32), None, None, "x.npy")
    for work in (
        lambda: nc.compile(graph, "ideal", normalization=two),
        lambda: nc.simulate(plain, PICTURES, normalization=two),
        lambda: inputs.normalized(two),
    ):
        assert refusal(work) == (message, hint)
    wide = nc.Normalization(std=(1, 2, 3, 4))
    assert refusal(nc.compile, graph, normalization=wide)[0].startswith("`std` has 4 values")


@pytest.mark.parametrize("shape", [(5,), (5, 32, 32), ()])
def test_samples_of_another_shape_are_refused_as_without_it(graph, shape):
    x = np.zeros(shape, np.float32)
    image = nc.compile(graph, "ideal")
    for by in (nc.Normalization(0.5), None):
        assert refusal(nc.compile, graph, calibration=x, normalization=by)[0].startswith(
            f"samples have shape {list(shape[1:])}, the model takes [3, 32, 32]"
        )
        assert refusal(nc.simulate, image, x, normalization=by)[0].startswith(
            f"samples have shape {list(shape)}; "
        )


def test_what_leaves_float32_is_refused():
    tiny = nc.Normalization(0.5, 1e-38)
    x = np.full((1, 1, 2, 2), 9.0, np.float32)
    assert refusal(tiny.applied, x)[0] == (
        "normalized samples are beyond float32: mean 0.5; std 1e-38, and samples go from 9 to 9"
    )


def test_an_image_normalizes_what_it_runs(model, image):
    right = right_values(model)
    run = nc.simulate(image, PICTURES, timing="none")
    np.testing.assert_array_equal(run.values, right)
    assert int(run.exact_agreement.differing.sum()) == 0
    scaled = PICTURES.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(nc.simulate(image, scaled, timing="none").values, right)
    assert run.normalization == BY
    assert nc.report(run).contents.normalization == BY
    plain = nc.simulate(nc.compile(network(), "ideal"), PICTURES, timing="none")
    assert (plain.values != right).mean() > 0.5


def test_samples_of_several_batches_are_normalized_once(model, graph):
    """Samples in flight when a batch ends are fed again with the next one."""
    pipelined = nc.compile(graph, "ideal", pipeline=True, normalization=BY)
    assert pipelined.samples_in_flight > 1
    many = np.resize(PICTURES, (300, 3, 32, 32))
    values = nc.simulate(pipelined, many, timing="none").values
    np.testing.assert_array_equal(values, np.resize(right_values(model), (300, 10)))


def test_simulate_normalizes_what_an_image_says_nothing_about(model, graph):
    plain = nc.compile(graph, "ideal")
    assert plain.normalization is None
    run = nc.simulate(plain, PICTURES, timing="none", normalization=BY)
    np.testing.assert_array_equal(run.values, right_values(model))
    normalized = nc.simulate(plain, by_hand(), timing="none")
    np.testing.assert_array_equal(normalized.values, run.values)
    assert normalized.normalization is None


def test_an_image_file_keeps_it(image, model, tmp_path):
    path = tmp_path / "x.image"
    image.save(path)
    for copied in (nc.Image.load(path), pickle.loads(pickle.dumps(image)), copy.copy(image)):
        assert copied.normalization == BY
        values = nc.simulate(copied, PICTURES, timing="none").values
        np.testing.assert_array_equal(values, right_values(model))


def test_an_image_without_it_has_no_such_field(graph):
    description = nc.compile(graph, "ideal").description
    assert "normalization" not in description["host"]["work"]


def test_what_an_image_says_is_not_overridden(image):
    other = nc.Normalization(MEAN, 0.5)
    message, hint = refusal(nc.simulate, image, PICTURES, normalization=other)
    assert message == (
        "'random' was compiled to normalize samples by mean 0.485, 0.456, 0.406; std 0.229, 0.224, "
        "0.225; asked for is mean 0.485, 0.456, 0.406; std 0.5"
    )
    assert hint == "leave `mean` and `std` out, or compile the network again with others"
    assert nc.simulate(image, PICTURES, normalization=BY, timing="none").normalization == BY


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ((0.5, 0.25), ((0.5, 0.5, 0.5), 0.25), True),
        (((0.1, 0.2), 1.0), (np.float32([0.1, 0.2]).tolist(), (1, 1)), True),
        (((0.1, 0.2), 1.0), ((0.1, 0.1), 1.0), False),
        ((0.0, 1.0), (0.0, 2.0), False),
        (((1, 2), 1.0), ((1, 2, 3), 1.0), False),
    ],
)
def test_equal_is_what_does_the_same_to_every_sample(ours, theirs, same):
    assert nc.Normalization(*ours).is_same_as(nc.Normalization(*theirs)) is same


def test_calibration_samples_are_normalized_alike(graph):
    options = {"measure_sums": True, "optimize": 1}
    ours = nc.compile(graph, "darwin3", calibration=PICTURES, normalization=BY, **options)
    theirs = nc.compile(graph, "darwin3", calibration=by_hand(), **options)
    plain = nc.compile(graph, "darwin3", calibration=PICTURES, **options)
    assert ours.populations == theirs.populations != plain.populations
    assert ours.cores == theirs.cores


def test_codes_are_not_normalized(tmp_path):
    graph = nc.load_graph(model_of(np.uint8))
    codes = np.zeros((2, 4), np.uint8)
    told = (
        "the model takes integers from 0 to 255, as they are: mean and std are for real numbers",
        "leave `mean` and `std` out: the model scales and normalizes by itself",
    )
    assert refusal(nc.compile, graph, "ideal", normalization=BY) == told
    assert refusal(nc.simulate, nc.compile(graph, "ideal"), codes, normalization=BY) == told


def test_a_search_normalizes_its_samples(image, model):
    labels = right_values(model).argmax(axis=1)
    parts = nc.Samples(PICTURES[:6], labels[:6]), nc.Samples(PICTURES[6:], labels[6:])
    found = nc.tune(image, *parts, trials=0)
    assert found.dense.tried.evaluation.correct == 6
    assert found.dense.held_out.correct == COUNT - 6


def test_a_float_network_is_quantized_on_normalized_samples(examples):
    pytest.importorskip("onnxruntime")
    path = examples.parent / "tests" / "data" / "zoo" / "digits_cnn" / "float.onnx"
    pictures = np.load(examples / "digits.npz")["x"][:40, None]
    by_hand = (pictures.astype(np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.25)
    ours = nc.quantize(path, pictures, normalization=nc.Normalization(0.5, 0.25))
    assert ours.model == nc.quantize(path, by_hand).model
    assert nc.quantize(path, pictures).tensors[0].high == 1.0


def damaged(image, field):
    data = image.to_bytes()
    packed = int.from_bytes(data[12:20], "little")
    description = copy.deepcopy(dict(image.description))
    description["host"]["work"]["normalization"] = field
    return _core.Image(json.dumps(description), data[60 + packed :]).to_bytes()


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ({"mean": [0.5, 0.5], "std": [1.0]}, "`mean` has 2 values, expected 1 or 3"),
        ({"mean": [0.5], "std": [0.0]}, "`std` is 0, expected a number above 0"),
        ({"mean": ["a"], "std": [1.0]}, "`normalization.mean[0]` is 'a'"),
        ({"mean": [0.5]}, "KeyError('std')"),
        ([0.5, 1.0], "`normalization` is [0.5, 1.0], expected a table"),
    ],
)
def test_a_damaged_field_is_refused_when_the_image_is_read(image, field, told):
    with pytest.raises(ImageError) as raised:
        nc.Image.from_bytes(damaged(image, field))
    assert str(raised.value).startswith("the image's part for the host is damaged: ")
    assert told in str(raised.value)


def test_inputs_normalize_what_they_bring_along(tmp_path):
    np.savez(tmp_path / "set.npz", x=PICTURES[:2], x_calibration=PICTURES[2:3])
    fitted = read_inputs(tmp_path / "set.npz").fit_to((3, 32, 32))
    inputs = fitted.normalized(BY)
    np.testing.assert_array_equal(inputs.x, by_hand(PICTURES[:2]))
    np.testing.assert_array_equal(inputs.calibration, by_hand(PICTURES[2:3]))
    assert fitted.normalized(None).x is fitted.x


def test_it_is_told_in_a_line_however_many_channels_there_are():
    assert repr(BY) == "Normalization(mean 0.485, 0.456, 0.406; std 0.229, 0.224, 0.225)"
    many = nc.Normalization(np.arange(784), 1.0)
    assert str(many) == "mean 0 to 783 (784 values); std 1"


@pytest.mark.parametrize(
    ("shape", "count", "axis"), [((6, 4), 6, 0), ((6, 4), 4, 1), ((16, 4, 4), 16, 0)]
)
def test_the_number_of_values_decides_which_axis_holds_channels(shape, count, axis):
    mean = np.arange(count, dtype=np.float32)
    x = np.random.default_rng(0).random((3, *shape), np.float32)
    along = [-1 if n == axis else 1 for n in range(len(shape))]
    wanted = x - mean.reshape(along)
    np.testing.assert_array_equal(nc.Normalization(mean.tolist()).applied(x), wanted)


@pytest.mark.parametrize("given", [(0.5, 0.25), 0.5, "0.5"])
def test_what_is_no_normalization_is_refused_with_what_to_write(given, examples):
    network, x = examples / "digits_cnn.onnx", np.zeros((1, 1, 8, 8), np.float32)
    image = nc.compile(network, "ideal")
    for call in (
        lambda: nc.compile(network, "ideal", normalization=given),
        lambda: nc.simulate(image, x, normalization=given),
    ):
        with pytest.raises(InputError, match="expected a `Normalization`") as raised:
            call()
        assert raised.value.hint == "write `normalization=nc.Normalization(mean, std)`"
