"""Plots: which formats there are, what must be installed for them, and how they are written."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from .errors import InputError

FORMATS = ("png", "svg")

DPI = 150

SALT = "neurochip"
"""What names of parts of an .svg are made from; matplotlib's own are random."""

METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}
"""What matplotlib says of itself and of today, left out: a plot says only what it shows."""


def plot_format(path: Path) -> str:
    """The format that a file's name asks for; refuses before long work what would fail after it.

    Raises:
        InputError: If it is none of `FORMATS`, or matplotlib is not installed.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise InputError(
            f"cannot plot into {str(path)!r}: the name says the format",
            hint="end it with .png or .svg",
        )
    if find_spec("matplotlib") is None:
        raise InputError(
            "plots need matplotlib, which is not installed",
            hint="`pip install 'neurochip[plot]'`, or leave `--plot` out",
        )
    return suffix


def save(figure: Any, file: BinaryIO, format: str) -> None:
    """Writes a matplotlib figure: the same bytes for what is the same to see."""
    from matplotlib import rc_context  # only who plots needs it

    with rc_context({"svg.hashsalt": SALT}):
        figure.savefig(file, format=format, dpi=DPI, metadata=METADATA[format])
