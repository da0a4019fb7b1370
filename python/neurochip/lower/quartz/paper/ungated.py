"""The ungated Quartz neuron in NumPy, timestep by timestep: what its compiled constants compute.

Timesteps are counted by what is `left` until the readout: a spike of level u arrives with u left.
A neuron that fires then sends level `levels + left`; from the readout on less than nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ....layers import Layer
from ....network import FirstSpike
from ...registers import Registers

SILENT = -1
"""In place of a level, where no neuron holds a value."""

Sum: TypeAlias = Callable[[NDArray[Any]], NDArray[np.int64]]
"""From what arrives at (samples, *shape) to its weight sums."""


@dataclass(frozen=True, slots=True, eq=False)
class UngatedSynapses:
    """Synapses from the neurons of one tensor, with their weights."""

    source: FirstSpike
    held: NDArray[np.bool_]
    """Of the tensor's shape: values that a neuron holds."""
    weighted: Sum

    def levels(self, codes: NDArray[Any]) -> NDArray[np.int16]:
        """What arrives for codes of the tensor."""
        return np.where(self.held, self.source.values(codes), np.int16(SILENT))

    def all_weights(self) -> NDArray[np.int64]:
        """Of the output's shape: the sum of the weights into each neuron."""
        return np.asarray(self.weighted(self.held[None].astype(np.int16))[0])


@dataclass(frozen=True, slots=True, eq=False)
class BiasSpikes:
    """Inputs that always spike: a bias of b levels is b timesteps of one weight."""

    levels: NDArray[np.int64]
    """Broadcasts to the output's shape, signed."""
    weight: int
    most: int
    """The highest level that one of them sends: larger biases take several."""

    @property
    def pieces(self) -> int:
        """Inputs a neuron; 0 where no neuron has a bias."""
        return -(-int(np.abs(self.levels).max(initial=0)) // self.most)

    @property
    def signs(self) -> NDArray[np.int64]:
        """1 or -1, of zeros 1."""
        return np.where(self.levels < 0, -1, 1)

    def sent(self, piece: int) -> NDArray[np.int64]:
        """What one of the inputs of each neuron sends."""
        return np.asarray(np.clip(np.abs(self.levels) - piece * self.most, 0, self.most))

    def arriving(self, left: int) -> NDArray[np.int64]:
        """The weights that arrive in a timestep."""
        spikes = sum(
            ((self.sent(piece) == left).astype(np.int64) for piece in range(self.pieces)),
            np.zeros(self.levels.shape, np.int64),
        )
        return np.asarray(self.weight * self.signs * spikes)

    def all_weights(self) -> NDArray[np.int64]:
        """The sum of their weights into each neuron."""
        return self.weight * self.pieces * self.signs


@dataclass(frozen=True, slots=True, eq=False)
class UngatedArithmetic:
    """A layer as its ungated neurons compute it, in registers that they may leave."""

    branches: Sequence[UngatedSynapses]
    bias: BiasSpikes
    lacking: NDArray[np.int64]
    """Of the output's shape: what the readout adds to the current."""
    threshold: int
    target: FirstSpike
    registers: Registers

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's codes; those of early spikes lie beyond the format."""
        levels = [
            branch.levels(values) for branch, values in zip(self.branches, codes, strict=True)
        ]
        return self.target.codes(self.fired(levels)).astype(np.int32)

    def fired(self, levels: Sequence[NDArray[np.int16]]) -> NDArray[np.int64]:
        """The level of every neuron, for what its sources send."""
        bits = self.registers.membrane_bits
        shape = (len(levels[0]), *self.lacking.shape)
        current, membrane = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        sent, waits = np.zeros(shape, np.int64), np.ones(shape, np.bool_)
        first = max(self.bias.most, *(int(each.max()) for each in levels))
        for left in range(first, -self.target.levels - 1, -1):
            if left >= 0:
                current = self.registers.store(current + self._arriving(levels, left), bits)
            membrane = self.registers.store(membrane + current, bits)
            fires = waits & (membrane >= self.threshold)
            sent[fires] = self.target.levels + left
            waits &= ~fires
        return sent

    def _arriving(self, levels: Sequence[NDArray[np.int16]], left: int) -> NDArray[np.int64]:
        arriving = self.bias.arriving(left) + (self.lacking if left == 0 else 0)
        for branch, sent in zip(self.branches, levels, strict=True):
            spikes = sent == left
            if spikes.any():
                arriving = arriving + branch.weighted(spikes.astype(np.int16))
        return np.asarray(arriving)
