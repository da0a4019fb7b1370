"""Quartz neurons: integrate twice, then climb until they fire (quartz.md, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..network import FirstSpike, QuartzNeurons
from .arrivals import Neurons
from .sent import Sent


def quartz(neurons: Neurons, sent: Sequence[Sent]) -> Sent:
    """What Quartz neurons send for what their sources send, or their membranes.

    Samples in which a register could be left are computed timestep by timestep; so are all where
    neurons may fire before their readout, or where it adds to their current.
    """
    model, code = neurons.model, neurons.population.code
    assert isinstance(model, QuartzNeurons)
    windows = Windows.of(neurons)
    constants = Constants(*map(neurons.constants, (model.bias, model.slope, model.threshold)))
    if model.added_by or windows.gate < windows.readout:
        values = _stepped(neurons, windows, constants, sent)
    else:
        values, leaves = _at_once(neurons, windows, constants, sent)
        if leaves.any():
            those = [each.of(leaves) for each in sent]
            values[leaves] = _stepped(neurons, windows, constants, those)
    return Sent(code, values)


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """One for all neurons or one each."""

    bias: NDArray[np.int64]
    slope: NDArray[np.int64]
    threshold: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Windows:
    """When a population does what, in timesteps."""

    start: int
    """The first in which a spike may arrive."""
    readout: int
    """In which the slope enters currents."""
    gate: int
    """The first in which a neuron may fire; the readout, where the host reads membranes."""
    stop: int
    """The one after the last."""
    fires: bool
    """Whether it sends; else the host reads membranes."""

    @staticmethod
    def of(neurons: Neurons) -> Windows:
        """Those of a population."""
        population = neurons.population
        readout = max(branch.source.send_stop for branch in neurons.arrivals.branches)
        start, code = neurons.first_arrival, population.code
        if not isinstance(code, FirstSpike):
            return Windows(start, readout, readout, readout + 1, False)
        stop = population.send_stop
        return Windows(start, readout, stop - 1 - code.highest, stop, True)


def _at_once(
    neurons: Neurons, windows: Windows, constants: Constants, sent: Sequence[Sent]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Levels, or membranes, by one sum and one division; and for which samples that proves nothing.

    On its way to the readout a membrane lies between what positive and what negative weights bring
    alone; a current lies between the same without the bias, since no level counts less than once.
    """
    received = neurons.arrivals.whole(sent)
    membranes = received + constants.bias
    leaves: NDArray[np.bool_] = np.zeros(len(received), np.bool_)
    if not _always_fit(neurons, windows, constants, sent):
        positive = neurons.arrivals.positive.whole(sent)
        stays = _stay(neurons, windows, constants, positive, received - positive)
        leaves = np.asarray(~stays.all(axis=1))
    if not windows.fires:
        return membranes, leaves
    # After k + 1 timesteps of the ramp a membrane has climbed k + 1 slopes; the level is what is
    # left of the window then.
    slope = constants.slope
    climbed = membranes + (windows.stop - windows.readout) * slope - constants.threshold
    return np.clip(climbed // slope, 0, windows.stop - 1 - windows.gate), leaves


def _always_fit(
    neurons: Neurons, windows: Windows, constants: Constants, sent: Sequence[Sent]
) -> bool:
    """Whether the largest value of any source, sent by all, takes nothing out of a register."""
    low, high = (
        np.array([[gain * max(each.highest for each in sent)]]) for gain in neurons.arrivals.gains
    )
    return bool(_stay(neurons, windows, constants, high, low).all())


def _stay(
    neurons: Neurons,
    windows: Windows,
    constants: Constants,
    positive: NDArray[np.int64],
    negative: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether registers hold whatever neurons do that receive so much of either sign."""
    registers = neurons.registers
    bits = min(registers.sum_bits, registers.membrane_bits)
    end, low = registers.membrane_high, -registers.membrane_high - 1
    sum_end = (1 << (bits - 1)) - 1
    bias, slope = constants.bias, constants.slope
    stays = (positive <= sum_end) & (negative >= -sum_end - 1)
    stays = stays & ((positive + bias <= end) & (negative + bias >= low))
    if windows.fires:
        # Who is below the threshold has room for a slope: the core checks it of every image.
        closed = windows.gate - windows.readout
        stays = stays & (positive + bias + (closed + 1) * slope <= end)
    return np.asarray(stays)


def _stepped(
    neurons: Neurons, windows: Windows, constants: Constants, sent: Sequence[Sent]
) -> NDArray[np.int64]:
    """Levels, or membranes, timestep by timestep. Who has fired waits for the next sample."""
    model, registers = neurons.model, neurons.registers
    assert isinstance(model, QuartzNeurons)
    bits = registers.membrane_bits
    shape = (len(sent[0].values), neurons.population.num_neurons)
    currents, membranes = np.zeros(shape, np.int64), np.zeros(shape, np.int64) + constants.bias
    levels, waits = np.zeros(shape, np.int64), np.ones(shape, np.bool_)
    timesteps = range(windows.start, windows.stop)
    arriving = neurons.arrivals.by_timestep(sent, timesteps)
    for timestep, sums in zip(timesteps, arriving, strict=True):
        if timestep == windows.readout:
            added = currents + sums + constants.slope
            currents = added if model.added_by else np.zeros(shape, np.int64) + constants.slope
        else:
            currents = currents + sums
        currents = registers.store(currents, bits)
        membranes = registers.store(membranes + currents, bits)
        if windows.fires and timestep >= windows.gate:
            fires = waits & (membranes >= constants.threshold)
            levels[fires] = windows.stop - 1 - timestep
            waits &= ~fires
    return levels if windows.fires else membranes
