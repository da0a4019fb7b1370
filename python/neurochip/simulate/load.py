"""Load: how busy every engine and every way of the network was, over all samples of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..reprs import counted

ENGINES = ("soma", "Send", "Receive")
"""Of a core, in the order of the columns of `Load.core_cycles`."""


@dataclass(frozen=True)
class Load:
    """Cycles of engines, and flits of router outputs; every run with cycles has it."""

    core_cycles: NDArray[np.int64]
    """(cores, 3): cycles in which the soma, Send and Receive of a core are busy."""
    output_flits: NDArray[np.int64]
    """(nodes, 5): flits through each output of a router: +x, -x, +y, -y, and to its cores."""

    def __repr__(self) -> str:
        return f"Load({counted(len(self.core_cycles), 'core')})"


def load_of(batches: Sequence[Mapping[str, Any]]) -> Load:
    """The load of batches that ran one after the other, from what the core reported of each."""
    return Load(
        core_cycles=np.sum([batch["cores"] for batch in batches], axis=0),
        output_flits=np.sum([batch["output_flits"] for batch in batches], axis=0),
    )
