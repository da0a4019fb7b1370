"""Populations: neurons of one model with one schedule, and how the host reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .by_value import ByValue
from .facts import PopulationFacts
from .neurons import Model
from .spike_codes import Code
from .stored import host

NOWHERE = -1
"""In an index of neurons: a value that no neuron holds, which is the zero point."""

Shape: TypeAlias = tuple[int, int, int]
"""Height, width, channels: neuron index `(y * width + x) * channels + channel`."""


@dataclass(frozen=True, slots=True)
class Population:
    """Neurons of one model with one schedule."""

    name: str
    layer: str = field(metadata=host())
    shape: Shape
    code: Code | None
    """None where the host reads the membrane."""
    model: Model
    facts: PopulationFacts = field(metadata=host())
    """What is proven of it, or was measured as it was lowered."""
    send_start: int = 0
    """Timestep of the first bit it sends, or, for a membrane that is read, of its last update."""

    @property
    def kind(self) -> str:
        """What the layer is, such as `Convolution`."""
        return self.facts.kind

    @property
    def model_name(self) -> str:
        """What its model is called in an image, such as `stem`."""
        return self.model.VARIANT["model"]

    @property
    def steps(self) -> int:
        """Timesteps in which it sends."""
        return self.code.steps if self.code else 0

    @property
    def send_stop(self) -> int:
        """The timestep after the last in which it sends."""
        return self.send_start + self.steps

    @property
    def num_neurons(self) -> int:
        """Number of neurons."""
        height, width, channels = self.shape
        return height * width * channels


@dataclass(frozen=True, slots=True, eq=False)
class Readout(ByValue):
    """How the host turns membranes it reads into accumulators: `rne(H / s1) + bias`."""

    s1: NDArray[np.float64]
    bias: NDArray[np.int64]
    """Both: one, one per channel or one per neuron."""

    def accumulators(self, membranes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The accumulators of neurons, from their membranes; `bias` broadcasts against them."""
        return np.rint(membranes / self.s1).astype(np.int64) + self.bias
