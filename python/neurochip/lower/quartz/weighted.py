"""Convolution, dense, average and max pooling as one population of Quartz neurons each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...layers import Weighted
from ...network import (
    Code,
    Connector,
    FirstSpike,
    PoolConnector,
    PopulationFacts,
    QuartzNeurons,
    Readout,
)
from ...network.populations import facts_of
from ..builder import Builder, connector_of, fold
from ..layout import NOWHERE, View, compressed
from ..weighted import BY_INTERVAL, bias_of
from .ramps import LevelSum, Ramps, RampTask, by_channel, fit_ramps
from .scaled_ramps import (
    fit_scaled_ramps,
    read_scale,
    rounded,
)


def first_spikes(code: Code | None) -> FirstSpike:
    """The code of a population of Quartz neurons that sends."""
    assert isinstance(code, FirstSpike)
    return code


def lower_weighted(builder: Builder, layer: Weighted) -> None:
    """Adds the layer's population and its projection."""
    tensor = layer.inputs[0]
    dense = isinstance(layer, layers.Dense)
    view = builder.views[tensor.name]
    view = builder.single(view, tensor) if dense else builder.natural(tensor)
    source, silent = first_spikes(builder.sent_by(view.parts[0])), view.neuron == NOWHERE
    bias = bias_of(layer) + fold(builder, layer, view)
    if layer.multiplier is None:
        nothing = np.zeros((1,) * bias.ndim, np.int64)
        task = LevelSum(layer, source, nothing, silent, builder.registers)
        lower_reader(builder, task, view, bias)
        return
    target = first_spikes(builder.code_for(layer.output))
    task = RampTask(layer, source, bias, silent, builder.registers, target)
    ramps, facts = _fit(builder, task)
    shape = layer.output.shape
    model = QuartzNeurons(
        compressed(ramps.bias, shape),
        compressed(ramps.slope, shape),
        compressed(ramps.threshold(target), shape),
    )
    population = builder.add(layer.output, layer.name, target, model, facts)
    builder.connect(
        view.parts[0], population.name, connector_with(builder, layer, view, ramps.weights)
    )


def _fit(builder: Builder, task: RampTask) -> tuple[Ramps, PopulationFacts]:
    """Ramps of the weights as they are, or, where these do not fit, scaled down."""
    layer, bits = task.layer, task.registers.membrane_bits
    ramps = fit_ramps(task)
    if ramps is not None:
        proof = ramps.proof
        exact = proof is not None and proof.exact and task.source.stride == task.target.stride == 1
        return ramps, facts_of(layer, "ramp", "exact", proof, proven=exact, membrane_bits=bits)
    codes, note = _calibration(builder, layer)
    ramps, scale = fit_scaled_ramps(task, codes, builder.settings.of(layer.name).headroom)
    facts = facts_of(
        layer, "scaled", "scaled", proven=False, s1=scale, membrane_bits=bits, note=note
    )
    return ramps, facts


def _calibration(builder: Builder, layer: Weighted) -> tuple[NDArray[Any] | None, str]:
    """The calibration samples' codes of a layer's input, and what to note if there are none."""
    if builder.calibration is None:
        return None, BY_INTERVAL
    return builder.calibration.of(layer.inputs[0]), ""


def connector_with(
    builder: Builder, layer: Weighted, view: View, weights: NDArray[np.int64]
) -> Connector:
    """The layer with other weights."""
    if isinstance(layer, layers.AveragePool):
        pool = connector_of(builder, layer, view)
        assert isinstance(pool, PoolConnector)
        return PoolConnector(pool.window, pool.weights * np.int32(weights[0]))
    return connector_of(builder, replace(layer, weights=weights.astype(np.int32)), view)


def lower_reader(builder: Builder, task: LevelSum, view: View, bias: NDArray[np.int64]) -> None:
    """Neurons whose membranes the host reads: sums of weights times levels, without the bias."""
    layer = task.layer
    codes, note = _calibration(builder, layer)
    scale = read_scale(task, codes, builder.settings.of(layer.name).headroom)
    weights = np.ones(1, np.int64)
    if not isinstance(layer, layers.AveragePool):
        weights = rounded(layer.weights * by_channel(scale, layer.weights.ndim))
    mode, told = ("scaled", note) if scale.min() < 1 else ("exact", "")
    add_reader(builder, task, view, bias, ReaderWeights(weights, scale, mode, told))


@dataclass(frozen=True, slots=True, eq=False)
class ReaderWeights:
    """Weights into neurons that the host reads."""

    weights: NDArray[np.int64]
    """Of the layer's weights, or the one weight of a pool."""
    scale: NDArray[np.float64]
    """By channel: what the layer's weights were multiplied by."""
    mode: str
    note: str = ""


def add_reader(
    builder: Builder, task: LevelSum, view: View, bias: NDArray[np.int64], scaled: ReaderWeights
) -> None:
    """Adds neurons that are read, and how the host makes accumulators of their membranes."""
    layer, shape, source = task.layer, task.layer.output.shape, task.source
    nothing = np.zeros(1, np.int64)
    model = QuartzNeurons(nothing, nothing, nothing)
    proven = source.codes_per_level == 1 and not source.early and scaled.mode == "exact"
    facts = facts_of(layer, scaled.mode, "exact", proven=proven, note=scaled.note)
    population = builder.add(layer.output, layer.name, None, model, facts)
    connector = connector_with(builder, layer, view, scaled.weights)
    builder.connect(view.parts[0], population.name, connector)
    s1 = by_channel(scaled.scale, len(shape)) / source.codes_per_level
    builder.readouts[population.name] = Readout(compressed(s1, shape), compressed(bias, shape))
