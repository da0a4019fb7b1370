"""Spikes: what every neuron sent, and how many synapses each of its spikes reaches.

The law that SOPs are counted against: a layer's SOPs are the spikes of its sources times their
fan-out into the layer (docs/neurons.md, section 4). Other codes of the same values are counted by
it, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _core, layers
from ..image import Image
from ..lower.schedule.relays import RELAY
from ..network import (
    Connector,
    ConvolutionConnector,
    DenseConnector,
    Network,
    OneToOneConnector,
    Population,
    SpikeCode,
    Window,
)
from ..simulate.waiting import finished

Values: TypeAlias = NDArray[np.int16]

CountSpikes: TypeAlias = Callable[[Population, Values], NDArray[np.int64]]
"""How many spikes a code, or a setting, sends for the values that a population sends in STEM."""

WEIGHTED = (layers.Convolution, layers.Dense)

BITS_SET = np.array([bin(value).count("1") for value in range(256)])


def sent(image: Image, samples: NDArray[np.float32], threads: int | None) -> dict[str, Values]:
    """(samples, neurons) by population: the value that each neuron sent, as the core recorded it.

    Raises:
        Interrupted: On Ctrl-C.
    """
    codes = np.ascontiguousarray(image.codes(samples))
    workers = threads or os.cpu_count() or 1
    job = _core.Simulator(image.core).start(codes, cycles=False, record=True, threads=workers)
    record = finished(job, lambda done: None, 0, len(samples))["codes"]
    return {
        each.name: each.code.read(own).astype(np.int16)
        for each, own in image.by_population(record)
        if each.code is not None
    }


def stem_code(source: Population) -> SpikeCode:
    """The code of a population of STEM that sends."""
    assert isinstance(source.code, SpikeCode)
    return source.code


def bits(values: Values, code: SpikeCode) -> NDArray[np.int16]:
    """The trains of values, as numbers: their bits, in two's complement if the code is signed."""
    return values & np.int16((1 << code.bits) - 1)


def stem_spikes(source: Population, values: Values) -> NDArray[np.int64]:
    """STEM: the bits that are set."""
    return np.asarray(BITS_SET[bits(values, stem_code(source))])


def sops_by_layer(
    network: Network, values: Mapping[str, Values], count: CountSpikes = stem_spikes
) -> dict[str, float]:
    """SOPs of a sample into each layer that has synapses, the mean over the samples of `values`.

    Args:
        network: Whose synapses they are.
        values: What each population sends, as from `sent`.
        count: How many spikes a neuron sends for its value.
    """
    sops: dict[str, float] = {}
    for source, target, synapses in reaches(network):
        own = values[source.name]
        into = int(count(source, own).sum(axis=0) @ synapses)
        sops[target.layer] = sops.get(target.layer, 0.0) + into / len(own)
    return sops


def macs_by_layer(network: Network) -> dict[str, int]:
    """Weights that convolutions and matrix products apply to one sample, padding left out."""
    weighted = {cls.__name__ for cls in WEIGHTED}
    macs: dict[str, int] = {}
    for _, target, synapses in reaches(network):
        if target.kind in weighted:
            macs[target.layer] = macs.get(target.layer, 0) + int(synapses.sum())
    return macs


def reaches(network: Network) -> Iterator[tuple[Population, Population, NDArray[np.int64]]]:
    """Each source and target but relays, with the fan-out of each source neuron into the target."""
    for projection in network.projections:
        source = network.population(projection.source)
        target = network.population(projection.target)
        if RELAY not in (source.kind, target.kind):
            yield source, target, fanout(projection.connector, source, target)


def fanout(connector: Connector, source: Population, target: Population) -> NDArray[np.int64]:
    """(source neurons,): how many synapses each has onto a target."""
    if isinstance(connector, DenseConnector):
        return np.full(source.num_neurons, target.num_neurons, np.int64)
    if isinstance(connector, OneToOneConnector):
        if connector.index is None:
            return np.ones(source.num_neurons, np.int64)
        held = connector.index[connector.index >= 0]
        return np.bincount(held, minlength=source.num_neurons).astype(np.int64)
    height, width, channels = source.shape
    rows = _windows_over(height, target.shape[0], connector.window, 0)
    columns = _windows_over(width, target.shape[1], connector.window, 1)
    each = target.shape[2] // connector.groups if isinstance(connector, ConvolutionConnector) else 1
    return np.repeat(np.outer(rows, columns).ravel() * each, channels)


def _windows_over(length: int, windows: int, window: Window, axis: int) -> NDArray[np.int64]:
    """Along an axis: how many windows hold each position."""
    first = np.arange(windows) * window.stride[axis] - window.pad[axis]
    taps = first[:, None] + np.arange(window.kernel[axis]) * window.dilation[axis]
    inside = taps[(taps >= 0) & (taps < length)]
    return np.bincount(inside, minlength=length).astype(np.int64)
