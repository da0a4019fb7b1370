"""What is to be lowered, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..chip import Chip
from ..graph import Graph
from .code_options import CodeOptions
from .settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A graph for the neurons of a chip, and what is decided about them."""

    graph: Graph
    """The network in integers."""
    chip: Chip
    """Its registers bound what neurons compute."""
    calibration: NDArray[Any] | None
    """Codes of the graph's input, (samples, *shape)."""
    settings: Settings
    """What is decided layer by layer."""
    pipeline: bool
    """Whether a sample may enter while others are in flight."""
    options: CodeOptions
    """What is decided about the code as a whole."""
    measure_sums: bool = False
    """Whether the sums of calibration samples are measured where nothing depends on them, too."""

    @property
    def buffers(self) -> int:
        """Buffers of a neuron: with two it sends one sample while it receives the next."""
        return int(self.chip.spec["core"]["buffers"])
