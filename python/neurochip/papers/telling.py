"""Telling a Table: as Markdown, as CSV, and for a terminal. Nothing else knows how one looks."""

from __future__ import annotations

import csv
import io

from rich.console import Group, RenderableType
from rich.text import Text

from ..tables import TextColumn, TextTable
from .table import Table


def markdown(table: Table) -> str:
    """A section with a heading, the table, and its remarks as a list."""
    heads = [column.name for column in table.columns]
    lines = [f"## {table.title}", "", _line(heads), _line(_rules(table))]
    lines += [_line(row) for row in _told(table)]
    remarks = [f"- {remark}" for remark in table.remarks]
    return "\n".join([*lines, "", *remarks, *([""] if remarks else [])])


def csv_text(table: Table) -> str:
    """A head and the rows; numbers without grouping, cells without a figure empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow(
            column.stored(cell) for column, cell in zip(table.columns, row, strict=True)
        )
    return file.getvalue()


def rich_table(table: Table) -> RenderableType:
    """For a terminal: title, table, remarks."""
    columns = (
        TextColumn(column.name, "right" if _is_numeric(table, number) else "left")
        for number, column in enumerate(table.columns)
    )
    body = TextTable(*columns, gap=2)
    for row in _told(table):
        body.add_row(*row)
    remarks = [Text(f"! {remark}", style="yellow") for remark in table.remarks]
    return Group(Text(table.title, style="bold"), body, *remarks, Text(""))


def _told(table: Table) -> list[list[str]]:
    return [
        [column.told(cell) for column, cell in zip(table.columns, row, strict=True)]
        for row in table.rows
    ]


def _rules(table: Table) -> list[str]:
    return ["---:" if _is_numeric(table, number) else "---" for number in range(len(table.columns))]


def _is_numeric(table: Table, number: int) -> bool:
    cells = [row[number] for row in table.rows]
    return any(cell is not None for cell in cells) and not any(
        isinstance(cell, str) for cell in cells
    )


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
