"""What the Quartz paper publishes: the figures of `published.toml`, by network and window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import tomlkit


@dataclass(frozen=True)
class Published:
    """The file, read."""

    tables: Mapping[str, Any]

    @property
    def citation(self) -> str:
        """Of the paper."""
        return f"{self.tables['title']}. {self.tables['citation']}"

    def source(self, table: str) -> str:
        """Where the figures of a table are from."""
        return str(self.tables[table]["source"])

    def constant(self, table: str, field: str) -> float:
        """A figure that is the same for all windows."""
        return float(self.tables[table][field])

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
        """A figure measured on Loihi; None where there is no such window."""
        return _at(self.tables["loihi"], field, timesteps)


def _at(table: Mapping[str, Any], field: str, timesteps: int) -> float | None:
    windows = table["timesteps"]
    return float(table[field][windows.index(timesteps)]) if timesteps in windows else None


@cache
def published() -> Published:
    """What is in the package."""
    text = (files(__package__) / "published.toml").read_text(encoding="utf-8")
    return Published(tomlkit.parse(text).unwrap())
