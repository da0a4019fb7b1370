"""Filling: samples of another scale than the network's are noted, and no others are."""

from __future__ import annotations

import json
import re

import numpy as np
import onnx
import pytest

import neurochip as nc
from command_line import neurochip
from neurochip.report.words import notes_of_samples
from neurochip.simulate import Filling
from normalized_network import COUNT, MEAN, PICTURES, STD, by_hand, network
from quantized_models import Writer
from test_integer_inputs import model_of

SCALED = PICTURES.astype(np.float32) / np.float32(255)
WAY_OUT = "scale and normalize them as the network was trained: `--scale`, `--mean`, `--std`"
RAW_NOTE = (
    "samples fill 21.0 % of the input's range: they go from 0 to 1, the range from -2.128 to "
    f"2.632; {WAY_OUT}"
)


def small(scale, zero_point, work=lambda writer, name: name):
    """Four values, quantized and dequantized, with two layers' worth of nothing between."""
    writer = Writer("qdq")
    source = writer.quantize(work(writer, "x"), np.float32(scale), zero_point)
    scores = writer.weighted(
        "Gemm",
        source,
        np.ones((2, 4), np.int8),
        np.asarray(1, np.float32),
        np.asarray(0, np.int8),
        np.zeros(2, np.int32),
        (np.float32(8), zero_point),
    )
    return writer.model(["n", 4], writer.dequantize(scores))


def notes(model, x, **options):
    """Those about samples, of a run."""
    image = nc.compile(nc.load_graph(model), "ideal")
    told = nc.report(nc.simulate(image, x, timing="none", **options)).contents.notes
    return [note for note in told if note.startswith("samples")]


def spread(low, high, count=100):
    """Samples of four values each, evenly from the one to the other."""
    return np.linspace(low, high, 4 * count, dtype=np.float32).reshape(count, 4)


def test_pictures_that_should_have_been_normalized_are_noted():
    assert notes(network(), SCALED) == [RAW_NOTE]
    assert notes(network(), by_hand()) == []
    assert notes(network(), PICTURES, normalization=nc.Normalization(MEAN, STD)) == []


def test_pictures_that_should_have_been_scaled_are_noted():
    """The share is counted here: values above the last code and half a level more."""
    model = network(1 / 255, 0)
    large = PICTURES.astype(np.float32)
    share = 100 * np.mean(large > (255.5 / 255))
    (note,) = notes(model, large)
    assert note == (
        f"samples leave the input's range, {share:.1f} % of their values are clipped: they go from "
        f"0 to 255, the range from 0 to 1; {WAY_OUT}"
    )
    assert notes(model, SCALED) == []
    assert notes(model, SCALED / 255)[0].startswith("samples fill 0.4 % of the input's range")


@pytest.mark.parametrize(("low", "high", "noted"), [(0, 0.49, True), (0, 0.51, False)])
def test_half_of_the_range_is_enough(low, high, noted):
    assert bool(notes(small(1 / 255, np.uint8(0)), spread(low, high))) is noted


@pytest.mark.parametrize(
    ("zero_point", "low", "high", "noted"),
    [
        (np.int8(0), 0, 1, False),
        (np.int8(0), -1, 0, False),
        (np.uint8(128), 0, 1, False),
        (np.int8(0), 0, 0.4, True),
        (np.int8(0), -0.3, 0.3, True),
        (np.int8(20), 0, 0.8, True),
    ],
)
def test_one_side_of_centred_codes_is_a_range_of_its_own(zero_point, low, high, noted):
    """Symmetric ranges are chosen for images of 0 to 1, too."""
    assert bool(notes(small(1 / 127, zero_point), spread(low, high))) is noted


@pytest.mark.parametrize(("outside", "noted"), [(3, False), (5, True)])
def test_few_values_beyond_the_range_are_what_ranges_clip(outside, noted):
    x = spread(0, 1)
    x.ravel()[:outside] = 1.5  # of 400 values: 0.75 % and 1.25 %
    assert bool(notes(small(1 / 255, np.uint8(0)), x)) is noted


def test_half_a_level_beyond_the_range_is_rounded_not_clipped():
    model = small(1 / 255, np.uint8(0))
    for end, outwards in ((0, -1 / 255), (1, 1 / 255)):
        x = spread(0, 1)
        x[:, 0] = end + 0.49 * outwards
        assert notes(model, x) == []
        x[:, 0] = end + 0.51 * outwards
        (note,) = notes(model, x)
        assert note.startswith("samples leave the input's range, 25.0 % of their values")


def test_a_range_beyond_float32_is_told_without_a_warning():
    (note,) = notes(small(3e38, np.uint8(128)), spread(0, 1))
    assert note.startswith("samples fill 1e-39 % of the input's range: they go from 0 to 1")


def test_few_samples_say_nothing_of_a_range_but_what_leaves_it():
    dark = spread(0, 0.1, 9)
    model = small(1 / 255, np.uint8(0))
    assert notes(model, dark) == []
    assert notes(model, np.concatenate([dark, dark]))
    assert "100.0 % of their values are clipped" in notes(model, dark[:1] + 7)[0]


def test_values_are_those_behind_the_arithmetic_of_the_graph():
    def normalizing(writer, name):
        moved = writer.node("Sub", [name, writer.constant(np.float32(0.5))])
        return writer.node("Div", [moved, writer.constant(np.float32(0.25))])

    model = small(4 / 255, np.uint8(128), normalizing)
    assert notes(model, spread(0, 1)) == []
    assert notes(model, spread(0.5, 0.55))[0].startswith("samples fill 5.0 % of the input's range")


def test_a_clamp_behind_the_quantizer_is_the_range(examples):
    """Codes of 0 to 15 in 8 bits: the quantizer alone would reach 17 times as far."""
    path = examples.parent / "tests" / "data" / "zoo" / "digits_cnn" / "w4a4_qdq.onnx"
    x = np.load(examples / "digits.npz")["x"][:20, None]
    assert nc.simulate(nc.compile(path, "ideal"), x, timing="none").filling.share == pytest.approx(
        1
    )


def test_a_range_of_one_code_is_filled_by_anything():
    """As a Clip to 0 leaves it: there is nothing to fill."""
    filling = Filling(
        samples=20, values=80, low=0.0, high=1.0, range_low=0.0, range_high=0.0, clipped=0,
        is_centred=True,
    )  # fmt: skip
    assert (filling.share, filling.share_of_side) == (1.0, 1.0)
    assert list(notes_of_samples(filling)) == []


def test_codes_and_random_samples_have_no_range_to_fill():
    image = nc.compile(nc.load_graph(model_of(np.uint8)), "ideal")
    assert nc.simulate(image, np.zeros((20, 4), np.uint8), timing="none").filling is None
    assert notes(network(), SCALED, judge_range=False) == []


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filling")
    onnx.save(network(), folder / "m.onnx")
    np.savez(folder / "x.npz", x=PICTURES, y=np.arange(COUNT) % 10)
    compiled = neurochip("compile", folder / "m.onnx", "--chip", "ideal", "-o", folder / "m.image")
    assert compiled.exit_code == 0, compiled.stderr
    return folder


def answer(*arguments):
    told = neurochip(*arguments)
    assert told.exit_code == 0, told.stderr
    return " ".join(told.stdout.split())


@pytest.mark.parametrize("name", ["m.onnx", "m.image"])
def test_run_notes_it_of_graphs_and_image_files(files, name):
    chip = ("--chip", "ideal") if name == "m.onnx" else ()
    common = ("run", files / name, *chip, "--timing", "none")
    told = neurochip(*common, "--input", files / "x.npz")
    assert RAW_NOTE in " ".join(told.stdout.split())
    assert re.search(r"samples?\b.*\brange", told.stdout), "on one line"
    assert "samples fill" not in answer(*common, "--samples", 40)
    assert (
        RAW_NOTE
        in json.loads(neurochip(*common, "--input", files / "x.npz", "--json").stdout)["notes"]
    )


def test_compare_notes_it_once(files):
    common = ("compare", files / "m.onnx", "--chip", "ideal", "--codes", "stem,quartz:16")
    untimed = ("--timing", "none")
    assert answer(*common, *untimed, "--input", files / "x.npz").count(RAW_NOTE) == 1
    assert "samples fill" not in answer(*common, *untimed, "--samples", 20)


def test_a_search_notes_it(files):
    told = answer(
        "tune", files / "m.onnx", "--data", files / "x.npz", "--chip", "ideal", "--trials", 0,
        "--samples", 11, "--held-out", 1, "--max-loss", 99, "-o", files / "s.toml",
    )  # fmt: skip
    assert RAW_NOTE in told
