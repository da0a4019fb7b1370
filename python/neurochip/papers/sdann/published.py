"""What the SDANN paper publishes: the figures of `published.toml`, by table and network."""

from __future__ import annotations

from functools import cache

from ..publication import Publication, published_tables


class Published(Publication):
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
        """A figure of a network; None where it is not at hand."""
        found = self.tables[table].get(field, {}).get(network)
        return None if found is None else float(found)

    def gaps(self, table: str, *fields: str) -> tuple[str, ...]:
        """A note for a table of which figures are missing; none where every field has some."""
        missing = [field for field in fields if not self.tables[table].get(field)]
        if not missing:
            return ()
        return (
            f"the paper's figures are not at hand for {', '.join(missing)}: "
            f"`[{table}]` of `published.toml` takes them",
        )


@cache
def published() -> Published:
    """What is in the package."""
    return Published(published_tables(__package__))
