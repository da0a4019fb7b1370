"""Residual add and lookup: neurons with one synapse an input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..arithmetic import fma32
from ..errors import QuantizationError
from ..layers import Layer
from ..requantize import FixedAdd, Proof, fit_add, fit_fixed, from_table
from .builder import Builder, Unsupported, compressed
from .codes import choose_code
from .network import Fixed, Float32Add, Lowering, Population, SpikeCode, Stem, Table
from .views import NOWHERE
from .weighted import apply_fixed, rebase
from .weighted_populations import compressed_requantizer

PAIR_WEIGHT = 512
"""Weight of the second branch where one membrane holds two 8-bit codes side by side."""

PAIR_BITS = 20
"""Bits of such a membrane."""

ONE_LEVEL = 1
"""A multiplication that errs by more is another function, not a rounding of it."""


def lower_add(builder: Builder, layer: layers.Add) -> None:
    """Adds a population with one synapse from each branch."""
    views = [builder.views[tensor.name] for tensor in layer.inputs]
    zeros = [tensor.format.zero_point for tensor in layer.inputs]
    offsets = [builder.offsets(view, zero) for view, zero in zip(views, zeros, strict=True)]
    target = choose_code(layer.output)
    registers = builder.registers
    weights: tuple[int, int]
    requantizer: Float32Add | Fixed
    if registers.float32 and registers.membrane_bits >= PAIR_BITS:
        weights = (1, PAIR_WEIGHT)
        # The requantizer takes every value of a branch to be relative to this one base.
        bases = [builder.code_of(view.parts[0]).base for view in views]
        offsets = [o - (z - b) for o, z, b in zip(offsets, zeros, bases, strict=True)]
        requantizer = _float32_add(layer, (bases[0], bases[1]), target)
        proof = _proven(math.prod(tensor.high - tensor.low + 1 for tensor in layer.inputs))
    else:
        constants, proof = _fit_add(builder, layer)
        weights = constants.weights
        fixed = constants.requantizer
        requantizer = rebase(Fixed(fixed.multiplier, fixed.offset, fixed.shift), target.base)
        builder.arithmetic[layer.name] = FixedAddArithmetic(constants)
    bias = -(weights[0] * offsets[0] + weights[1] * offsets[1])
    population = _add_population(builder, layer, target, bias, requantizer, proof)
    for view, weight in zip(views, weights, strict=True):
        builder.connect_values(view, population.name, weight)


def _proven(reachable: int) -> Proof:
    """The proof of what computes the reference itself."""
    nothing = np.zeros(1, np.int64)
    return Proof(nothing, nothing + reachable, nothing)


def _float32_add(
    layer: layers.Add, bases: tuple[int, int], target: SpikeCode
) -> Float32Add:
    """The constants of QLinearAdd, formed in float32 in onnxruntime's order."""
    (first, second), output = (tensor.format for tensor in layer.inputs), layer.output.format
    ratio_a = np.float32(first.scale / output.scale)
    ratio_b = np.float32(second.scale / output.scale)
    inner = np.float32(ratio_b * np.float32(second.zero_point))
    fixed = np.float32(output.zero_point) - fma32(ratio_a, np.float32(first.zero_point), inner)
    return Float32Add(bases, (ratio_a, ratio_b), np.float32(fixed), -target.base)


def _fit_add(builder: Builder, layer: layers.Add) -> tuple[FixedAdd, Proof]:
    registers = builder.registers
    try:
        return fit_add(
            layer,
            registers.weight_bits,
            registers.multiplier_bits,
            min(registers.membrane_bits, registers.sum_bits),
        )
    except QuantizationError as error:
        raise Unsupported(str(error)) from error


@dataclass(frozen=True, slots=True, eq=False)
class FixedAddArithmetic:
    """A residual sum with integer branch weights."""

    constants: FixedAdd

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's codes."""
        result = self.constants.evaluate(codes[0], codes[1])
        clamped = np.clip(result, layer.output.low, layer.output.high)
        return np.asarray(clamped.astype(layer.output.format.dtype))


def lower_lookup(builder: Builder, layer: layers.Lookup) -> None:
    """Adds a population that maps each code, by a table of the soma or else by a multiplier."""
    tensor, output = layer.inputs[0], layer.output
    view = builder.single(builder.views[tensor.name], tensor)
    source, target = builder.code_of(view.parts[0]), choose_code(output)
    bias = np.where(view.neuron == NOWHERE, tensor.format.zero_point - source.base, 0)
    start = tensor.low - tensor.format.qmin
    table = layer.table[:, start : tensor.high - tensor.format.qmin + 1]
    table = np.clip(table, output.low, output.high)
    requantizer: Table | Fixed
    if builder.registers.tables:
        entries = np.ascontiguousarray(table - target.base, np.int32)
        requantizer = Table(entries, tensor.low - source.base)
        proof = _proven(table.size)
    else:
        fixed, proof = _fit_table(layer, table, builder.registers.multiplier_bits)
        builder.arithmetic[layer.name] = FixedLookupArithmetic(fixed)
        # The constants are for codes; the membrane holds codes less their base.
        moved = Fixed(
            fixed.multiplier, fixed.offset + source.base * fixed.multiplier, fixed.shift
        )
        requantizer = rebase(moved, target.base)
    population = _add_population(builder, layer, target, bias, requantizer, proof)
    builder.connect_values(view, population.name, 1)


def _fit_table(
    layer: layers.Lookup, table: NDArray[np.int32], multiplier_bits: int
) -> tuple[Fixed, Proof]:
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
    return Fixed(*(value.reshape(shape) for value in values)), proof


@dataclass(frozen=True, slots=True, eq=False)
class FixedLookupArithmetic:
    """A table as a multiplication."""

    constants: Fixed

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's codes."""
        return apply_fixed(self.constants, codes[0].astype(np.int64), layer)


def _add_population(
    builder: Builder,
    layer: layers.Add | layers.Lookup,
    target: SpikeCode,
    bias: NDArray[np.int64],
    requantizer: Float32Add | Fixed | Table,
    proof: Proof,
) -> Population:
    output = layer.output
    model = Stem(
        None,
        compressed(bias, output.shape),
        compressed_requantizer(requantizer, output.shape),
        output.low - target.base,
        output.high - target.base,
    )
    builder.lowerings.append(Lowering(layer.name, "exact", "exact", proof))
    return builder.add(output, layer.name, type(layer).__name__, target, model)
