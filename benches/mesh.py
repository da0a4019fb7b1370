"""The network of a chip alone, as Python calls it: packets as arrays in, cycles as arrays out."""

from __future__ import annotations

import numpy as np
from figures import Figure, seconds_of

import neurochip as nc


def replay(side: int = 24, rate: float = 0.05, count: int = 1_000_000) -> list[Figure]:
    """Flit-hops per second that the one thread of a replay runs: every node sends to any node."""
    random = np.random.default_rng(1)
    cycles = round(count / (rate * side * side))
    created, source = np.nonzero(random.random((cycles, side * side), np.float32) < rate)
    destination = random.integers(0, side * side, len(created))
    packets = {"created": created, "source": source, "destination": destination}
    chip = nc.chip("tiny", {"mesh.width": side, "mesh.height": side, "io": []})
    hops = int(nc.replay(packets, chip).hops.sum())
    took = seconds_of(lambda: nc.replay(packets, chip))
    name = f"replay: uniform {rate} on {side} x {side}, {len(created):,} packets"
    return [Figure(name, hops / took / 1e6, "Mhops/s", 27)]
