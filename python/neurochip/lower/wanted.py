"""What is to be lowered, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..chip import Chip
from ..graph import Graph
from ..options import CompileOptions
from ..settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A graph for the neurons of a chip, and what is decided about them."""

    graph: Graph
    """The network in integers."""
    chip: Chip
    """Its registers bound what neurons compute."""
    calibration: NDArray[Any] | None
    """Codes of the graph's input, (samples, *shape)."""
    options: CompileOptions
    """As `decide` of this stage leaves them: nothing is left to the code or the chip."""

    @property
    def settings(self) -> Settings:
        """What is decided layer by layer."""
        assert isinstance(self.options.settings, Settings), "`decide` reads them"
        return self.options.settings

    @property
    def pipeline(self) -> bool:
        """Whether a sample may enter while others are in flight."""
        return self.options.pipeline

    @property
    def measure_sums(self) -> bool:
        """Whether sums of calibration samples are measured where nothing depends on them, too."""
        return self.options.measure_sums

    @property
    def buffers(self) -> int:
        """Buffers of a neuron: with two it sends one sample while it receives the next."""
        return int(self.chip.spec["core"]["buffers"])
