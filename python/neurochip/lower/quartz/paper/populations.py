"""Layers of Quartz as published: ungated neurons, whose readouts and biases are spikes.

With strides c of the sources and d of the target, in codes a level, and the multiplier M,

    level = sum (w M c / d) u + (B M + zero point - base) / d

of which each weight is stored times a unit, which is the slope too. The bias is so many timesteps
of one unit: a spike of that level. The readout adds what the current lacks of the unit when every
synapse has spiked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .... import layers
from ....formats import Tensor
from ....layers import Layer, Weighted
from ....layers.add import add_constants
from ....network import (
    ConstantNeurons,
    FirstSpike,
    OneToOneConnector,
    Population,
    PopulationFacts,
    QuartzNeurons,
)
from ....network.populations import facts_of
from ...builder import Builder, Unsupported, fold
from ...layout import NOWHERE, View, compressed
from ...weighted import Registers, bias_of
from ..ramps import LevelSum, by_channel, with_weights
from ..scaled_ramps import rounded
from ..weighted import ReaderWeights, add_reader, connector_with, first_spikes, lower_reader
from .bias_spikes import BiasSpikes
from .integers import Integers

Sum: TypeAlias = Callable[[NDArray[Any]], NDArray[np.int64]]
"""From what arrives at (samples, *shape) to its weight sums."""


@dataclass(frozen=True, slots=True, eq=False)
class Wires:
    """Synapses from one tensor, before their weights are integers."""

    source: FirstSpike
    held: NDArray[np.bool_]
    weights: NDArray[np.float64]
    """Levels of the target for a level of the source."""
    largest_sum: float
    """Of the magnitudes of the weights into one neuron."""
    synapses: int
    """Of one neuron, at most."""
    weighted_with: Callable[[NDArray[np.int64]], Sum]
    connect: Callable[[str, NDArray[np.int64]], None]
    """Adds the projection into a population with stored weights."""

    def all_weights(self, stored: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of the output's shape: the sum of the stored weights into each neuron."""
        held = self.held[None].astype(np.int16)
        return np.asarray(self.weighted_with(stored)(held)[0])


def lower_weighted(builder: Builder, layer: Weighted, integers: Integers) -> None:
    """Adds the layer's population, its readout and its bias."""
    tensor = layer.inputs[0]
    view = builder.views[tensor.name]
    dense = isinstance(layer, layers.Dense)
    view = builder.single(view, tensor) if dense else builder.natural(tensor)
    source, held = first_spikes(builder.sent_by(view.parts[0])), view.neuron != NOWHERE
    total_bias = bias_of(layer) + fold(builder, layer, view)
    if layer.multiplier is None:
        nothing = np.zeros((1,) * total_bias.ndim, np.int64)
        task = LevelSum(layer, source, nothing, ~held, builder.registers)
        _add_reader(builder, task, view, total_bias, integers)
        return
    target = _target(builder, layer.output, [source])
    multiplier, weights = _real(layer)
    per_level = source.codes_per_level / target.codes_per_level
    rows = np.abs(weights).reshape(len(weights), -1) * per_level
    taps = layer.kernel[0] * layer.kernel[1] if isinstance(layer, layers.AveragePool) else 1
    largest, synapses = taps * float(rows.sum(axis=1).max()), taps * rows.shape[1]

    def connect(population: str, stored: NDArray[np.int64]) -> None:
        builder.connect(view.parts[0], population, connector_with(builder, layer, view, stored))

    def weighted_with(stored: NDArray[np.int64]) -> Sum:
        return with_weights(layer, stored)

    wires = Wires(source, held, weights * per_level, largest, synapses, weighted_with, connect)
    shift = layer.output.format.zero_point - target.base
    bias = (total_bias * multiplier + shift) / target.codes_per_level
    _add_neurons(builder, layer, [wires], bias, target, integers)


def _real(layer: Weighted) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The multiplier, broadcasting to the output's shape, and the weights times it.

    Raises:
        Unsupported: If neurons that share a weight have multipliers of their own.
    """
    assert layer.multiplier is not None, "the layer is requantized"
    multiplier = layer.multiplier.astype(np.float64)
    if isinstance(layer, layers.AveragePool):
        if multiplier.min() != multiplier.max():
            raise Unsupported(
                "averages over fewer values at the edge; their synapses share weights"
            )
        return multiplier.flat[:1], multiplier.flat[:1]
    along = by_channel(np.broadcast_to(multiplier, len(layer.weights)), len(layer.output.shape))
    return along, layer.weights * by_channel(along.ravel(), layer.weights.ndim)


def lower_add(builder: Builder, layer: layers.Add, integers: Integers) -> None:
    """Adds a population with one synapse from each branch."""
    views = [builder.single(builder.views[each.name], each) for each in layer.inputs]
    sources = [first_spikes(builder.sent_by(view.parts[0])) for view in views]
    target = _target(builder, layer.output, sources)
    formats = [tensor.format for tensor in layer.inputs]
    ratios = add_constants(formats[0], formats[1], layer.output.format, layer.sign)
    bias = np.full(layer.output.shape, layer.output.format.zero_point - target.base, np.float64)
    wires = []
    for view, tensor, source, ratio in zip(views, layer.inputs, sources, ratios, strict=False):
        bias -= float(ratio) * builder.offsets(view, tensor.format.zero_point)
        weight = float(ratio) * source.codes_per_level / target.codes_per_level
        wires.append(_one_to_one(builder, view, source, weight))
    _add_neurons(builder, layer, wires, bias / target.codes_per_level, target, integers)


def _one_to_one(builder: Builder, view: View, source: FirstSpike, weight: float) -> Wires:
    def connect(population: str, stored: NDArray[np.int64]) -> None:
        builder.connect_values(view, population, int(stored[0]))

    def weighted_with(stored: NDArray[np.int64]) -> Sum:
        return lambda arriving: stored[0] * arriving.astype(np.int64)

    held = view.neuron != NOWHERE
    return Wires(source, held, np.array([weight]), abs(weight), 1, weighted_with, connect)


def _target(builder: Builder, tensor: Tensor, sources: Sequence[FirstSpike]) -> FirstSpike:
    """What is sent: a neuron may fire as soon as the highest level of a source has arrived."""
    code = first_spikes(builder.code_for(tensor))
    return replace(code, early=max(source.highest for source in sources))


def _add_neurons(
    builder: Builder,
    layer: Layer,
    wires: Sequence[Wires],
    bias: NDArray[np.float64],
    target: FirstSpike,
    integers: Integers,
) -> None:
    """Adds ungated neurons with their biases."""
    spikes = BiasSpikes(rounded(bias), 1, min(each.source.levels for each in wires))
    unit = _unit(builder, wires, spikes.pieces, target, integers)
    spikes = replace(spikes, weight=unit)
    stored = [integers.stored(each.weights, unit) for each in wires]
    shape, all_weights = layer.output.shape, spikes.all_weights()
    for each, weights in zip(wires, stored, strict=True):
        all_weights = all_weights + each.all_weights(weights)
    lacking = np.broadcast_to(unit - all_weights, shape).astype(np.int64)
    threshold = integers.threshold(target.levels, unit)
    model = QuartzNeurons(
        np.zeros(1, np.int64),
        compressed(lacking, shape),
        np.array([threshold]),
        added_by=_synapses(lacking, builder.registers),
    )
    biases = _bias_population(builder, layer, spikes) if spikes.pieces else None
    note = integers.note([each.weights for each in wires])
    facts = facts_of(layer, integers.mode, "rounded", proven=False, note=note)
    population = builder.add(layer.output, layer.name, target, model, facts)
    for each, weights in zip(wires, stored, strict=True):
        each.connect(population.name, weights)
    if biases is not None:
        _connect_bias(builder, *biases, population, unit)


def _synapses(lacking: NDArray[np.int64], registers: Registers) -> int:
    """How many synapses bring what no single weight may hold."""
    return max(1, -(-int(np.abs(lacking).max()) // registers.weight_high))


def _unit(
    builder: Builder,
    wires: Sequence[Wires],
    pieces: int,
    target: FirstSpike,
    integers: Integers,
) -> int:
    """The largest that weights, their sums and ramps leave room for, if it is not given.

    Raises:
        Unsupported: If there is none, or sums do not fit with the one that is given.
    """
    registers = builder.registers
    largest = sum(each.largest_sum for each in wires) + pieces + 1
    levels = max(each.source.levels for each in wires)
    synapses = sum(each.synapses for each in wires)  # each is off by half a unit, or by one
    room = (1 << (registers.sum_bits - 1)) - 1 - synapses
    heaviest = max(float(np.abs(each.weights).max(initial=0)) for each in wires)
    ramp = target.levels + 2
    by_membrane = (registers.membrane_high - synapses * levels) / (largest * levels + ramp)
    unit = int(min(registers.weight_high / max(1.0, heaviest), room / largest, by_membrane))
    if integers.unit is not None:
        unit = integers.unit
        ends = integers.threshold(target.levels, unit)
        fits = unit <= room / largest and ends <= registers.membrane_high
    else:
        fits = unit >= 1
    if not fits:
        raise Unsupported(
            f"weights of up to {largest:.3g} in all times {unit} leave registers of "
            f"{registers.sum_bits} and {registers.membrane_bits} bits; take fewer levels (--t-max)"
        )
    return unit


def _bias_population(
    builder: Builder, layer: Layer, spikes: BiasSpikes
) -> tuple[Population, NDArray[np.int64]]:
    """Neurons that always send the biases, one row of them a piece; and the biases.

    There is one per channel, or one per neuron where biases differ within a channel.
    """
    few = compressed(spikes.levels, layer.output.shape)
    rows = replace(spikes, levels=few)
    values = np.stack([rows.sent(piece) for piece in range(spikes.pieces)])
    name = builder.unused_name(f"bias of {layer.name}")
    code = FirstSpike(spikes.most, 1, 0, zeros=True)
    facts = PopulationFacts("Bias", "exact", proven=True)
    population = Population(
        name, name, (1, 1, values.size), code, ConstantNeurons(values.ravel()), facts
    )
    builder.populations[name] = population
    return population, few


def _connect_bias(
    builder: Builder, biases: Population, few: NDArray[np.int64], target: Population, unit: int
) -> None:
    """Projections of one unit from the positive biases, and of a negative one from others."""
    column = np.arange(target.num_neurons) % len(few)  # channels come last
    for first in range(0, biases.num_neurons, len(few)):
        for sign, here in ((1, few >= 0), (-1, few < 0)):
            if here.any():
                index = np.where(here[column], first + column, NOWHERE).astype(np.int32)
                builder.connect(biases.name, target.name, OneToOneConnector(sign * unit, index))


def _add_reader(
    builder: Builder, task: LevelSum, view: View, bias: NDArray[np.int64], integers: Integers
) -> None:
    """Neurons whose membranes the host reads; with weights of all the bits there are."""
    layer = task.layer
    if integers.unit is None or isinstance(layer, layers.AveragePool):
        lower_reader(builder, task, view, bias)
        return
    largest = max(1, int(np.abs(layer.weights).max(initial=1)))
    weights = integers.stored(layer.weights / largest, integers.unit)
    scale = np.full(len(layer.weights), integers.unit / largest)
    add_reader(builder, task, view, bias, ReaderWeights(weights, scale, integers.mode))


def relay(builder: Builder, view: View, tensor: Tensor) -> Population:
    """Neurons that send what their sources send, one window later.

    Raises:
        Unsupported: If these do not have the same levels.
    """
    codes = {first_spikes(builder.sent_by(name)) for name in view.parts}
    code = codes.pop()
    if codes:
        raise Unsupported(
            f"{tensor.name!r} has parts with percentiles of their own, and no relay as published "
            "brings their levels together"
        )
    code = replace(code, waiting=0)
    zero = int(code.values(np.array(tensor.format.zero_point)))
    bias = np.where(view.neuron == NOWHERE, zero, 0).astype(np.int64)
    one = np.ones(1, np.int64)
    model = QuartzNeurons(compressed(bias, tensor.shape), one, code.steps_read_out * one)
    facts = PopulationFacts("Relay", "exact", proven=True)
    population = builder.add(tensor, f"relay of {tensor.name}", code, model, facts)
    for part, name in enumerate(view.parts):
        builder.connect(name, population.name, OneToOneConnector(1, view.sources_in(part)))
    return population
