"""Residual add and lookup: neurons with one synapse an input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...errors import QuantizationError
from ...formats import Tensor
from ...layers.add import add_constants
from ...network import (
    AddRequantizer,
    DoubleIntegration,
    FixedRequantizer,
    Population,
    PopulationFacts,
    SpikeCode,
    TableRequantizer,
)
from ...network.populations import facts_of
from ...requantize import FixedAdd, Proof, fit_add, fit_fixed, from_table
from ..builder import Builder, Unsupported
from ..layout import NOWHERE, View, stem
from ..weighted import ONE_LEVEL, Registers, register_bits
from .branches import Branch, Branches, bias_of_branches, largest_possible, largest_seen
from .modes import doubled
from .weighted import nothing_differs

PAIR_WEIGHT = 512
"""Weight of the second branch where one membrane holds two 8-bit codes side by side."""

PAIR_BITS = 20
"""Bits of such a membrane."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shared:
    """How two branches share one membrane."""

    branches: Branches
    bias: NDArray[np.int64]
    requantizer: AddRequantizer | FixedRequantizer
    proof: Proof


def lower_add(builder: Builder, layer: layers.Add) -> None:
    """Adds a population with one synapse from each branch."""
    first, second = (builder.views[tensor.name] for tensor in layer.inputs)
    views = builder.apart(first, second)
    registers, integration = builder.registers, None
    if builder.settings.of(layer.name).integration == "double":
        registers, integration = doubled(registers), DoubleIntegration()
    if registers.float32 and registers.membrane_bits >= PAIR_BITS:
        shared = _side_by_side(builder, layer, views)
    else:
        shared = _summed(builder, layer, views, registers)
    facts = _facts(builder, layer, shared, registers, integration)
    population = _add_population(
        builder, layer, shared.bias, shared.requantizer, facts, integration
    )
    for branch in shared.branches:
        builder.connect_values(branch.view, population.name, branch.weight)


def _facts(
    builder: Builder,
    layer: layers.Add,
    shared: _Shared,
    registers: Registers,
    integration: DoubleIntegration | None,
) -> PopulationFacts:
    """What is reported of the membrane that both branches share."""
    branches, calibration = shared.branches, builder.calibration
    possible, seen = largest_possible(branches), None
    if calibration is not None and calibration.measures_all_sums:
        codes = [calibration.of(tensor) for tensor in layer.inputs]
        seen = largest_seen(branches, shared.bias, codes)
    return facts_of(
        layer,
        "exact" if integration is None else "double",
        "exact",
        shared.proof,
        proven=isinstance(shared.requantizer, AddRequantizer),
        largest_seen=seen,
        largest_possible=possible,
        membrane_bits=registers.membrane_bits,
        headroom_bits=registers.headroom_bits(possible if seen is None else seen),
        bias_bits=register_bits(shared.bias),
    )


def _side_by_side(builder: Builder, layer: layers.Add, views: tuple[View, ...]) -> _Shared:
    """Two codes in one membrane, for a requantizer that adds them in float32."""
    # The requantizer takes every value of a branch to be relative to this one base.
    bases = (builder.code_of(views[0].parts[0]).base, builder.code_of(views[1].parts[0]).base)
    reachable = math.prod(tensor.high - tensor.low + 1 for tensor in layer.inputs)
    proof = nothing_differs(np.array([reachable]))
    branches = _branches(builder, layer, views, (1, PAIR_WEIGHT), bases)
    return _Shared(branches, bias_of_branches(branches), _float32_add(builder, layer, bases), proof)


def _summed(
    builder: Builder, layer: layers.Add, views: tuple[View, ...], registers: Registers
) -> _Shared:
    """A weighted sum of both branches, for a requantizer that multiplies."""
    largest = [
        max(_largest_partial(builder.code_of(part), tensor) for part in view.parts)
        for view, tensor in zip(views, layer.inputs, strict=True)
    ]
    constants, proof = _fit_add(registers, layer, (largest[0], largest[1]))
    found = constants.requantizer
    fixed = FixedRequantizer(found.multiplier, found.offset, found.shift)
    zeros = (layer.inputs[0].format.zero_point, layer.inputs[1].format.zero_point)
    branches = _branches(builder, layer, views, constants.weights, zeros)
    requantizer = fixed.lowered(builder.choose_code(layer.output).base)
    return _Shared(branches, bias_of_branches(branches), requantizer, proof)


def _branches(
    builder: Builder,
    layer: layers.Add,
    views: tuple[View, ...],
    weights: tuple[int, int],
    zeros: tuple[int, int],
) -> Branches:
    """Both inputs, each with its weight and the code that stands for 0."""
    first, second = (
        Branch.of(builder, *branch)
        for branch in zip(layer.inputs, views, weights, zeros, strict=True)
    )
    return first, second


def _float32_add(builder: Builder, layer: layers.Add, bases: tuple[int, int]) -> AddRequantizer:
    """The constants of QLinearAdd for values relative to these bases."""
    first, second = (tensor.format for tensor in layer.inputs)
    ratio_a, ratio_b, offset = add_constants(first, second, layer.output.format, layer.sign)
    return AddRequantizer(
        bases, (ratio_a, ratio_b), offset, -builder.choose_code(layer.output).base
    )


def _largest_partial(code: SpikeCode, tensor: Tensor) -> int:
    """The largest magnitude that a train has carried after any step, or its offset has."""
    zero_point = tensor.format.zero_point
    reached = (code.low, tensor.high - code.base, *tensor.value_range, zero_point - code.base)
    return max(abs(value) for value in reached)


def _fit_add(
    registers: Registers, layer: layers.Add, largest: tuple[int, int]
) -> tuple[FixedAdd, Proof]:
    # Both branches may spike in one timestep: two weights fit its sum, the membrane whole trains.
    weight_bits = min(registers.weight_bits, registers.sum_bits - 1)
    try:
        return fit_add(
            layer,
            weight_bits,
            registers.multiplier_bits,
            registers.membrane_bits,
            largest,
        )
    except QuantizationError as error:
        raise Unsupported(str(error)) from error


def lower_lookup(builder: Builder, layer: layers.Lookup) -> None:
    """Adds a population that maps each code, by a table of the soma or else by a multiplier."""
    tensor, output = layer.inputs[0], layer.output
    view = builder.single(builder.views[tensor.name], tensor)
    source, target = builder.code_of(view.parts[0]), builder.choose_code(output)
    bias = np.where(view.neuron == NOWHERE, tensor.format.zero_point - source.base, 0)
    table = _reachable(layer)
    requantizer: TableRequantizer | FixedRequantizer
    if builder.registers.tables:
        entries = _by_neuron_channel(table - target.base, output.shape)
        requantizer = TableRequantizer(entries, tensor.low - source.base)
        proof = nothing_differs(np.array([table.size]))
    else:
        fixed, proof = _fit_table(layer, table, builder.registers.multiplier_bits)
        # The constants are for codes; the membrane holds codes less their base.
        offset = fixed.offset + source.base * fixed.multiplier
        requantizer = FixedRequantizer(fixed.multiplier, offset, fixed.shift).lowered(target.base)
    proven = isinstance(requantizer, TableRequantizer)
    facts = facts_of(layer, "exact", "exact", proof, proven=proven)
    population = _add_population(builder, layer, bias, requantizer, facts)
    builder.connect_values(view, population.name, 1)


def _by_neuron_channel(rows: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """The rows, one in all or one for each channel of the neurons.

    Only a tensor of three axes has its channels as channels of neurons: the neurons of any other
    lie in one row, each a channel of its own.
    """
    if len(rows) > 1 and len(shape) != 3:
        rows = np.repeat(rows, math.prod(shape[1:]), axis=0)
    return np.ascontiguousarray(rows, np.int32)


def _reachable(layer: layers.Lookup) -> NDArray[np.int32]:
    """The table's entries for the codes that can occur."""
    tensor = layer.inputs[0]
    entries = slice(tensor.low - tensor.format.qmin, tensor.high - tensor.format.qmin + 1)
    return np.clip(layer.table[:, entries], layer.output.low, layer.output.high)


def _fit_table(
    layer: layers.Lookup, table: NDArray[np.int32], multiplier_bits: int
) -> tuple[FixedRequantizer, Proof]:
    try:
        constants, proof = fit_fixed(from_table(table, layer.inputs[0].low), multiplier_bits)
    except QuantizationError as error:
        raise Unsupported(str(error)) from error
    worst = int(proof.worst_levels.max())
    if worst > ONE_LEVEL:
        raise Unsupported(
            f"its table of {table.shape[1]} entries is no multiplication (off by up to {worst} "
            "levels), and the soma of this chip holds no table; chip 'ideal' does"
        )
    shape = (-1,) + (1,) * (len(layer.output.shape) - 1)
    values = (constants.multiplier, constants.offset, constants.shift)
    return FixedRequantizer(*(value.reshape(shape) for value in values)), proof


def _add_population(
    builder: Builder,
    layer: layers.Add | layers.Lookup,
    bias: NDArray[np.int64],
    requantizer: AddRequantizer | FixedRequantizer | TableRequantizer,
    facts: PopulationFacts,
    integration: DoubleIntegration | None = None,
) -> Population:
    target = builder.choose_code(layer.output)
    model = stem(layer.output, target, bias, requantizer, integration)
    return builder.add(layer.output, layer.name, target, model, facts)
