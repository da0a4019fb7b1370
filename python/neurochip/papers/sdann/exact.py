"""Exact: a network in exact integers, whose layers may send something else than their values.

For questions that the chip has no setting for, such as another way of rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...chip import load as load_chip
from ...formats import Tensor
from ...graph import Graph
from ...lower import Network, lower
from ...lower.layout import channels_last
from ...lower.schedule.relays import RELAY
from ...lower.stem.sparsity import SparseArithmetic, generating_layers
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
        network, graph = self.network, self.graph
        if self.input in instead:
            table = self._table(graph.input, self._code(self.input), instead[self.input])
            codes = table[codes.astype(np.intp) - graph.input.low]
        changed = {
            layer.name: SparseArithmetic(
                network.arithmetic.get(layer.name),
                self._table(layer.output, self._code(layer.name), instead[layer.name]),
            )
            for layer in graph.layers
            if layer.name in instead
        }
        found = graph.evaluate(codes, {**network.arithmetic, **changed})
        return Sending(self._values(found), found[graph.output.name])

    def sops_by_layer(self, values: Mapping[str, Values]) -> dict[str, float]:
        """SOPs of a sample into each layer, the mean."""
        return sops_by_layer(self.network, values)

    def sops(self, values: Mapping[str, Values]) -> float:
        """SOPs of a sample into all layers."""
        return sum(self.sops_by_layer(values).values())

    def _code(self, layer: str) -> SpikeCode:
        """That of a layer's population, or of the input's."""
        wanted = (each for each in self.network.populations if self._name(each) == layer)
        return stem_code(next(wanted))

    def _name(self, population: Population) -> str:
        """The layer of a population, or the input's name."""
        return self.input if isinstance(population.model, InputNeurons) else population.layer

    @staticmethod
    def _table(tensor: Tensor, code: SpikeCode, sent: Sent) -> Codes:
        """The code sent for each of a tensor's codes, counted from its smallest."""
        codes = np.arange(tensor.low, tensor.high + 1)
        values = sent((codes - code.base).astype(np.int16), code) + code.base
        return np.clip(values, tensor.low, tensor.high).astype(tensor.format.dtype)

    def _values(self, found: Mapping[str, Codes]) -> dict[str, Values]:
        graph = self.graph
        tensors = {layer.name: layer.output.name for layer in graph.layers}
        values = {}
        for population in self.network.populations:
            if isinstance(population.code, SpikeCode) and population.kind != RELAY:
                name = self._name(population)
                own = channels_last(found[tensors.get(name, name)]).astype(np.int16)
                values[population.name] = own - np.int16(population.code.base)
        return values
