"""How the real networks of Quartz as published become integers: of any chip, or of Loihi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....chip import Chip
from ....errors import SettingsError


@dataclass(frozen=True, slots=True)
class Integers:
    """How a real network becomes integers."""

    mode: str
    levels: int
    """The top level of a window of as many timesteps as were asked for."""
    unit: int | None
    """What stands for a weight of 1, and is the slope; None: as much as fits."""
    even: bool
    """Whether weights are even, rounded up before their last bit is lost."""
    strict: bool
    """Whether a membrane must exceed the threshold."""

    def stored(self, weights: NDArray[np.float64], unit: int) -> NDArray[np.int64]:
        """Real weights as a synapse holds them."""
        if not self.even:
            return np.asarray(np.rint(unit * weights).astype(np.int64))
        # The smallest negative rest of a product must not count as one more.
        above = np.ceil(np.round(unit * weights, 9)).astype(np.int64)
        return np.asarray(np.clip(above & ~1, -unit, unit))

    def note(self, weights: Sequence[NDArray[np.float64]]) -> str:
        """What to say of weights that a synapse cannot hold."""
        clipped = sum(int(np.count_nonzero(np.abs(each) > 1)) for each in weights)
        return f"{clipped:,} weights beyond 1 are clipped" if clipped and self.even else ""

    def threshold(self, levels: int, unit: int) -> int:
        """The membrane at which a neuron fires, in a register that compares with `>=`."""
        if self.strict:
            return levels * unit + 1
        return (levels + 1) * unit - unit // 2


def integers_of(mode: str, timesteps: int) -> Integers:
    """The integers of a mode.

    Those of Loihi are in the code that the authors published with their measurements: weights
    `ceil(254 w)`, forced even, and a threshold of `254 T` that has to be exceeded, with T levels.
    """
    if mode == "loihi":
        return Integers(mode, timesteps, unit=254, even=True, strict=True)
    return Integers(mode, timesteps - 1, unit=None, even=False, strict=False)


def require_weights(integers: Integers, chip: Chip) -> None:
    """Refuses a chip whose synapses do not hold a weight of 1.

    Raises:
        SettingsError: If it does not.
    """
    bits = max(chip.spec["core"]["weight_bits"])
    if integers.unit is not None and integers.unit >= 1 << (bits - 1):
        raise SettingsError(
            f"quartz in the integers of loihi has weights up to {integers.unit}, a synapse of "
            f"{chip.name!r} has {bits} bits (core.weight_bits)",
            hint="choose the mode `published`, which has those of any chip (--quartz-mode)",
        )
