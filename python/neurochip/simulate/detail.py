"""Detail: the counters of a run by node, by link and by timestep; each adds up to the run's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .. import files
from ..errors import InputError
from ..reprs import counted

OF_THE_CHIP = frozenset({"timestep_cycles", "barrier_cycles", "waiting_cycles", "overruns"})
"""Counters that only a chip as a whole has."""

HIGHEST = "highest_"
"""How counters begin of which not the sum matters but the highest."""


@dataclass(frozen=True)
class Detail:
    """What happened where and when, over all samples of a run.

    Sums are those of the run's counters, for every counter but two kinds: of `highest_...` the
    highest is; and `spikes` here are those of cores, where the run counts those of its input too.
    """

    nodes: Mapping[str, NDArray[np.int64]]
    """(nodes,) each: counters of a node's core and router, and of the io ports beside it."""
    link_flits: NDArray[np.int64]
    """(nodes, 4): flits over the link from a node towards +x, -x, +y, -y."""
    output_blocked_cycles: NDArray[np.int64]
    """(nodes, 5): cycles in which a flit asked for an output of a router, the last one that to its
    core, and the queue after it was full."""
    timesteps: Mapping[str, NDArray[np.int64]]
    """(timesteps of the run,) each: counters of a timestep, in the order of time."""

    def __repr__(self) -> str:
        timesteps = len(next(iter(self.timesteps.values()), ()))
        return f"Detail({counted(len(self.link_flits), 'node')}, {counted(timesteps, 'timestep')})"

    def save(self, path: str | Path) -> None:
        """Writes all arrays as an `.npz`.

        Raises:
            InputError: If the file cannot be written.
        """
        with files.written(path, InputError) as file:
            self.write(file)

    def write(self, file: BinaryIO) -> None:
        """Writes all arrays into a file that is open: `nodes/sops`, `timesteps/sops` and so on."""
        arrays: dict[str, Any] = {
            **{f"nodes/{name}": column for name, column in self.nodes.items()},
            "link_flits": self.link_flits,
            "output_blocked_cycles": self.output_blocked_cycles,
            **{f"timesteps/{name}": column for name, column in self.timesteps.items()},
        }
        np.savez_compressed(file, **arrays)


def whole(batches: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Detail:
    """The detail of batches that ran one after the other.

    Args:
        batches: What the core reported of each: `nodes` and `timesteps`, one column per counter,
            and two arrays of router outputs.
        names: The counters, in the order of the columns.
    """
    nodes = np.stack([batch["nodes"] for batch in batches])
    total, highest = nodes.sum(axis=0), nodes.max(axis=0)
    by_node = {
        name: (highest if name.startswith(HIGHEST) else total)[:, column]
        for column, name in enumerate(names)
        if name not in OF_THE_CHIP
    }
    timesteps = np.concatenate([batch["timesteps"] for batch in batches])
    return Detail(
        nodes=by_node,
        link_flits=np.sum([batch["output_flits"][:, :4] for batch in batches], axis=0),
        output_blocked_cycles=np.sum([batch["output_blocked_cycles"] for batch in batches], axis=0),
        timesteps={name: timesteps[:, column] for column, name in enumerate(names)},
    )
