"""Max pooling: streaming elimination, one bit of the weight sum for each input of a window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .. import layers
from ..network import MaxPoolNeurons, PoolConnector, Population, Window
from ..network.populations import facts_of, keeps_codes
from .builder import Builder, Unsupported

MAX_INPUTS = 15
"""Inputs that own a bit of a 16-bit weight sum, its sign left alone."""


def lower_max_pool(builder: Builder, layer: layers.MaxPool) -> None:
    """Adds one population, or one along y and one along x where a window has too many inputs."""
    tensor = layer.inputs[0]
    source = builder.population(builder.natural(tensor).parts[0])
    window = Window(layer.kernel, layer.strides, (layer.pads[0], layer.pads[1]), layer.dilations)
    if window.kernel[0] * window.kernel[1] > MAX_INPUTS:
        source = _pool_along_y(builder, layer, source, window)
        window = replace(
            window,
            kernel=(1, window.kernel[1]),
            stride=(1, window.stride[1]),
            pad=(0, window.pad[1]),
            dilation=(1, window.dilation[1]),
        )
    _require_bits(window)
    facts = facts_of(layer, "streaming", proven=keeps_codes(source.code))
    target = builder.add(layer.output, layer.name, source.code, MaxPoolNeurons(), facts)
    builder.connect(source.name, target.name, _one_bit_each(window))


def _pool_along_y(
    builder: Builder, layer: layers.MaxPool, source: Population, window: Window
) -> Population:
    along_y = Window(
        (window.kernel[0], 1),
        (window.stride[0], 1),
        (window.pad[0], 0),
        (window.dilation[0], 1),
    )
    _require_bits(along_y)
    channels, height, _ = layer.output.shape
    name = builder.unused_name(f"{layer.name} along y")
    shape = height, source.shape[1], channels
    facts = facts_of(layer, "streaming", proven=keeps_codes(source.code))
    facts = replace(facts, tensor=None)
    target = Population(name, layer.name, shape, source.code, MaxPoolNeurons(), facts)
    builder.populations[name] = target
    builder.connect(source.name, name, _one_bit_each(along_y))
    return target


def _require_bits(window: Window) -> None:
    inputs = window.kernel[0] * window.kernel[1]
    if inputs > MAX_INPUTS:
        raise Unsupported(
            f"a window of {inputs} inputs along one axis; a 16-bit weight sum tells "
            f"{MAX_INPUTS} apart"
        )


def _one_bit_each(window: Window) -> PoolConnector:
    inputs = np.arange(window.kernel[0] * window.kernel[1], dtype=np.int32)
    return PoolConnector(window, np.left_shift(1, inputs).astype(np.int32).reshape(window.kernel))
