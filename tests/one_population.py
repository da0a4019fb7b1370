"""One layer of a compiled network by itself: its neurons get what the graph's integers say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurochip as nc
from neurochip.chip import Chip
from neurochip.interpret import Sent, interpret_one
from neurochip.layers import Layer
from neurochip.lower.layout import channels_last, natural_index

Codes = NDArray[Any]


def population_of(network: nc.Network, layer: Layer) -> Any:
    """The population that holds a layer's output; None where no neurons compute it."""
    held = (
        each
        for each in network.populations
        if each.layer == layer.name and each.facts.tensor == layer.output.name
    )
    return next(held, None)


def codes_computed(
    network: nc.Network, chip: Chip, layer: Layer, codes: Mapping[str, Codes]
) -> Codes:
    """(samples, *shape): the codes that a layer's neurons send for the codes of other tensors.

    Neurons between tensors, such as relays, repeat what their sources send. Where the host reads
    membranes, the codes are the accumulators that it forms of them.

    Args:
        network: Lowered for the chip.
        chip: Its registers are the neurons'.
        layer: Whose population is computed.
        codes: (samples, *shape) by name: of all tensors before the layer.
    """
    population = population_of(network, layer)
    sent = {name: _given(network, chip, name, codes) for name in _sources(network, population.name)}
    samples = len(next(iter(codes.values())))
    values = interpret_one(network, chip, population, sent, samples).values.astype(np.int64)
    if population.code is None:
        place = network.outputs.index(population.name)
        readout = next(each.readout for each in network.host.outputs if each.population == place)
        neurons = population.num_neurons
        s1, bias = np.resize(readout.s1, neurons), np.resize(readout.bias, neurons)
        own = np.rint(values / s1).astype(np.int64) + bias
    else:
        own = population.code.codes(values)
    return own[:, natural_index(layer.output.shape)]


def membranes(network: nc.Network, chip: Chip, layer: Layer, codes: Mapping[str, Codes]) -> Codes:
    """(samples, *shape): what the membranes of a layer's STEM neurons hold before requantizing."""
    population = population_of(network, layer)
    model = replace(population.model, requantizer=None)
    read = replace(population, code=None, model=model)
    sent = {name: _given(network, chip, name, codes) for name in _sources(network, read.name)}
    held = interpret_one(network, chip, read, sent, len(next(iter(codes.values())))).values
    return held[:, natural_index(layer.output.shape)]


def _sources(network: nc.Network, name: str) -> list[str]:
    return [each.source for each in network.projections if each.target == name]


def _given(network: nc.Network, chip: Chip, name: str, codes: Mapping[str, Codes]) -> Sent:
    population = network.population(name)
    samples = len(next(iter(codes.values())))
    if population.facts.tensor in codes:
        given = channels_last(codes[population.facts.tensor])
        return Sent(population.code, population.code.values(given))
    sent = {each: _given(network, chip, each, codes) for each in _sources(network, name)}
    return interpret_one(network, chip, population, sent, samples)
