"""Table: rows of cells under named columns, with what a reader must know beneath."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Cell: TypeAlias = str | int | float | None
"""None where there is no figure: not published, or nothing to measure."""

NOTHING = "–"
"""What is shown for None; in CSV the cell stays empty."""


@dataclass(frozen=True, slots=True)
class Column:
    """How the cells of a column are headed and written."""

    name: str
    decimals: int = 2
    """Of cells that are floats."""
    signed: bool = False
    """Whether the column holds changes: they have a sign."""

    def told(self, cell: Cell) -> str:
        """A cell for people: digits grouped in threes."""
        if cell is None:
            return NOTHING
        if isinstance(cell, str):
            return cell
        cell = self._rounded(cell)
        sign = "+" if self.signed and cell else ""
        return f"{cell:{sign},}" if isinstance(cell, int) else f"{cell:{sign},.{self.decimals}f}"

    def stored(self, cell: Cell) -> str:
        """A cell for programs."""
        if cell is None or isinstance(cell, str):
            return cell or ""
        cell = self._rounded(cell)
        return str(cell) if isinstance(cell, int) else f"{cell:.{self.decimals}f}"

    def _rounded(self, cell: float) -> float:
        """As many decimals as are shown; nothing has no sign."""
        return cell if isinstance(cell, int) else round(cell, self.decimals) + 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a paper, measured anew."""

    name: str
    """Of its files, such as `table-05`."""
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Where the published figures are from."""

    def __post_init__(self) -> None:
        uneven = [row for row in self.rows if len(row) != len(self.columns)]
        assert not uneven, f"{self.name!r} has {len(self.columns)} columns: {uneven[0]}"

    @property
    def remarks(self) -> Iterator[str]:
        """Notes, then sources."""
        yield from self.notes
        yield from (f"Published figures: {source}" for source in self.sources)
