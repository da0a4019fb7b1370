"""Plot: one figure of a paper, drawn from measured numbers."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from ..errors import NeurochipError
from ..plots import save

SIZE_INCHES = (9.0, 5.0)


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, not drawn yet."""

    name: str
    """Of its file, such as `figure-08`."""
    title: str
    draw: Callable[[Any], None]
    """Draws on a matplotlib figure."""
    size_inches: tuple[float, float] = SIZE_INCHES


def require_matplotlib() -> None:
    """Refuses before long work what could not be drawn after it.

    Raises:
        NeurochipError: If matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise NeurochipError(
            "plots need matplotlib, which is not installed",
            hint="`pip install 'neurochip[plot]'`",
        )


def png(plot: Plot) -> bytes:
    """The plot."""
    from matplotlib.figure import Figure  # only who plots needs it

    figure = Figure(figsize=plot.size_inches, layout="constrained")
    plot.draw(figure)
    file = io.BytesIO()
    save(figure, file, "png")
    return file.getvalue()
