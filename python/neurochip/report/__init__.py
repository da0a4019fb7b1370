"""Report: what a run says, as a table or as JSON. Energy and SI units are formed here only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType

from ..reprs import counted, named
from ..simulate import Run
from ..tables import as_text
from .contents import Contents
from .document import SCHEMA_VERSION, document
from .gather import gather
from .table import render, render_layers

__all__ = ["SCHEMA_VERSION", "Contents", "Details", "Report", "report"]


@dataclass(frozen=True, slots=True)
class Report:
    """A run, summed up. `print(report)` shows the table."""

    contents: Contents

    def __repr__(self) -> str:
        return f"Report({_told_of(self.contents)})"

    def __str__(self) -> str:
        return as_text(render(self.contents))

    def __rich__(self) -> RenderableType:
        return render(self.contents)

    def details(self) -> Details:
        """Every layer by itself, and the reason for every assumed value."""
        return Details(self.contents)

    def to_json(self) -> str:
        """The same, with all details, as one JSON document with a `schema_version`."""
        return document(self.contents)


@dataclass(frozen=True, slots=True)
class Details:
    """What `-v` adds to a report, as tables."""

    contents: Contents

    def __repr__(self) -> str:
        return f"Details({_told_of(self.contents)})"

    def __str__(self) -> str:
        return as_text(render_layers(self.contents))

    def __rich__(self) -> RenderableType:
        return render_layers(self.contents)


def _told_of(contents: Contents) -> str:
    return (
        f"{named(contents.network)} on {named(contents.chip)}, code {contents.code}, "
        f"{counted(contents.samples, 'sample')}"
    )


def report(run: Run, labels: Sequence[int] | NDArray[np.integer[Any]] | None = None) -> Report:
    """Sums up a run.

    Args:
        run: What `simulate` returned.
        labels: One class index a sample; with them the report says how accurate the network was.

    Raises:
        InputError: If there are not as many labels as samples, or a label is no output.
    """
    return Report(gather(run, None if labels is None else np.asarray(labels)))
