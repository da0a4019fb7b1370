"""Neurons: one population with all that comes into it, ready to compute samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..lower.registers import Registers
from ..network import ConstantNeurons, Model, Population
from .arrivals import Arrivals


@dataclass(frozen=True, slots=True)
class Neurons:
    """A population, its sources and its synapses."""

    population: Population
    arrivals: Arrivals
    """Without triggers: what these send is no input."""
    registers: Registers

    @property
    def model(self) -> Model:
        """What each neuron does."""
        return self.population.model

    @property
    def first_arrival(self) -> int:
        """The first timestep in which a spike may arrive; 0 where nothing is connected."""
        starts = (branch.source.send_start + 1 for branch in self.arrivals.branches)
        return min(starts, default=0)

    def constants(self, values: NDArray[Any]) -> NDArray[Any]:
        """One for all, or one a neuron: from one for all, one a channel or one a neuron."""
        channels = self.population.shape[2]
        if len(values) == channels > 1:
            return np.tile(values, self.population.num_neurons // channels)
        return values


def is_trigger(population: Population) -> bool:
    """Whether its spikes tell Quartz neurons what to do in a timestep, and are no input."""
    return isinstance(population.model, ConstantNeurons) and population.steps == 1
