"""No command writes over what it reads, nor over what else it writes."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from command_line import neurochip
from conftest import ROOT

EXAMPLES = ROOT / "examples"
FLOAT = ROOT / "tests" / "data" / "zoo" / "digits_cnn" / "float.onnx"
HINT = "hint: write to another file"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """One of each file that commands read, under the name of what it is."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES / "digits_cnn.onnx", "model.onnx")
    shutil.copy(FLOAT, "float.onnx")
    shutil.copy(EXAMPLES / "digits.npz", "samples.npz")
    shutil.copy(ROOT / "chips" / "tiny.toml", "chip.toml")
    (tmp_path / "labels.txt").write_text("1\n2\n")
    (tmp_path / "settings.toml").write_text("")
    np.savez("packets.npz", created=[0], source=[0], destination=[1])
    (tmp_path / "images" / "0").mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save("images/0/one.png")
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


RUN = ("run", "model.onnx", "--input", "samples.npz", "--samples", 1)
COMPARE = ("compare", "model.onnx", "--input", "samples.npz", "--samples", 1)
TUNE = ("tune", "model.onnx", "--data", "samples.npz")
QUANTIZE = ("quantize", "float.onnx", "--calibration", "samples.npz", "--labels", "labels.txt")

REFUSED = [
    (("compile", "model.onnx", "-o", "model.onnx"), "`--output` over the model 'model.onnx'"),
    (
        ("compile", "model.onnx", "--calibration", "samples.npz", "-o", "samples.npz"),
        "`--output` over `--calibration` 'samples.npz'",
    ),
    (
        ("compile", "model.onnx", "--settings", "settings.toml", "-o", "settings.toml"),
        "`--output` over `--settings` 'settings.toml'",
    ),
    (
        ("compile", "model.onnx", "--chip", "chip.toml", "-o", "chip.toml"),
        "`--output` over `--chip` 'chip.toml'",
    ),
    (
        ("compile", "model.onnx", "--chip", "chip.toml:fast", "-o", "chip.toml"),
        "`--output` over `--chip` 'chip.toml'",
    ),
    ((*RUN, "--detail", "model.onnx"), "`--detail` over the model 'model.onnx'"),
    ((*RUN, "--detail", "samples.npz"), "`--detail` over `--input` 'samples.npz'"),
    (
        (*RUN, "--labels", "labels.txt", "--detail", "labels.txt"),
        "`--detail` over `--labels` 'labels.txt'",
    ),
    (
        ("run", "model.onnx", "--input", "images", "--detail", "images/0/one.png"),
        "`--detail` over `--input` 'images'",
    ),
    (
        ("compare", "model.onnx", "--input", "images", "--plot", "images/0/one.png"),
        "`--plot` over `--input` 'images'",
    ),
    ((*COMPARE, "--plot", "model.onnx"), "`--plot` over the model 'model.onnx'"),
    ((*TUNE, "-o", "model.onnx"), "`--output` over the model 'model.onnx'"),
    ((*TUNE, "--plot", "samples.npz"), "`--plot` over `--data` 'samples.npz'"),
    (
        (*TUNE, "--settings", "settings.toml", "-o", "settings.toml"),
        "`--output` over `--settings` 'settings.toml'",
    ),
    ((*QUANTIZE, "-o", "float.onnx"), "`--output` over the model 'float.onnx'"),
    ((*QUANTIZE, "-o", "samples.npz"), "`--output` over `--calibration` 'samples.npz'"),
    ((*QUANTIZE, "-o", "labels.txt"), "`--output` over `--labels` 'labels.txt'"),
    (("noc", "packets.npz", "-o", "packets.npz"), "`--output` over the packets 'packets.npz'"),
    (
        ("noc", "packets.npz", "--chip", "chip.toml", "-o", "chip.toml"),
        "`--output` over `--chip` 'chip.toml'",
    ),
]


@pytest.mark.parametrize(("command", "told"), REFUSED, ids=lambda told: str(told[0]))
def test_a_command_does_not_write_over_what_it_reads(folder, command, told):
    before = contents(folder)
    answer = neurochip(*command)
    assert (answer.exit_code, answer.stdout) == (1, "")
    error = f"error: {told.replace(' over ', ' would write over ', 1)}"
    assert answer.stderr.splitlines() == [error, HINT]
    assert contents(folder) == before


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic link", "hard link"])
def test_another_name_of_a_file_is_that_file(folder, link):
    link("model.onnx", "other.image")
    before = contents(folder)
    answer = neurochip("compile", "model.onnx", "-o", "other.image")
    assert answer.exit_code == 1
    assert answer.stderr.splitlines() == [
        "error: `--output` would write over the model 'model.onnx'",
        HINT,
    ]
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-o", "x.svg", "--plot", "x.svg"), "`--plot` and `--output` are one file, 'x.svg'"),
        (("-o", "x.svg", "--plot", "./no/../x.svg"), "`--plot` and `--output` are one file, "),
        (
            ("-o", "x.toml", "--plot", "x.toml.journal"),
            "the journal and `--plot` are one file, 'x.toml.journal'",
        ),
    ],
)
def test_a_search_does_not_write_one_file_twice(folder, options, told):
    before = contents(folder)
    answer = neurochip(*TUNE, *options)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"error: {told}")
    assert answer.stderr.endswith(f"{HINT}\n")
    assert contents(folder) == before


def test_outputs_of_their_own_beside_what_is_read_are_written(folder):
    assert neurochip(*RUN, "--detail", "images/detail.npz").exit_code == 0
    assert neurochip("run", "model.onnx", "--input", "images", "--detail", "d.npz").exit_code == 0
    assert neurochip("compile", "model.onnx", "--chip", "tiny", "-o", "tiny").exit_code == 0
    assert neurochip("compile", "model.onnx", "--chip", "tiny", "-o", "tiny").exit_code == 1, (
        "now it is a file, and the chip that is meant"
    )
