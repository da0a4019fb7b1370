"""Residual add and lookup: Quartz neurons with one synapse an input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import layers
from ...errors import QuantizationError
from ...layers.add import add_constants
from ...network import FirstSpike, QuartzNeurons
from ...network.populations import facts_of
from ...requantize import Proof, Ramp, RampAdd, fit_ramp_add, fit_ramps_together, from_table
from ..builder import Builder, Unsupported
from ..layout import NOWHERE, compressed
from ..weighted import ONE_LEVEL, Registers
from .ramps import MAX_MULTIPLIER
from .weighted import first_spikes


def lower_add(builder: Builder, layer: layers.Add) -> None:
    """Adds a population with one synapse from each branch."""
    views = [builder.single(builder.views[each.name], each) for each in layer.inputs]
    codes = [first_spikes(builder.sent_by(view.parts[0])) for view in views]
    target = first_spikes(builder.code_for(layer.output))
    constants, proof = _fit_add(builder.registers, layer, codes, target)
    bias = np.zeros(layer.output.shape, np.int64)
    for view, tensor, code, weight in zip(
        views, layer.inputs, codes, constants.weights, strict=True
    ):
        zero = int(code.values(np.array(tensor.format.zero_point)))
        bias += np.where(view.neuron == NOWHERE, weight * zero, 0)
    slope = np.array([constants.slope])
    threshold = np.array([constants.threshold])
    model = QuartzNeurons(compressed(bias, layer.output.shape), slope, threshold)
    facts = facts_of(layer, "ramp", "exact", proof, proven=False)
    population = builder.add(layer.output, layer.name, target, model, facts)
    for view, weight in zip(views, constants.weights, strict=True):
        builder.connect_values(view, population.name, weight)


def _fit_add(
    registers: Registers, layer: layers.Add, codes: Sequence[FirstSpike], target: FirstSpike
) -> tuple[RampAdd, Proof]:
    first, second = (
        code.codes(np.arange(code.levels + 1)) - tensor.format.qmin
        for code, tensor in zip(codes, layer.inputs, strict=True)
    )
    wanted = target.values(layer.table()[np.ix_(first, second)])
    formats = [tensor.format for tensor in layer.inputs]
    scales = add_constants(formats[0], formats[1], layer.output.format, layer.sign)
    ratios = [
        float(scale) * code.stride / target.stride
        for scale, code in zip(scales, codes, strict=False)
    ]
    try:
        return fit_ramp_add(
            wanted,
            target.levels,
            (ratios[0], ratios[1]),
            (1 << (registers.weight_bits - 1)) - 1,
            registers.membrane_high,
        )
    except QuantizationError as error:
        raise Unsupported(str(error)) from error


def lower_lookup(builder: Builder, layer: layers.Lookup) -> None:
    """Adds a population that climbs as the table does; one that falls is refused."""
    tensor, output = layer.inputs[0], layer.output
    view = builder.single(builder.views[tensor.name], tensor)
    source = first_spikes(builder.sent_by(view.parts[0]))
    target = first_spikes(builder.code_for(output))
    ramp, proof = _fit_table(builder.registers, layer, source, target)
    zero = int(source.values(np.array(tensor.format.zero_point)))
    held = np.where(view.neuron == NOWHERE, zero * int(ramp.multiplier[0]), 0)
    along = (-1,) + (1,) * (len(output.shape) - 1)
    slope, threshold = (
        compressed(np.broadcast_to(values.reshape(along), output.shape), output.shape)
        for values in (ramp.slope, target.steps * ramp.slope - ramp.offset)
    )
    model = QuartzNeurons(compressed(held, output.shape), slope, threshold)
    facts = facts_of(layer, "ramp", "exact", proof, proven=False)
    population = builder.add(output, layer.name, target, model, facts)
    builder.connect_values(view, population.name, int(ramp.multiplier[0]))


def _fit_table(
    registers: Registers, layer: layers.Lookup, source: FirstSpike, target: FirstSpike
) -> tuple[Ramp, Proof]:
    held = source.codes(np.arange(source.levels + 1)) - layer.inputs[0].format.qmin
    table = target.values(np.clip(layer.table[:, held], layer.output.low, layer.output.high))
    steepest = source.levels + target.steps + 2
    largest = min(
        (1 << (registers.weight_bits - 1)) - 1,
        registers.membrane_high // (steepest * max(1, source.levels)),
        MAX_MULTIPLIER,
    )
    try:
        staircase = from_table(table.astype(np.int64), 0, (0, target.levels))
        ramp, proof = fit_ramps_together(staircase, max(1, largest))
    except QuantizationError as error:
        raise Unsupported(str(error)) from error
    worst = int(proof.worst_levels.max())
    if worst > ONE_LEVEL:
        raise Unsupported(
            f"its table of {table.shape[1]} entries is no ramp (off by up to {worst} levels), "
            "and a Quartz neuron holds no table"
        )
    return ramp, proof
