"""Activity: how often the neurons of each population spike in a timestep, measured or stated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..interpret import interpret
from ..network import FirstSpike, Network

Activity: TypeAlias = Mapping[str, NDArray[np.float64]]
"""By population that sends: (timesteps of its window,) spikes of a neuron, on average."""

STATED = 0.25
"""Spikes of a neuron in a timestep where no samples tell: of trained networks 0.1 to 0.3."""

MEASURED_SAMPLES = 4
"""Samples that the activity is measured on: averages over whole populations hardly need more."""


def stated(network: Network) -> Activity:
    """The activity of a network of which there are no samples."""
    return {
        population.name: np.full(population.steps, _stated(population.code, population.steps))
        for population in network.populations
        if population.code is not None
    }


def _stated(code: Any, steps: int) -> float:
    """A first spike comes once in a window; a bit or a rate spikes in every step by chance."""
    return 1 / steps if isinstance(code, FirstSpike) else STATED


def measured(network: Network, chip: Chip, values: NDArray[np.uint8]) -> Activity:
    """The activity over samples, computed in NumPy.

    Args:
        network: What is placed.
        chip: Its registers are the neurons'.
        values: (samples, neurons of the input): what the input's neurons send, in two's complement.
    """
    sent = interpret(network, chip, values[:MEASURED_SAMPLES])
    return {
        name: np.array([each.spikes(step).mean() for step in range(each.code.steps)])
        for name, each in sent.items()
        if each.code is not None
    }
