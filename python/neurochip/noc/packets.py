"""Packets: named columns of integers, from a file or from memory, checked before they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..chip import Chip
from ..errors import InputError
from ..inputs.numpy_arrays import open_numpy

WANTED = ("created", "source", "destination")
RECORDED = ("injected", "arrived")
"""What a recording may know beside them: cycles to compare with."""

KNOWN = frozenset({*WANTED, *RECORDED, "packets", "columns"})

MAX_CYCLE = 1 << 62
"""No packet is created later: its arrival must fit 64 bits too."""

HINT = (
    "columns are `created`, `source` and `destination`: an array each, or one array `packets` "
    "with their names in `columns`"
)

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets that the network of a chip can be given, and what a recording says of them."""

    created: NDArray[np.int64]
    """(packets,): cycle in which each joins the queue of its source, in any order."""
    source: NDArray[np.int64]
    """(packets,): nodes, `y * width + x`."""
    destination: NDArray[np.int64]
    """(packets,): nodes."""
    recorded: Mapping[str, NDArray[np.int64]]
    """(packets,) each: `injected` and `arrived` as recorded, where they were; -1: it never did."""


def checked(packets: str | Path | Mapping[str, ArrayLike] | ArrayLike, chip: Chip) -> Packets:
    """The packets, if the network of the chip can be given them.

    Raises:
        InputError: If a file cannot be read; if a column is missing, holds no integers, or has
            another length; if a packet is created before 0, or starts or ends outside the mesh.
    """
    what = repr(str(packets)) if isinstance(packets, str | Path) else "the recording"
    columns = _columns(packets, what)
    missing = [name for name in WANTED if name not in columns]
    if missing:
        found = ", ".join(f"`{name}`" for name in columns) or "no columns"
        names = ", ".join(f"`{name}`" for name in missing)
        raise InputError(f"{what} has no column {names}; it has {found}", hint=HINT)
    columns = {name: columns[name] for name in (*WANTED, *RECORDED) if name in columns}
    _refuse_shapes(columns, what)
    _refuse_range(columns["created"], "created", 0, MAX_CYCLE, "cycles are counted from 0")
    width, height = chip.size
    last = width * height - 1
    nodes = f"the mesh of {chip.name!r} is {width} × {height}, nodes are counted y * width + x"
    for name in WANTED[1:]:
        _refuse_range(columns[name], name, 0, last, nodes)
    integers = {name: column.astype(np.int64) for name, column in columns.items()}
    recorded = {name: integers.pop(name) for name in RECORDED if name in integers}
    return Packets(**integers, recorded=recorded)


def _columns(packets: Any, what: str) -> Columns:
    """The columns by name, whatever holds them."""
    if isinstance(packets, str | Path):
        packets = _load(Path(packets))
    if isinstance(packets, Mapping):
        columns = {str(name): np.asarray(column) for name, column in packets.items()}
        return _named(columns, what) if "packets" in columns else columns
    table = np.asarray(packets)
    if table.dtype.names:
        return {name: table[name] for name in table.dtype.names}
    names = (*WANTED, *RECORDED)
    if table.ndim != 2 or table.shape[1] not in {len(WANTED), len(names)}:
        raise InputError(
            f"{what} has shape {table.shape}, expected (packets, 3): created, source, destination",
            hint="give a mapping of columns by name, or one more column each for injected, arrived",
        )
    return {name: table[:, column] for column, name in enumerate(names[: table.shape[1]])}


def _named(columns: Columns, what: str) -> Columns:
    """One table with the names of its columns beside it."""
    table, names = columns["packets"], columns.get("columns", np.array(WANTED))
    if table.ndim != 2 or names.shape != table.shape[1:]:
        raise InputError(
            f"`packets` of {what} has shape {table.shape}, `columns` names {names.size} columns",
            hint=HINT,
        )
    return {str(name): table[:, column] for column, name in enumerate(names)}


def _load(path: Path) -> Columns:
    if not path.is_file():
        raise InputError(f"no such file of packets: {str(path)!r}")
    with open_numpy(path) as file:
        if file.is_single:
            raise InputError(
                f"{str(path)!r} is a single array, expected an .npz of columns", hint=HINT
            )
        # Of other columns only the names are told: they stay packed.
        return {
            name: file.read(name).values if name in KNOWN else np.empty(0) for name in file.names
        }


def _refuse_shapes(columns: Columns, what: str) -> None:
    """Columns are integers, one per packet."""
    for name, column in columns.items():
        if not np.issubdtype(column.dtype, np.integer):
            raise InputError(
                f"column `{name}` of {what} holds {column.dtype} values, expected integers",
                hint="convert it with .astype('int64')",
            )
        if column.ndim != 1:
            raise InputError(
                f"column `{name}` of {what} has shape {column.shape}, expected (packets,)"
            )
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"`{name}` {length}" for name, length in lengths.items())
        raise InputError(f"the columns of {what} differ in length: {told}")
    if lengths["created"] == 0:
        raise InputError(f"{what} holds no packets")


def _refuse_range(column: NDArray[Any], name: str, low: int, high: int, why: str) -> None:
    """The first packet beyond, and how many there are."""
    wrong = np.flatnonzero((column < low) | (column > high))
    if len(wrong):
        more = f" ({len(wrong):,} such packets)" if len(wrong) > 1 else ""
        raise InputError(
            f"`{name}` of packet {wrong[0]} is {column[wrong[0]]}, expected {low} to {high}{more}",
            hint=why,
        )
