"""Plots: which formats there are, and what must be installed for them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from .errors import InputError

FORMATS = ("png", "svg")


def plot_format(path: Path) -> str:
    """The format that a file's name asks for; refuses before long work what would fail after it.

    Raises:
        InputError: If it is none of `FORMATS`, or matplotlib is not installed.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise InputError(
            f"cannot plot into {str(path)!r}: the format is told by the name",
            hint="end it with .png or .svg",
        )
    if find_spec("matplotlib") is None:
        raise InputError(
            "plots need matplotlib, which is not installed",
            hint="`pip install 'neurochip[plot]'`, or leave `--plot` out",
        )
    return suffix
