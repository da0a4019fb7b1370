"""What the Quartz paper publishes: the figures of `published.toml`, by network and window."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import isnan
from typing import Any

from ..publication import Publication, published_tables


class PublishedWork(Publication):
    """The file, read."""

    def simulated(self, network: str, field: str, timesteps: int) -> float | None:
        """A figure of the paper's simulations; None where it has no such window."""
        return _at(self.tables["simulation"][network], field, timesteps)

    def of_ann(self, network: str, field: str) -> float:
        """A figure of the network before it became spikes: `accuracy` or `macs`."""
        return float(self.tables["simulation"][network][f"ann_{field}"])

    def name(self, network: str) -> str:
        """What the paper's network is."""
        return str(self.tables["simulation"][network]["name"])

    def measured(self, field: str, timesteps: int) -> float | None:
        """A figure measured on Loihi; None for another window, or where it is not published."""
        return _at(self.tables["loihi"], field, timesteps)


def _at(table: Mapping[str, Any], field: str, timesteps: int) -> float | None:
    windows = table["timesteps"]
    if timesteps not in windows:
        return None
    figure = float(table[field][windows.index(timesteps)])
    return None if isnan(figure) else figure


@cache
def published() -> PublishedWork:
    """What is in the package."""
    return PublishedWork(published_tables(__package__))
