"""Table: rows of cells under named columns, with what a reader must know beneath."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, log10
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
    digits: int | None = None
    """Instead of `decimals`: so many significant ones at least, for figures of any size."""
    signed: bool = False
    """Whether the column holds changes: they have a sign."""

    def told(self, cell: Cell) -> str:
        """A cell for people: digits grouped in threes."""
        if cell is None:
            return NOTHING
        if isinstance(cell, str):
            return cell
        decimals = self._decimals(cell)
        cell = _rounded(cell, decimals)
        sign = "+" if self.signed and cell else ""
        return f"{cell:{sign},.{decimals}f}"

    def stored(self, cell: Cell) -> str:
        """A cell for programs."""
        if cell is None or isinstance(cell, str):
            return cell or ""
        decimals = self._decimals(cell)
        return f"{_rounded(cell, decimals):.{decimals}f}"

    def _decimals(self, cell: float) -> int:
        """How many are shown of a number."""
        if isinstance(cell, int):
            return 0
        if self.digits is None:
            return self.decimals
        exponent = floor(log10(abs(cell))) if cell else 0
        return max(0, self.digits - 1 - exponent)


def _rounded(cell: float, decimals: int) -> float:
    """As many decimals as are shown; nothing has no sign."""
    return cell if isinstance(cell, int) else round(cell, decimals) + 0.0


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
