"""`neurochip tune` as a user types it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib import import_module

import numpy as np
import pytest

from command_line import neurochip
from conftest import ROOT
from neurochip import Settings
from neurochip.cli.console import INTERRUPTED

DIGITS = ROOT / "examples" / "digits_cnn.onnx"
RESNET = ROOT / "tests" / "data" / "zoo" / "digits_resnet" / "uint8_qdq.onnx"
PICTURES = ROOT / "examples" / "digits.npz"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def search(*options):
    common = ("--samples", 50, "--held-out", 50, "--trials", 3, "--chip", "tiny")
    return neurochip("tune", DIGITS, "--data", PICTURES, *common, *options)


def refusal(*options) -> list[str]:
    told = search(*options)
    assert told.exit_code == 1
    assert told.stdout == ""
    return told.stderr.splitlines()


def test_a_search_tells_the_front_and_writes_settings_that_run_accepts(folder):
    told = search("--max-loss", 2, "--plot", "front.png")
    assert told.exit_code == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].split("   ")[0] == "spikes left out"
    assert lines[1].split()[:4] == ["none", "100.00", "%", "0.00"]
    assert lines[2].startswith("RoT 1 in every layer")
    assert any("fewer SOPs" in line for line in lines)
    assert max(map(len, lines)) <= 100
    assert lines[-2:] == [
        "written: digits_cnn.settings.toml, front.png",
        "every evaluation: digits_cnn.settings.toml.journal",
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "digits_cnn.settings.toml",
        "digits_cnn.settings.toml.journal",
        "front.png",
    ]
    settings = Settings.load("digits_cnn.settings.toml")
    assert set(settings.layers) <= {"/0/Conv", "/3/Conv"}
    assert settings.layers
    run = neurochip(
        "run", DIGITS, "--chip", "tiny", "--settings", "digits_cnn.settings.toml",
        "--input", PICTURES, "--samples", 20, "--timing", "none",
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    assert "self-checks passed       values as compiled" in run.stdout
    assert "! spikes left out, " in run.stdout


def test_the_same_search_again_is_answered_from_its_journal_alone(folder):
    first = search()
    journal = (folder / "digits_cnn.settings.toml.journal").read_bytes()
    assert search().stdout == first.stdout
    assert (folder / "digits_cnn.settings.toml.journal").read_bytes() == journal


def test_other_samples_are_evaluated_beside_those_that_were(folder):
    first = search()
    journal = (folder / "digits_cnn.settings.toml.journal").read_bytes()
    assert search("--held-out", 60).exit_code == 0
    more = (folder / "digits_cnn.settings.toml.journal").read_bytes()
    assert more.startswith(journal)
    assert b"search" not in more.removeprefix(journal), "only those held out are others"
    assert search().stdout == first.stdout


def test_a_journal_of_another_chip_is_refused(folder):
    search()
    error, hint = refusal("--chip", "ideal")
    assert error == (
        "error: 'digits_cnn.settings.toml.journal' is of another network, chip or settings"
    )
    assert hint == "hint: remove it, or write to another file with `--output`"


def test_a_plot_without_matplotlib_is_refused_before_the_search(folder, monkeypatch):
    monkeypatch.setattr(import_module("neurochip.plots"), "find_spec", lambda name: None)
    assert refusal("--plot", "front.png") == [
        "error: plots need matplotlib, which is not installed",
        "hint: `pip install 'neurochip[plot]'`, or leave `--plot` out",
    ]
    assert list(folder.iterdir()) == []


def test_what_cannot_be_written_is_refused_before_the_search(folder):
    assert refusal("--plot", "front.jpg") == [
        "error: cannot plot into 'front.jpg': the name says the format",
        "hint: end it with .png or .svg",
    ]
    for options in (("--plot", "no/front.png"), ("--output", "no/found.toml")):
        assert refusal(*options) == [
            f"error: cannot write {options[1]!r}: no such file or directory",
            "hint: give a file in a folder that exists and that you may write to",
        ]
    assert list(folder.iterdir()) == []


def test_more_samples_than_there_are_are_refused(folder):
    assert refusal("--samples", 300, "--held-out", 300) == [
        f"error: 300 samples to search on and 300 held out, '{PICTURES}' has 500",
        "hint: ask for fewer with `--samples` and `--held-out`",
    ]


def test_data_without_labels_are_refused(folder):
    np.save("x.npy", np.zeros((10, 8, 8), np.uint8))
    told = neurochip("tune", DIGITS, "--data", "x.npy")
    assert told.exit_code == 1
    assert told.stderr.splitlines() == [
        "error: 'x.npy' brings no labels, which the loss is measured by",
        "hint: give them with `--labels`",
    ]


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(folder):
    command = [
        sys.executable, "-m", "neurochip", "tune", str(RESNET), "--data", str(PICTURES),
        "--chip", "ideal", "-o", "found.toml",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
    )  # fmt: skip
    journal = folder / "found.toml.journal"
    deadline = time.monotonic() + 300
    while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED
    assert out == ""
    assert err.startswith("interrupted: after ")
    assert err.endswith("what was evaluated is kept in 'found.toml.journal': run again to go on\n")
    assert [path.name for path in folder.iterdir()] == ["found.toml.journal"]
