"""What the SDANN paper publishes: the figures of `published.toml`, by table and network."""

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

    @property
    def names(self) -> tuple[str, ...]:
        """The keys of the paper's networks."""
        return tuple(self.tables["names"])

    def name(self, network: str | None) -> str | None:
        """What the paper calls one of its networks; None where there is none."""
        found = self.tables["names"].get(network)
        return None if found is None else str(found)

    def figure(self, table: str, field: str, network: str | None) -> float | None:
        """A figure of a network; None where it is not at hand."""
        found = self.tables[table].get(field, {}).get(network)
        return None if found is None else float(found)

    def constant(self, table: str, field: str) -> float:
        """A figure that is the same for all networks."""
        return float(self.tables[table][field])

    def gaps(self, table: str, *fields: str) -> tuple[str, ...]:
        """A note for a table of which figures are missing; none where every field has some."""
        missing = [field for field in fields if not self.tables[table].get(field)]
        if not missing:
            return ()
        return (
            f"the paper's figures are not at hand for {', '.join(missing)}: "
            f"`[{table}]` of `published.toml` takes them",
        )

    def source(self, table: str) -> str:
        """Where the figures of a table are from."""
        return str(self.tables[table]["source"])


@cache
def published() -> Published:
    """What is in the package."""
    text = (files(__package__) / "published.toml").read_text(encoding="utf-8")
    return Published(tomlkit.parse(text).unwrap())
