"""The walk over a network: what each population sends, sources before targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..lower.weighted import Registers
from ..network import (
    ConstantNeurons,
    InputNeurons,
    IntegrateFireNeurons,
    MaxPoolNeurons,
    Population,
    Projection,
    QuartzNeurons,
    StemNeurons,
)
from .integrate_fire import integrate_fire
from .max_pool import max_pool
from .quartz import quartz
from .spikes import Arrivals, Neurons, Sent, WiredSource, is_trigger, joined, sent_values
from .stem import stem
from .synapses import Synapses

CHUNK_NEURONS = 1 << 18
"""Neurons of all samples that are computed together: what they hold stays in a cache."""

MODELS: Mapping[type[Any], Callable[[Neurons, Sequence[Sent]], Sent]] = {
    StemNeurons: stem,
    MaxPoolNeurons: max_pool,
    QuartzNeurons: quartz,
    IntegrateFireNeurons: integrate_fire,
}
"""What a neuron model computes: one function each."""


class Interpretable(Protocol):
    """What is computed: a network, or what an image file says of it."""

    @property
    def populations(self) -> tuple[Population, ...]:
        """Sources before targets."""

    @property
    def projections(self) -> tuple[Projection, ...]:
        """Between them, in the order in which spikes of one timestep are added."""


def interpret(network: Interpretable, chip: Chip, values: NDArray[np.uint8]) -> dict[str, Sent]:
    """What the neurons of a compiled network do on its chip, in NumPy.

    Nothing of the graph is looked at: only populations, projections, codes and registers. It is
    what the core's machine of values computes, written a second time.

    Args:
        network: Populations with their models, and the projections between them.
        chip: Its registers are the neurons'.
        values: (samples, neurons of the input): what the input's neurons are given, in two's
            complement, as `Image.codes` says it.

    Returns:
        By population, what its neurons send, or their membranes where the host reads these.
    """
    sent: dict[str, Sent] = {}
    for population in network.populations:
        if isinstance(population.model, InputNeurons):
            assert population.code is not None, "the input sends what it is given"
            sent[population.name] = sent_values(population.code, values)
        else:
            sent[population.name] = interpret_one(network, chip, population, sent, len(values))
    return sent


def interpret_one(
    network: Interpretable,
    chip: Chip,
    population: Population,
    sent: Mapping[str, Sent],
    samples: int,
) -> Sent:
    """What the neurons of one population do for what its sources send.

    Args:
        network: Populations with their models, and the projections between them.
        chip: Its registers are the neurons'.
        population: The one that is computed; not the input.
        sent: What its sources send, by their names.
        samples: How many there are.

    Returns:
        What its neurons send, or their membranes where the host reads these.
    """
    if isinstance(population.model, ConstantNeurons):
        every_sample = np.broadcast_to(population.model.values, (samples, population.num_neurons))
        return Sent(population.code, every_sample)
    incoming = [each for each in network.projections if each.target == population.name]
    by_name = {each.name: each for each in network.populations}
    neurons = _neurons(population, incoming, by_name, Registers.of(chip))
    sources = [sent[branch.source.name] for branch in neurons.arrivals.branches]
    return _in_chunks(neurons, sources)


def _neurons(
    population: Population,
    incoming: Sequence[Projection],
    by_name: Mapping[str, Population],
    registers: Registers,
) -> Neurons:
    branches = []
    for projection in incoming:
        source = by_name[projection.source]
        if not is_trigger(source):
            synapses = Synapses(projection.connector, source.shape, population.shape)
            branches.append(WiredSource(source, synapses))
    arrivals = Arrivals(branches, registers, population.num_neurons)
    return Neurons(population, arrivals, registers)


def _in_chunks(neurons: Neurons, sources: Sequence[Sent]) -> Sent:
    """A population, some samples at a time."""
    compute, samples = MODELS[type(neurons.model)], len(sources[0].values)
    length = max(1, CHUNK_NEURONS // neurons.population.num_neurons)
    starts = range(0, max(1, samples), length)
    return joined(
        [
            compute(neurons, [each.of(slice(start, start + length)) for each in sources])
            for start in starts
        ]
    )
