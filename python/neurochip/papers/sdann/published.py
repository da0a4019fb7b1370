"""What the SDANN paper publishes: the figures of `published.toml`, by table and network."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from ..publication import Publication, published_tables


class PublishedFigures(Publication):
    """The file, read."""

    @property
    def names(self) -> tuple[str, ...]:
        """The keys of the paper's networks."""
        return tuple(self.tables["names"])

    def name(self, network: str | None) -> str | None:
        """What the paper calls one of its networks; None where there is none."""
        found = self.tables["names"].get(network)
        return None if found is None else str(found)

    def figure(self, table: str, field: str, network: str | None) -> float | None:
        """A figure of a network; None where the paper has none."""
        found = self.tables[table].get(field, {}).get(network)
        return None if found is None else float(found)

    def uniform(self, field: str, setting: str, network: str | None) -> float | None:
        """A cell of tables 4 to 7; None where the paper has no such network.

        Args:
            field: `accuracy` in percent, its change in `points`, or the change of `sops` in
                percent.
            setting: That of all layers, such as `rot1` or `drlo5`.
            network: By its key.
        """
        table = self.tables["uniform"]
        row = table[field].get(network)
        return None if row is None else float(row[table["settings"].index(setting)])

    def others(self, networks: Iterable[str | None]) -> tuple[str, ...]:
        """The keys of the paper's networks that are not among these."""
        beside = set(networks)
        return tuple(name for name in self.names if name not in beside)

    def gaps(self, table: str, *fields: str) -> tuple[str, ...]:
        """A note for a table of which figures are missing; none where every field has some."""
        missing = [field for field in fields if not self.tables[table].get(field)]
        if not missing:
            return ()
        return (
            f"beside ours stands no {', '.join(missing)} of the paper: `[{table}]` of "
            "`published.toml` has none",
        )


@cache
def published() -> PublishedFigures:
    """What is in the package."""
    return PublishedFigures(published_tables(__package__))
