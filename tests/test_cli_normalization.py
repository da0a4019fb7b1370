"""`--mean` and `--std` as a user types them: every format, every command, every refusal."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest

from command_line import neurochip
from normalized_network import COUNT, OPTIONS, PICTURES, by_hand, network, right_values, written
from test_integer_inputs import model_of

TOLD = "samples normalized by mean 0.485, 0.456, 0.406; std 0.229, 0.224, 0.225"
AS_JSON = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
KINDS = ("npy", "float npy", "float npy of 0 to 255", "npz", "idx", "cifar", "images")
IDEAL = ("--chip", "ideal")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network, its image with and without normalization, and its samples."""
    folder = tmp_path_factory.mktemp("normalized")
    onnx.save(network(), folder / "m.onnx")
    np.savez(folder / "x.npz", x=PICTURES, y=right_values(network()).argmax(axis=1))
    answer("compile", folder / "m.onnx", *IDEAL, *OPTIONS, "-o", folder / "m.image")
    answer("compile", folder / "m.onnx", *IDEAL, "-o", folder / "plain.image")
    return folder


def answer(*arguments):
    told = neurochip(*arguments)
    assert told.exit_code == 0, told.stderr
    return told.stdout


def document(*arguments):
    return json.loads(answer(*arguments, "--json"))


def refusal(*arguments):
    told = neurochip(*arguments)
    assert (told.exit_code, told.stdout) == (1, ""), told.stderr
    error, hint = told.stderr.splitlines()
    return error.removeprefix("error: "), hint.removeprefix("hint: ")


def correct(model, samples, *options):
    common = ("--timing", "none", "--input", samples)
    return document("run", model, *common, *options)["accuracy"]["correct"]


@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_every_format_are_normalized_as_by_hand(folder, tmp_path, kind):
    """Labels are what onnxruntime answers to images that were normalized by hand."""
    labels = right_values(network()).argmax(axis=1)
    path, options = written(tmp_path, kind, labels)
    assert correct(folder / "m.onnx", path, *IDEAL, *options, *OPTIONS) == COUNT
    assert correct(folder / "m.image", path, *options) == COUNT
    assert correct(folder / "m.onnx", path, *IDEAL, *options) < COUNT


def test_one_number_does_for_all_channels_and_one_option_alone(folder, tmp_path):
    x = (PICTURES.astype(np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.25)
    np.save(tmp_path / "x.npy", x)
    common = ("run", folder / "m.onnx", *IDEAL, "--timing", "none")
    by_hand = document(*common, "--input", tmp_path / "x.npy")
    ours = document(
        *common, "--input", folder / "x.npz", "--mean", "0.5", "--std", "0.25,0.25,0.25"
    )
    assert ours["activity"] == by_hand["activity"]
    assert ours["normalization"] == {"mean": [0.5], "std": [0.25, 0.25, 0.25]}
    assert by_hand["normalization"] is None
    shifted = document(*common, "--input", folder / "x.npz", "--mean", "-0.5")
    assert shifted["normalization"] == {"mean": [-0.5], "std": [1.0]}


def test_reports_say_what_was_done_to_samples(folder):
    common = ("run", folder / "m.image", "--timing", "none", "--input", folder / "x.npz")
    lines = answer(*common).splitlines()
    assert " ".join(lines[7].split()) == TOLD
    assert document(*common)["normalization"] == AS_JSON
    assert "normalized" not in answer("run", folder / "plain.image", "--timing", "none")


def test_an_image_says_what_it_does_to_samples(folder):
    assert TOLD in answer("inspect", folder / "m.image").splitlines()
    assert document("inspect", folder / "m.image")["image"]["normalization"] == AS_JSON
    assert document("inspect", folder / "plain.image")["image"]["normalization"] is None
    assert TOLD in answer("inspect", folder / "m.image", *OPTIONS).splitlines()
    assert TOLD in answer("inspect", folder / "m.onnx", *IDEAL, *OPTIONS).splitlines()
    out = folder / "again.image"
    assert TOLD in answer("compile", folder / "m.onnx", *OPTIONS, "-o", out).splitlines()


def test_what_an_image_stores_is_asked_for_again_or_refused(folder):
    samples = folder / "x.npz"
    assert correct(folder / "m.image", samples, *OPTIONS) == COUNT
    told = (
        "'m' was compiled to normalize samples by mean 0.485, 0.456, 0.406; std 0.229, 0.224, "
        "0.225; asked for is mean 0.5; std 1",
        "leave `mean` and `std` out, or compile the network again with others",
    )
    assert refusal("run", folder / "m.image", "--input", samples, "--mean", "0.5") == told
    assert refusal("inspect", folder / "m.image", "--mean", "0.5") == told


def test_an_image_that_stores_nothing_takes_what_is_asked_for(folder):
    assert correct(folder / "plain.image", folder / "x.npz", *OPTIONS) == COUNT
    assert refusal("inspect", folder / "plain.image", *OPTIONS) == (
        f"'{folder}/plain.image' stores no mean and std, and there are no samples to normalize",
        "leave `--mean` and `--std` out, or compile the graph with them",
    )


def test_calibration_samples_are_normalized_too(folder, tmp_path):
    np.save(tmp_path / "x.npy", by_hand())
    ours, theirs, plain = (
        document("inspect", folder / "m.onnx", "--chip", "darwin3", "--calibration", *options)
        for options in (
            (folder / "x.npz", *OPTIONS),
            (tmp_path / "x.npy",),
            (folder / "x.npz",),
        )
    )
    assert ours["image"]["layers"] == theirs["image"]["layers"] != plain["image"]["layers"]


def test_compare_and_tune_normalize_their_samples(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    samples = ("--input", folder / "x.npz", "--timing", "none")
    codes = ("--codes", "stem,quartz:256")
    compared = ("compare", folder / "m.onnx", *IDEAL, *codes, *samples, *OPTIONS)
    assert TOLD in answer(*compared).splitlines()
    for each in document(*compared)["codes"]:
        assert each["report"]["accuracy"]["correct"] == COUNT
        assert each["report"]["normalization"] == AS_JSON
    tuned = ("tune", folder / "m.onnx", *IDEAL, "--data", folder / "x.npz", "--trials", 0)
    none_left_out = answer(*tuned, *OPTIONS).splitlines()[1].split()
    assert none_left_out[:3] == ["none", "100.00", "%"]


def test_random_samples_are_normalized_as_if_they_were_pictures(folder, tmp_path):
    x = np.random.default_rng(5).random((1, 3, 32, 32), dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    common = ("run", folder / "m.image", "--timing", "none")
    drawn, given = (
        document(*common, *options)["activity"]
        for options in (("--seed", 5), ("--input", tmp_path / "x.npy"))
    )
    assert drawn == given


def test_a_float_network_is_quantized_on_normalized_samples(folder, tmp_path, examples):
    pytest.importorskip("onnxruntime")
    path = examples.parent / "tests" / "data" / "zoo" / "digits_cnn" / "float.onnx"
    pictures = np.load(examples / "digits.npz")
    x, y = pictures["x"][:60, None], pictures["y"][:60]
    np.savez(tmp_path / "raw.npz", x=x, y=y)
    x = (x.astype(np.float32) / np.float32(255) - np.float32(0.1)) / np.float32(0.9)
    np.savez(tmp_path / "by_hand.npz", x=x, y=y)
    raw, by_hand = (tmp_path / f"{name}.onnx" for name in ("raw", "by_hand"))
    options = ("--mean", "0.1", "--std", "0.9")
    told = answer("quantize", path, "--calibration", tmp_path / "raw.npz", *options, "-o", raw)
    assert (
        "samples normalized by mean 0.1; std 0.9: give `run` the same `--mean` and `--std`"
        in told.splitlines()
    )
    answer("quantize", path, "--calibration", tmp_path / "by_hand.npz", "-o", by_hand)
    assert raw.read_bytes() == by_hand.read_bytes()


IMPOSSIBLE = {
    ("--std", "0"): "`std` is 0, expected a number above 0 that float32 holds",
    ("--std", "-1"): "`std` is -1, expected a number above 0 that float32 holds",
    ("--mean", "nan"): "`mean` is nan, expected a finite number of float32",
    ("--std", "1,inf,1"): "`std` is inf, expected a finite number of float32",
    ("--mean", "1,2", "--std", "1,2,3"): "`mean` has 2 values and `std` 3",
    ("--mean", "1,2"): "`mean` has 2 values, expected 1 or 3: the network takes samples of shape "
    "(3, 32, 32), whose channels are axis 1",
}


@pytest.mark.parametrize(("options", "error"), IMPOSSIBLE.items())
@pytest.mark.parametrize("command", ["run", "compile", "inspect"])
def test_impossible_numbers_are_refused_by_every_command(folder, tmp_path, command, options, error):
    output = ("-o", tmp_path / "m.image") if command == "compile" else ()
    told = neurochip(command, folder / "m.onnx", *output, *options)
    assert (told.exit_code, told.stdout) == (1, "")
    assert f"error: {error}\nhint: " in told.stderr
    assert not list(tmp_path.iterdir())


def test_what_is_no_number_is_wrong_usage(folder):
    told = neurochip("run", folder / "m.onnx", "--mean", "0.5;0.5")
    assert told.exit_code == 2
    assert "Invalid value for --mean: '0.5;0.5' is neither a number nor several" in told.stderr


@pytest.mark.parametrize("compiled", [False, True])
def test_codes_are_not_normalized(tmp_path, compiled):
    onnx.save(model_of(np.uint8), tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", np.zeros((2, 4), np.uint8))
    model = tmp_path / "m.onnx"
    if compiled:
        model = tmp_path / "m.image"
        answer("compile", tmp_path / "m.onnx", *IDEAL, "-o", model)
    assert refusal("run", model, "--input", tmp_path / "x.npy", "--mean", "0.5") == (
        "the model takes integers from 0 to 255, as they are: mean and std are for real numbers",
        "leave `mean` and `std` out: the model scales and normalizes by itself",
    )


def test_a_chip_is_not_normalized():
    assert refusal("inspect", "tiny", "--mean", "0.5", "--std", "1") == (
        "'tiny' is a chip, and `--mean`, `--std` cannot change it",
        "give a graph, and the chip with `--chip tiny`, or leave these options out",
    )
