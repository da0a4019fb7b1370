"""Sent: what the neurons of a population send for samples, and when they spike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Code, FirstSpike, Rate, SpikeCode


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """What a population sends, or the membranes that the host reads. One row per sample."""

    code: Code | None
    """None where the host reads membranes."""
    values: NDArray[Any]
    """(samples, neurons): values of the code, or membranes; of a rate, how many spikes."""
    trains: NDArray[np.bool_] | None = None
    """(samples, timesteps of the window, neurons): who spikes when, for a rate alone."""

    @property
    def highest(self) -> int:
        """The largest value of all, at least 0."""
        return int(self.values.max(initial=0))

    def of(self, samples: slice | NDArray[Any]) -> Sent:
        """That of some samples."""
        trains = None if self.trains is None else self.trains[samples]
        return replace(self, values=self.values[samples], trains=trains)

    def spikes(self, step: int) -> NDArray[np.bool_]:
        """Who spikes at a step of the window."""
        code = self.code
        if self.trains is not None:
            return self.trains[:, step]
        if isinstance(code, SpikeCode):
            return np.asarray((self.values >> (code.bits - 1 - step)) & 1, np.bool_)
        assert isinstance(code, FirstSpike)
        level = code.steps - 1 - step
        if level > 0 or code.zeros:
            return np.asarray(self.values == level)
        return np.zeros(self.values.shape, np.bool_)

    def differs_from(self, record: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """(samples, neurons): who does not send what a run's record says of the population.

        Args:
            record: (samples, bytes of a record * neurons).
        """
        code = self.code
        assert code is not None
        if self.trains is not None:
            ours = np.packbits(self.trains, axis=1)
            return np.asarray((ours != record.reshape(ours.shape)).any(axis=1))
        if code.record_bytes > 1:
            return np.asarray(self.values != code.read(record))
        sent = self.values.astype(np.uint8)  # two's complement
        if isinstance(code, SpikeCode):
            sent &= np.uint8((1 << code.bits) - 1)
        return np.asarray(sent != record)


def sent_values(code: Code, values: NDArray[np.uint8]) -> Sent:
    """What neurons send that are given their values: (samples, neurons), in two's complement."""
    if isinstance(code, SpikeCode):
        bits = values.astype(np.int16) & np.int16((1 << code.bits) - 1)
        sign = np.int16(1 << (code.bits - 1)) if code.signed else np.int16(0)
        return Sent(code, (bits ^ sign) - sign)
    if isinstance(code, FirstSpike):
        return Sent(code, np.minimum(values.astype(np.int32), code.highest))
    return sent_at_a_rate(code, evenly_spread(code, values))


def sent_at_a_rate(code: Rate, trains: NDArray[np.bool_]) -> Sent:
    """What neurons send that spike so: (samples, timesteps, neurons)."""
    return Sent(code, np.asarray(trains.sum(axis=1, dtype=np.int32)), trains)


def evenly_spread(code: Rate, values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Trains whose first t timesteps hold `value * t / levels` spikes, to the nearest."""
    twice = 2 * np.minimum(values.astype(np.int64), code.levels)[:, None]
    timesteps = np.arange(code.steps + 1)[:, None]
    so_far = (twice * timesteps + code.levels) // (2 * code.levels)
    return np.asarray(np.diff(so_far, axis=1) > 0)


def joined(parts: Sequence[Sent]) -> Sent:
    """The samples of one after those of the other."""
    if len(parts) == 1:
        return parts[0]
    trains = [part.trains for part in parts if part.trains is not None]
    return replace(
        parts[0],
        values=np.concatenate([part.values for part in parts]),
        trains=np.concatenate(trains) if trains else None,
    )
