"""Exact: a network in exact integers, whose layers may send something else than their values.

For questions that the chip has no setting for, such as another way of rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ... import interpret
from ...chip import load as load_chip
from ...graph import Graph
from ...lower import Network, lower
from ...lower.layout import channels_last
from ...lower.schedule.relays import RELAY
from ...lower.stem.codes import generating_layers
from ...network import InputNeurons, Population, SpikeCode
from ..spikes import Values, sops_by_layer, stem_code
from .chips import IDEAL

Sent: TypeAlias = Callable[[Values, SpikeCode], Values]
"""What is sent instead of values."""

Codes: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Sending:
    """What a network sends for some samples, and what comes out."""

    values: Mapping[str, Values]
    """(samples, neurons) by population that sends, but for relays, which repeat what arrives."""
    outputs: Codes
    """(samples, *shape): the output's codes."""


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """A network on registers that hold every sum."""

    network: Network
    graph: Graph

    @staticmethod
    def of(graph: Graph) -> Exact:
        """Lowered for the chip `ideal`, with all its spikes."""
        return Exact(lower(graph, load_chip(IDEAL), "stem"), graph)

    @property
    def hidden(self) -> tuple[str, ...]:
        """The layers that can leave spikes out, in the order of the network."""
        generating = generating_layers(self.network)
        return tuple(each.name for each in self.graph.layers if each.name in generating)

    @property
    def input(self) -> str:
        """The name of the input's tensor."""
        return self.graph.input.name

    @property
    def first(self) -> tuple[str, ...]:
        """The layers that the input's spikes reach."""
        network = self.network
        return tuple(
            network.population(each.target).layer
            for each in network.projections
            if isinstance(network.population(each.source).model, InputNeurons)
        )

    @property
    def output(self) -> str:
        """The layer that the host reads."""
        return self.network.population(self.network.output).layer

    def sends(self, codes: Codes, instead: Mapping[str, Sent]) -> Sending:
        """Evaluates samples.

        Args:
            codes: (samples, *shape) of the input, from `Graph.quantize`.
            instead: By layer, and by the input's name: what is sent instead of its values.
        """
        network, chip, sent = self.network, load_chip(IDEAL), dict[str, interpret.Sent]()
        for population in network.populations:
            name, code = population.name, population.code
            if isinstance(population.model, InputNeurons):
                given = stem_code(population).values(channels_last(codes))
                own = interpret.Sent(code, given)
            else:
                own = interpret.interpret_one(network, chip, population, sent, len(codes))
            if self._name(population) in instead and population.kind != RELAY:
                change = instead[self._name(population)]
                own = interpret.Sent(code, self._changed(population, own.values, change))
            sent[name] = own
        values = {
            each.name: sent[each.name].values.astype(np.int16)
            for each in network.populations
            if isinstance(each.code, SpikeCode) and each.kind != RELAY
        }
        reading, read = network.host.outputs[0], sent[network.output].values
        return Sending(values, reading.codes(reading.read(read.astype(np.int64))))

    def sops_by_layer(self, values: Mapping[str, Values]) -> dict[str, float]:
        """SOPs of a sample into each layer, the mean."""
        return sops_by_layer(self.network, values)

    def sops(self, values: Mapping[str, Values]) -> float:
        """SOPs of a sample into all layers."""
        return sum(self.sops_by_layer(values).values())

    def _name(self, population: Population) -> str:
        """The layer of a population, or the input's name."""
        return self.input if isinstance(population.model, InputNeurons) else population.layer

    def _changed(self, population: Population, values: Codes, change: Sent) -> Codes:
        """What is sent instead, as far as the tensor's codes go."""
        graph, code = self.graph, stem_code(population)
        tensors = (graph.input, *(layer.output for layer in graph.layers))
        tensor = next(each for each in tensors if each.name == population.facts.tensor)
        low, high = tensor.low - code.base, tensor.high - code.base
        return np.clip(change(values.astype(np.int16), code), low, high)
