"""Tables that fit a terminal: names and figures stay whole as long as anything else gives way.

A table that is too wide is narrowed in these ways, the first that suffices:

1. heads are wrapped between words;
2. cells that stand on the left are wrapped between words, too: names of more than one, sentences;
3. the gap between columns shrinks to two blanks;
4. figures are wrapped between words, such as `123 of 4,567`;
5. the gap shrinks to one blank;
6. names are cut that are longer than `LONG_NAME`, with as little of the above as that takes;
7. heads are cut within words;
8. all names are cut, which leaves at least `NAME_WIDTH` of them;
9. everything is cut.

As few columns give way as possible, those first that have most to give. Nothing is left out.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

WIDTH = 100
"""Columns of a file or a pipe; a terminal has its own."""

NAME_WIDTH = 12
LONG_NAME = 40


@dataclass(frozen=True, slots=True)
class TextColumn:
    """How a column is headed, and how its cells stand."""

    name: str
    justify: Literal["left", "right"] = "left"
    least: int = 1
    """The least width, even of shorter cells."""
    whole: bool = False
    """Whether blanks in cells are no place to wrap them."""


class TextTable:
    """Cells in columns, without lines between them."""

    def __init__(self, *columns: TextColumn, gap: int = 3) -> None:
        self.columns = columns
        self.gap = gap
        self.rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Adds a row; cells that are missing at its end are empty."""
        self.rows.append((*cells, *[""] * (len(self.columns) - len(cells))))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        widths, gap = self._fitted(options.max_width)
        total = sum(widths) + gap * (len(widths) - 1)
        return Measurement(total, total).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths, gap = self._fitted(options.max_width)
        table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False)
        for column, width in zip(self.columns, widths, strict=True):
            head = Text(_wrapped(column.name, width))
            table.add_column(head, justify=column.justify, width=width, overflow="fold")
        for row in self.rows:
            cells = zip(row, widths, strict=True)
            table.add_row(*(Text(_wrapped(cell, width)) for cell, width in cells))
        yield table

    def _fitted(self, available: int) -> tuple[list[int], int]:
        """The width of each column, and the gap between two."""
        widths, gap = [1] * len(self.columns), 1
        for natural, floors, gap in self._ways():
            room = available - gap * (len(widths) - 1)
            widths = _narrowed(natural, floors, room)
            if sum(widths) <= room:
                break
        # What is wrapped between words may need less than it was given.
        needed = [
            max(min(column.least, width), _line(_wrapped(text, width) for text in texts))
            for (column, texts), width in zip(self._texts(), widths, strict=True)
        ]
        return needed, gap

    def _ways(self) -> Iterator[tuple[list[int], list[int], int]]:
        """How wide columns are, how little they can be, and the gap: the least harm first."""
        leasts = [column.least for column in self.columns]
        heads = _widest(leasts, [_word([column.name]) for column in self.columns])
        words = [_line(cells) if column.whole else _word(cells) for column, cells in self._cells()]
        short = _cut(words, LONG_NAME)
        natural = _widest(leasts, [_line(texts) for _, texts in self._texts()])
        for kept in (words, short):
            for floors, gap in self._wrapped_ways(heads, kept):
                yield natural, floors, gap
        yield _widest(heads, short), _widest(leasts, short), 1
        names = _widest(leasts, _cut(words, NAME_WIDTH))
        yield _widest(leasts, short), names, 1
        yield names, [1] * len(names), 1

    def _wrapped_ways(
        self, heads: Sequence[int], words: Sequence[int]
    ) -> Iterator[tuple[list[int], int]]:
        """To how little columns give way by being wrapped between words, and the gap."""
        lines = [_line(cells) for _, cells in self._cells()]
        sentences = [
            word if column.justify == "left" else line
            for column, line, word in zip(self.columns, lines, words, strict=True)
        ]
        narrow = min(2, self.gap)
        yield _widest(heads, lines), self.gap
        yield _widest(heads, sentences), self.gap
        yield _widest(heads, sentences), narrow
        yield _widest(heads, words), narrow
        yield _widest(heads, words), 1

    def _texts(self) -> Iterator[tuple[TextColumn, list[str]]]:
        """Each column with its head and its cells."""
        yield from ((column, [column.name, *cells]) for column, cells in self._cells())

    def _cells(self) -> Iterator[tuple[TextColumn, list[str]]]:
        """Each column with its cells."""
        for number, column in enumerate(self.columns):
            yield column, [row[number] for row in self.rows]


def names_and_figures(first: str, *others: str) -> TextTable:
    """A table of one column of names and columns of figures; of those without a head, of words."""
    figures = (TextColumn(name, "right" if name else "left") for name in others)
    return TextTable(TextColumn(first, least=NAME_WIDTH), *figures)


def _narrowed(widths: Sequence[int], floors: Sequence[int], room: int) -> list[int]:
    """Widths that fit, as few of them changed as possible; none goes below its floor."""
    narrowed = list(widths)
    excess = sum(widths) - room
    for number in sorted(range(len(widths)), key=lambda number: floors[number] - widths[number]):
        given = max(0, min(excess, widths[number] - floors[number]))
        narrowed[number] -= given
        excess -= given
    return narrowed


def _widest(*widths: Sequence[int]) -> list[int]:
    """The largest width of each column."""
    return [max(of_column) for of_column in zip(*widths, strict=True)]


def _cut(widths: Sequence[int], most: int) -> list[int]:
    return [min(width, most) for width in widths]


def _wrapped(text: str, width: int) -> str:
    """The text in lines of at most this width: between words where that is possible."""
    lines = (
        textwrap.wrap(line, width, break_on_hyphens=False) if len(line) > width else [line]
        for line in text.split("\n")
    )
    return "\n".join(part for parts in lines for part in parts)


def _line(texts: Iterable[str]) -> int:
    """The width of the longest line."""
    return max((len(line) for text in texts for line in text.split("\n")), default=0)


def _word(texts: Iterable[str]) -> int:
    """The width of the longest word."""
    return max((len(word) for text in texts for word in text.split()), default=0)


def as_text(told: RenderableType, width: int = WIDTH) -> str:
    """Any tables as plain lines without trailing blanks."""
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(told, highlight=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).rstrip("\n")
