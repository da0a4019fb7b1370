"""`neurochip quantize`: what it prints, writes and refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from command_line import neurochip

FLOAT = Path(__file__).parent / "data" / "zoo" / "digits_cnn" / "float.onnx"


@pytest.fixture
def output(tmp_path):
    return tmp_path / "quantized.onnx"


@pytest.fixture(scope="module")
def pictures(examples):
    return examples / "digits.npz"


def refusal(*arguments):
    told = neurochip("quantize", *arguments)
    assert (told.exit_code, told.stdout) == (1, "")
    first, _, hint = told.stderr.partition("\nhint: ")
    return first.removeprefix("error: ").rstrip("\n"), hint.rstrip("\n")


def test_it_tells_every_tensor_and_both_accuracies(pictures, output):
    told = neurochip("quantize", FLOAT, "--calibration", pictures, "-o", output)
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        "float: 256 calibration samples, ranges max, activations 8 bits, weights 8 bits per-tensor",
        "",
        "layer    operator     smallest  largest      scale  zero point  bits  clipped",
        "(input)                      0        1  0.0039216           0     8     none",
        "/0/Conv  Conv + Relu         0    5.249   0.020586           0     8     none",
        "/3/Conv  Conv + Relu         0    6.922   0.027145           0     8     none",
        "/6/Gemm  Gemm           -4.944    8.899   0.054285          91     8     none",
        "",
        "float accuracy        99.40 %  (497 of 500)",
        "quantized accuracy    99.40 %  (497 of 500)",
        "against float         0 of 500 samples change class",
        "against onnxruntime   0 of 2,560 outputs differ (256 samples)",
        "",
        f"{output}: {output.stat().st_size:,} bytes",
    ]


def test_what_it_writes_runs_on_the_ideal_chip_without_a_difference(pictures, output):
    options = ("--bits", 4, "--ranges", "mse", "--weights", "per-channel")
    told = neurochip("quantize", FLOAT, "--calibration", pictures, "-o", output, *options)
    assert "     4  0.0" in told.stdout  # bits and a clipped share
    told = neurochip(
        "run", output, "--chip", "ideal", "--input", pictures, "--samples", 50, "--timing", "none",
        "--check", "all",
    )  # fmt: skip
    assert "accuracy          100.00 % (50 of 50)" in told.stdout
    assert "against exact integers   0 of 35,700 values differ" in told.stdout


def test_a_percentile_is_told(pictures, output):
    options = ("--ranges", "percentile", "--percentile", 99, "--samples", 10)
    told = neurochip("quantize", FLOAT, "--calibration", pictures, "-o", output, *options)
    assert told.stdout.startswith("float: 10 calibration samples, ranges 99 %, ")


def test_samples_without_labels_tell_only_what_changes(tmp_path, output):
    path = tmp_path / "samples.npy"
    np.save(path, np.random.default_rng(0).random((20, 1, 8, 8), np.float32))
    told = neurochip("quantize", FLOAT, "--calibration", path, "-o", output)
    assert told.exit_code == 0
    assert "accuracy" not in told.stdout
    assert " of 20 samples change class" in told.stdout


def test_bits_out_of_range_are_refused_and_nothing_is_written(pictures, output):
    arguments = (FLOAT, "--calibration", pictures, "-o", output, "--bits", 9)
    assert refusal(*arguments) == ("`bits` is 9, expected 2 to 8", "")
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("ranges", ["max", "mse"])
def test_a_percentile_is_refused_where_ranges_are_not_chosen_by_one(pictures, output, ranges):
    asked_for = ("--ranges", ranges, "--percentile", 90)
    assert refusal(FLOAT, "--calibration", pictures, "-o", output, *asked_for) == (
        f"`percentile` is 90, but `ranges` is {ranges}, which keeps no percentile",
        "choose the ranges by percentile (`--ranges percentile`), or leave `--percentile` out",
    )
    assert list(output.parent.iterdir()) == []


def test_unless_given_the_percentile_is_99_99(pictures, output):
    options = ("--ranges", "percentile", "--samples", 10)
    told = neurochip("quantize", FLOAT, "--calibration", pictures, "-o", output, *options)
    assert told.stdout.startswith("float: 10 calibration samples, ranges 99.99 %, ")


def test_too_few_samples_are_refused(tmp_path, output):
    path = tmp_path / "samples.npy"
    np.save(path, np.zeros((3, 1, 8, 8), np.float32))
    assert refusal(FLOAT, "--calibration", path, "-o", output, "--samples", 4) == (
        f"4 calibration samples asked for, '{path}' has 3",
        "ask for 3 or fewer",
    )


def test_samples_of_another_shape_are_refused(tmp_path, output):
    path = tmp_path / "samples.npy"
    np.save(path, np.zeros((3, 1, 9, 9), np.float32))
    message, _ = refusal(FLOAT, "--calibration", path, "-o", output)
    assert message == f"samples of '{path}' have shape (1, 9, 9), the network takes (1, 8, 8)"


def test_a_quantized_network_is_refused(pictures, output):
    path = FLOAT.with_name("uint8_qdq.onnx")
    assert refusal(path, "--calibration", pictures, "-o", output) == (
        "'uint8_qdq' is quantized already",
        "run it as it is, or quantize the float model it was made from",
    )


def test_without_onnxruntime_the_way_to_install_it_is_told(pictures, output, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert refusal(FLOAT, "--calibration", pictures, "-o", output) == (
        "quantizing needs onnxruntime, which is not installed",
        "install it with `pip install 'neurochip[quantize]'`",
    )
    assert not output.exists()


def test_labels_of_other_classes_are_refused(pictures, tmp_path, output):
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(["10"] * 500))
    arguments = (FLOAT, "--calibration", pictures, "-o", output, "--labels", path)
    assert refusal(*arguments)[0] == (
        "label 10 of sample 0 is no class of the network, which has 10 outputs"
    )
    assert not output.exists()


def test_a_choice_that_does_not_exist_is_wrong_usage(pictures, output):
    arguments = (FLOAT, "--calibration", pictures, "-o", output, "--ranges", "entropy")
    assert neurochip("quantize", *arguments).exit_code == 2
