"""Biases as spikes: inputs of ungated neurons that always spike, early for a large bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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

    def all_weights(self) -> NDArray[np.int64]:
        """The sum of their weights into each neuron."""
        return self.weight * self.pieces * self.signs
