"""Max pooling: neurons that pass their largest input on while it comes (neurons.md, 3.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import PoolConnector, Rate, SpikeCode
from .arrivals import Neurons
from .sent import Sent, sent_at_a_rate
from .synapses import Synapses, taps


def max_pool(neurons: Neurons, sent: Sequence[Sent]) -> Sent:
    """What max pooling neurons send for what their source sends."""
    (branch,), (source,) = neurons.arrivals.branches, sent
    code = source.code
    if isinstance(code, Rate):
        return _follow_the_leader(branch.synapses, source, code)
    lowest = code.low if isinstance(code, SpikeCode) else 0
    return Sent(code, _largest(branch.synapses, source.values, lowest))


def _follow_the_leader(synapses: Synapses, source: Sent, code: Rate) -> Sent:
    """Spikes when the largest number of spikes that an input has sent rises."""
    assert source.trains is not None
    height, width, channels = synapses.target
    trains = np.zeros((len(source.values), code.steps, height * width * channels), np.bool_)
    heard = np.zeros(source.values.shape, np.int32)
    before: NDArray[Any] = np.zeros((1, 1), np.int32)
    for step in range(code.steps):
        heard += source.trains[:, step]
        largest = _largest(synapses, heard, 0)
        trains[:, step] = largest > before
        before = largest
    return sent_at_a_rate(code, trains)


def _largest(synapses: Synapses, values: NDArray[Any], lowest: int) -> NDArray[Any]:
    """(samples, targets): the largest value in each window, and of none the lowest."""
    connector = synapses.connector
    assert isinstance(connector, PoolConnector)
    largest = np.full((len(values), *synapses.target), lowest, values.dtype)
    maps = values.reshape(-1, *synapses.source)
    for _, _, view in taps(maps, connector.window, synapses.target, lowest):
        np.maximum(largest, view, out=largest)
    return largest.reshape(len(values), -1)
