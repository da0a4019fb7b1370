"""Whole networks quantized from float: accuracy beside float's, and bit for bit on the chip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import neurochip as nc
from neurochip.quantize import classes, compare, correct, quantize

ZOO = Path(__file__).parent / "data" / "zoo"
DIGITS = ("digits_cnn", "digits_mlp", "digits_resnet")


def pictures(path, name, count):
    """Images of a data set as the zoo's networks were trained: NCHW, divided by 255."""
    with np.load(path) as arrays:
        shown = arrays[name][:count]
        labels = arrays[name.replace("x", "y", 1)][:count].astype(np.int64)
    shown = shown.reshape(*shown.shape[:3], -1)
    scaled = shown.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)), labels


@pytest.fixture(scope="module")
def digits(examples):
    """Test images with their labels, and calibration images."""
    path = examples / "digits.npz"
    with np.load(path) as arrays:
        calibration = arrays["x_calibration"][:256, None].astype(np.float32) / np.float32(255)
    return (*pictures(path, "x", None), calibration)


def accuracies(answers, labels):
    """Float and quantized accuracy in percent."""
    count = len(labels)
    before = correct(answers.float_outputs, labels)
    return 100 * before / count, 100 * correct(answers.quantized_outputs, labels) / count


@pytest.mark.parametrize("ranges", ["max", "percentile", "mse"])
@pytest.mark.parametrize("weights", ["per-tensor", "per-channel"])
@pytest.mark.parametrize("network", DIGITS)
def test_8_bits_cost_no_accuracy_on_digits(network, weights, ranges, digits):
    x, labels, calibration = digits
    path = ZOO / network / "float.onnx"
    made = quantize(path, calibration, weights=weights, ranges=ranges)
    answers = compare(path, made, x)
    before, after = accuracies(answers, labels)
    assert after >= before - 0.2  # one picture of 500
    assert answers.differing == 0


@pytest.mark.parametrize("network", DIGITS)
def test_8_bits_are_as_accurate_as_onnxruntimes_own_ranges(network, digits):
    x, labels, calibration = digits
    made = quantize(ZOO / network / "float.onnx", calibration)
    theirs = nc.load_graph(ZOO / network / "uint8_qdq.onnx")
    codes = theirs.evaluate(theirs.quantize(x))[theirs.output.name]
    answers = compare(ZOO / network / "float.onnx", made, x)
    ours = correct(answers.quantized_outputs, labels)
    assert abs(ours - correct(theirs.finish(codes), labels)) <= 1


@pytest.mark.parametrize(("bits", "lost"), [(4, 0.4), (3, 1.0), (2, 2.2)])
@pytest.mark.parametrize("network", DIGITS)
def test_few_bits_keep_the_digits_legible(network, bits, lost, digits):
    x, labels, calibration = digits
    path = ZOO / network / "float.onnx"
    made = quantize(path, calibration, bits=bits, ranges="mse", weights="per-tensor")
    answers = compare(path, made, x)
    before, after = accuracies(answers, labels)
    assert after >= before - lost
    assert answers.differing == 0


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("network", DIGITS)
def test_the_ideal_chip_computes_what_onnxruntime_computes(network, bits, digits):
    x, _, calibration = digits
    path = ZOO / network / "float.onnx"
    made = quantize(path, calibration, bits=bits)
    run = nc.simulate(nc.compile(made.graph(), chip="ideal"), x[:32], timing="none")
    np.testing.assert_array_equal(run.values, compare(path, made, x[:32]).quantized_outputs)


def test_fewer_bits_are_shorter_trains(digits):
    _, _, calibration = digits
    path = ZOO / "digits_cnn" / "float.onnx"
    ends = {}
    for bits in (8, 4):
        image = nc.compile(quantize(path, calibration, bits=bits).graph(), chip="ideal")
        ends[bits] = [layer.send_start for layer in image.populations]
    assert ends[4][-1] < ends[8][-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "network", ["mnist_lenet", "mnist_dscnn", "cifar10_vgg_max", "cifar10_resnet"]
)
def test_8_bits_cost_at_most_half_a_point_on_larger_networks(network, data):
    path = data.parent / "zoo" / network / "float.onnx"
    if not path.exists():
        pytest.skip(f"no zoo/{network} beside NEUROCHIP_DATA")
    archive = data / f"{network.split('_')[0]}.npz"
    x, labels = pictures(archive, "x_test", 1000)
    calibration, _ = pictures(archive, "x_calibration", 128)
    answers = compare(path, quantize(path, calibration), x)
    before, after = accuracies(answers, labels)
    assert abs(after - before) <= 0.5
    assert answers.differing == 0
    assert len(classes(answers.graph_outputs)) == 256
