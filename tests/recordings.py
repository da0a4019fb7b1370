"""Packets that other simulators recorded, and the chips that must move them in the same cycles."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import neurochip as nc

FOLDER = Path(__file__).parents[1] / "rust" / "neurochip" / "tests" / "data" / "noc"

BOOKSIM2 = {
    "noc.inject_cycles": 2,
    "noc.hop_cycles": 3,
    "noc.eject_cycles": 3,
    "noc.credit_cycles": 2,
}
RTL_MESH = {
    "noc.inject_cycles": 1,
    "noc.hop_cycles": 1,
    "noc.eject_cycles": 1,
    "noc.credit_cycles": 1,
    "noc.arbitration_order": ["+y", "-y", "+x", "-x", "local"],
}


UNLIMITED = {"noc.receive_flits": 60_000}
"""Ejection credits of the recordings whose packets have several flits."""


def chip_of(size: tuple[int, int], queue_flits: int, timing: dict[str, object]) -> nc.Chip:
    overrides = {
        "mesh.width": size[0],
        "mesh.height": size[1],
        "io": [],
        "noc.packet_flits": 1,
        "noc.queue_flits": queue_flits,
        "noc.receive_flits": queue_flits,
        **timing,
    }
    return nc.chip("tiny", overrides=overrides)


CHIPS = {
    "booksim2_4x4_queue4_uniform_0.3": ((4, 4), 4, BOOKSIM2),
    "booksim2_8x8_queue2_uniform_0.1": ((8, 8), 2, BOOKSIM2),
    "booksim2_8x8_queue4_uniform_0.26": ((8, 8), 4, BOOKSIM2),
    "rtl_mesh_4x4_queue4_uniform_0.35": ((4, 4), 4, RTL_MESH),
}

SEVERAL_FLITS = {
    "booksim2_5x3_queue8_3flits_uniform_0.15": (
        (5, 3), 8, {**BOOKSIM2, **UNLIMITED, "noc.packet_flits": 3}
    ),
    "booksim2_8x8_queue2_2flits_uniform_0.4": (
        (8, 8), 2, {**BOOKSIM2, **UNLIMITED, "noc.packet_flits": 2}
    ),
}  # fmt: skip
"""Recordings that ended before every packet had arrived."""


def recording(name: str) -> dict[str, NDArray[np.int64]]:
    """The columns of a recording, as its README describes them."""
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt") as file:
        table = np.loadtxt(file, np.int64, delimiter=",", skiprows=1)
    created, source, destination, waited, travelled = table.T
    injected = np.where(waited < 0, -1, created + waited)
    return {
        "created": created,
        "source": source,
        "destination": destination,
        "injected": injected,
        "arrived": np.where(travelled < 0, -1, injected + travelled),
    }
