"""Tables about chips: the list of them, and one with every number and its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..chip import Chip
from ..tables import TextColumn, TextTable

SENTENCE_WIDTH = 36
"""What a source needs to be read: names of fields rather give way."""

UNSOURCED = frozenset({"name", "source", "profile", "profiles", "provenance"})


def chips_table(chips: Sequence[Chip]) -> TextTable:
    """One row a chip."""
    figures = (TextColumn(name, "right") for name in ("cores", "neurons a core", "cycle"))
    table = TextTable(TextColumn("chip"), *figures, TextColumn("source"))
    for chip in chips:
        table.add_row(
            chip.name,
            f"{chip.num_cores:,}",
            f"{chip.spec['core']['max_neurons']:,}",
            _pace(chip),
            str(chip.spec["source"]),
        )
    return table


def _pace(chip: Chip) -> str:
    """How long a cycle is: of the clock, or what times are rounded to where there is none."""
    if chip.clock_mhz is None:
        return f"{chip.time_base_ns:g} ns"
    return f"{chip.clock_mhz:g} MHz"


def fields_table(chip: Chip) -> TextTable:
    """One row a field: its value, and where that comes from."""
    table = TextTable(
        TextColumn("field"), TextColumn("value"), TextColumn("source", least=SENTENCE_WIDTH)
    )
    for field, value in fields(chip.spec):
        table.add_row(field, _told(value), chip.provenance(field))
    return table


def fields(spec: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every field that has a value, by its dotted name; of a list of tables, all its values."""
    for name, value in spec.items():
        dotted = f"{prefix}{name}"
        if dotted in UNSOURCED or value is None or value == []:
            continue
        if isinstance(value, Mapping):
            yield from fields(value, f"{dotted}.")
        elif isinstance(value, list) and isinstance(value[0], Mapping):
            columns = {field: [entry[field] for entry in value] for field in value[0]}
            known = {name: each for name, each in columns.items() if each != [None] * len(each)}
            yield from fields(known, f"{dotted}.")
        else:
            yield dotted, value


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
