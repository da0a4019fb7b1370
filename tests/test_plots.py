"""Plots: the same bytes for the same run, whenever and in whatever process it is drawn."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from conftest import ROOT

DIGITS = ROOT / "examples" / "digits_cnn.onnx"
SAMPLES = ROOT / "examples" / "digits.npz"

COMPARE = ("compare", DIGITS, "--input", SAMPLES, "--samples", 2, "--codes", "stem,quartz:16")
TUNE = (
    *("tune", DIGITS, "--data", SAMPLES, "--chip", "tiny", "--samples", 20, "--held-out", 20),
    *("--trials", 0, "-o", "found.toml"),
)

PAPER = """
import sys
from neurochip.papers.plot import Plot, png
sys.stdout.buffer.write(png(Plot("figure", "title", lambda figure: figure.add_subplot())))
"""


def on_day(day, folder, *command):
    """What a process answers whose files say that they were made on that day (as 1970 counts)."""
    finished = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        capture_output=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(day * 86_400)},
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("format", ["svg", "png"])
@pytest.mark.parametrize("command", [COMPARE, TUNE], ids=["compare", "tune"])
def test_the_same_run_is_the_same_plot(tmp_path, command, format):
    for day in (1, 2):
        plot = ("--plot", f"{day}.{format}")
        on_day(day, tmp_path, "-m", "neurochip", *command, *plot)
    first, second = ((tmp_path / f"{day}.{format}").read_bytes() for day in (1, 2))
    assert first == second
    assert b"Date" not in first.replace(b"dc:date", b"Date") or format == "png"
    assert b"matplotlib.org" not in first


def test_a_figure_of_a_suite_is_the_same_png(tmp_path):
    first, second = (on_day(day, tmp_path, "-c", PAPER) for day in (1, 2))
    assert first == second
    assert first.startswith(b"\x89PNG")
    assert b"Software" not in first
