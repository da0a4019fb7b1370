"""Publication: what a paper says, read from the `published.toml` in its suite's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ..toml import parse


@dataclass(frozen=True)
class Publication:
    """The file, read; each suite's own says how its tables are laid out."""

    tables: Mapping[str, Any]

    @property
    def citation(self) -> str:
        """Of the paper."""
        return f"{self.tables['title']}. {self.tables['citation']}"

    def source(self, table: str) -> str:
        """Where the figures of a table are from."""
        return str(self.tables[table]["source"])

    def constant(self, table: str, field: str) -> float:
        """A figure that is the same for all rows of a table."""
        return float(self.tables[table][field])


def published_tables(package: str) -> Mapping[str, Any]:
    """The tables of the file in a package of a suite."""
    text = (files(package) / "published.toml").read_text(encoding="utf-8")
    return parse(text)
