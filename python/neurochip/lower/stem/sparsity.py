"""Sparsity: which populations leave spikes out, and what they send instead (neurons.md, 3.10).

Only neurons that generate a train of their own can: the input's spikes come from outside, maxima
and relays pass on what arrives, rearrangements have no neurons. What the host reads keeps all its
spikes: they reach no synapse, so that nothing would be saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import SettingsError
from ...network import Network, Population, Sparsity, SpikeCode, StemNeurons
from ...settings import LayerSettings, Settings
from ..schedule.relays import RELAY


def sparsified(network: Network, settings: Settings) -> Network:
    """The network with the RoT and DRLO of every layer; all else is as it was.

    Args:
        network: Lowered without sparsity.
        settings: Their default holds for the layers that can leave spikes out.

    Raises:
        SettingsError: All layers that cannot do what is decided for them, with the reasons.
    """
    populations = {population.name: population for population in network.populations}
    generating = generating_layers(network)
    problems = [
        f"{name!r} cannot leave spikes out: {_reason(network, name)}"
        for name, decided in settings.layers.items()
        if name not in generating and decided.leaves_spikes_out
    ]
    sparse = {
        layer: _Sparse.of(population, settings.of(layer))
        for layer, population in generating.items()
        if settings.of(layer).leaves_spikes_out
    }
    problems += [each.leaves_too_little() for each in sparse.values() if len(each.levels) < 2]
    if problems:
        raise SettingsError("\n".join(problems))
    for each in sparse.values():
        populations[each.population.name] = each.saturating()
    return replace(
        network,
        populations=tuple(populations.values()),
        notes=(*network.notes, *_notes(sparse.values())),
    )


def generating_layers(network: Network) -> Mapping[str, Population]:
    """The layers that can leave spikes out, each with the population that sends them."""
    return {
        population.layer: population
        for population in network.populations
        if isinstance(population.model, StemNeurons)
        and population.kind != RELAY
        and population.name not in network.outputs
    }


def _notes(sparse: Iterable[_Sparse]) -> Iterator[str]:
    """Each sparsity once, with the layers it is of."""
    layers: dict[str, list[str]] = {}
    for each in sparse:
        layers.setdefault(each.decided.sparsity, []).append(each.population.layer)
    return (f"spikes left out, {told}: {', '.join(names)}" for told, names in layers.items())


def levels_left(population: Population, decided: LayerSettings) -> int:
    """How many values a population can send with the spikes that settings leave it."""
    return len(_Sparse.of(population, decided).levels)


def _reason(network: Network, layer: str) -> str:
    kinds = {population.layer: population.kind for population in network.populations}
    if layer in (network.population(name).layer for name in network.outputs):
        return "the host reads it, its spikes reach no synapse"
    if layer not in kinds:
        return "it has no neurons"
    return f"its neurons ({kinds[layer]}) pass on what arrives"


@dataclass(frozen=True, slots=True)
class _Sparse:
    """A population, its code and its neurons, and which of their spikes are left out."""

    population: Population
    decided: LayerSettings
    code: SpikeCode
    neurons: StemNeurons
    sparsity: Sparsity
    levels: NDArray[np.int64]
    """The values it can send, ascending."""

    @staticmethod
    def of(population: Population, decided: LayerSettings) -> _Sparse:
        code, neurons = population.code, population.model
        assert isinstance(code, SpikeCode)
        assert isinstance(neurons, StemNeurons)
        sparsity = Sparsity(decided.rot, min(decided.drlo or code.bits, code.bits))
        values = np.arange(neurons.low, neurons.high + 1)
        levels = np.asarray(values[sparsity.sent(values, code) == values])
        return _Sparse(population, decided, code, neurons, sparsity, levels)

    def leaves_too_little(self) -> str:
        return (
            f"{self.population.layer!r} sends {self.code.bits} bits, of which "
            f"{self.decided.sparsity} leaves no two values apart"
        )

    def saturating(self) -> Population:
        """The population, saturating at its lowest and its highest level."""
        low, high = int(self.levels[0]), int(self.levels[-1])
        neurons = replace(self.neurons, low=low, high=high, sparsity=self.sparsity)
        facts = replace(self.population.facts, proven=False)
        return replace(self.population, model=neurons, facts=facts)
