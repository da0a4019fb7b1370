"""Windows of first spikes: when each population sends, and what reads it out.

A spike counts for as many timesteps as pass until its target is read out (quartz.md, section 2).
So all sources of a population end their windows together; a branch that is early is repeated by
relay neurons whose window is as long as it takes. In the timestep after that end a readout
arrives, and the population's own window begins: the one that neurons are gated to. Those that are
not may send before, as many timesteps as their code has early levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...network import (
    ConstantNeurons,
    DenseConnector,
    FirstSpike,
    InputNeurons,
    MaxPoolNeurons,
    OneToOneConnector,
    Population,
    PopulationFacts,
    Projection,
    QuartzNeurons,
)
from .pipeline import Pipeline, paced

TRIGGER = FirstSpike(levels=0, stride=1, base=0, zeros=True)
"""One timestep, in which the neuron spikes whatever happens."""


def first_spike_schedule(
    populations: Sequence[Population], projections: Sequence[Projection], buffers: int | None
) -> Pipeline:
    """Gives every population its window; adds relays, readouts and rectifiers.

    A maximum sends one timestep behind its source.

    Args:
        populations: Sources before targets.
        projections: Between them.
        buffers: Those of a neuron; None where samples do not overlap.
    """
    windows = _Windows(populations, projections)
    for population in populations:
        windows.add(population)
    placed = tuple(windows.placed.values())
    return paced(placed, tuple(windows.projections), buffers, tuple(windows.notes))


class _Windows:
    """Populations whose windows are known."""

    def __init__(
        self, populations: Sequence[Population], projections: Sequence[Projection]
    ) -> None:
        self.constants = {
            each.name: each for each in populations if isinstance(each.model, ConstantNeurons)
        }
        self.pending = projections
        self.placed: dict[str, Population] = {}
        self.projections: list[Projection] = []
        self.notes: list[str] = []
        self._relays: dict[tuple[str, int], str] = {}

    def add(self, population: Population) -> None:
        """Places a population behind its sources."""
        incoming = [each for each in self.pending if each.target == population.name]
        if isinstance(population.model, InputNeurons):
            self._place(population, 0)
        elif isinstance(population.model, ConstantNeurons):
            pass  # placed with its target, with whose other sources it ends
        elif isinstance(population.model, MaxPoolNeurons):
            self._place(population, self.placed[incoming[0].source].send_start + 1)
            self.projections += incoming
        else:
            stop = self._common_stop(
                [each.source for each in incoming if each.source not in self.constants]
            )
            for each in incoming:
                source = self._ending(stop, each.source)
                self.projections.append(replace(each, source=source))
            self._place_quartz(population, stop)

    def _place(self, population: Population, send_start: int) -> None:
        self.placed[population.name] = replace(population, send_start=send_start)

    def _place_quartz(self, population: Population, readout: int) -> None:
        """Triggers go before their target: sources come first."""
        assert isinstance(population.model, QuartzNeurons)
        neurons = max(1, population.model.added_by)
        triggers = [self._trigger("readout", population, readout, neurons)]
        code, start = population.code, readout
        if isinstance(code, FirstSpike):
            start = readout + code.steps_read_out - code.steps
            if code.zeros:
                last = readout + code.steps_read_out - 1
                triggers.append(self._trigger("rectifier", population, last))
        self._place(population, start)
        self.projections += triggers

    def _trigger(self, kind: str, target: Population, arrives: int, neurons: int = 1) -> Projection:
        """Neurons, each of whose spikes reaches every neuron of the target in a timestep."""
        name = f"{kind} of {target.name}"
        model = ConstantNeurons(np.zeros(neurons, np.int64))
        facts = PopulationFacts(kind.capitalize(), "exact", proven=True)
        trigger = Population(name, name, (1, 1, neurons), TRIGGER, model, facts)
        self._place(trigger, arrives - 1)
        ones = np.ones((neurons, target.shape[2]), np.int32)
        return Projection(name, target.name, DenseConnector(ones))

    def _common_stop(self, sources: Sequence[str]) -> int:
        """The earliest timestep by which all sources, some of them relayed, can be done."""
        placed = [self.placed[source] for source in sources]
        latest = max(source.send_stop for source in placed)
        if all(source.send_stop == latest or _relayed(source) <= latest for source in placed):
            return latest
        return max(_relayed(source) for source in placed)

    def _ending(self, stop: int, name: str) -> str:
        """The population, or a relay of it whose window ends when it should."""
        if name in self.constants:
            self._place(self.constants[name], stop - self.constants[name].steps)
            return name
        source = self.placed[name]
        if source.send_stop == stop:
            return name
        key = name, stop
        if key not in self._relays:
            self._relays[key] = self._relay(stop, source)
        return self._relays[key]

    def _relay(self, stop: int, source: Population) -> str:
        code = source.code
        assert isinstance(code, FirstSpike)
        name = f"relay of {source.name} to timestep {stop}"
        waiting = stop - _relayed(source)
        sent = replace(code, waiting=waiting)
        one = np.ones(1, np.int64)
        model = QuartzNeurons(bias=0 * one, slope=one, threshold=sent.steps_read_out * one)
        facts = PopulationFacts("Relay", "exact", proven=True)
        relay = Population(name, name, source.shape, sent, model, facts)
        self.projections.append(Projection(source.name, name, OneToOneConnector(1, None)))
        self._place_quartz(relay, source.send_stop)
        self.notes.append(
            f"{source.name!r} waits in {source.num_neurons} relay neurons, {sent.steps} timesteps"
        )
        return name


def _relayed(source: Population) -> int:
    """The earliest end of the window of a relay."""
    assert isinstance(source.code, FirstSpike)
    return source.send_stop + source.code.levels + 1
