"""Spike codes: how a tensor's codes become values, and values spikes (neurons.md, section 2).

The core's schema says in which timesteps a value spikes (`SpikeCode` in `image/spike_code.rs`).
What a value stands for is the host's business, and is said here. Every code has

- `base`, `steps`: the tensor's code of value 0, and the timesteps of a window;
- `values`, `codes`: from a tensor's codes to the values that neurons send, and back;
- `record_bytes`, `num_spikes`, `read`: of the record of a run;
- `__str__`: what tables call it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .codec import host

MAX_MEANING = 1 << 14
"""Of the numbers that say what a code means: values are computed with in 16 bits."""


@dataclass(frozen=True, slots=True)
class SpikeCode:
    """The bits of `v = q - base`, highest first: the code of STEM."""

    VARIANT: ClassVar = {"kind": "binary"}

    bits: int
    signed: bool
    base: int = field(metadata=host(-MAX_MEANING, MAX_MEANING))

    @property
    def record_bytes(self) -> int:
        """Bytes of a run's record for each neuron."""
        return 1

    @property
    def steps(self) -> int:
        """Timesteps of a window: one per bit."""
        return self.bits

    @property
    def low(self) -> int:
        """The smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest value."""
        return self.low + (1 << self.bits) - 1

    def values(self, codes: NDArray[Any]) -> NDArray[np.int16]:
        """What is sent for a tensor's codes."""
        return codes.astype(np.int16) - np.int16(self.base)

    def codes(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tensor's codes for what was sent."""
        return values + self.base

    def num_spikes(self, record: NDArray[np.uint8]) -> NDArray[np.int64]:
        """How often each neuron spikes, in a record (samples, neurons)."""
        return np.asarray(np.unpackbits(record[..., None], axis=-1).sum(axis=-1, dtype=np.int64))

    def read(self, record: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The values in a record (samples, neurons)."""
        values = record.astype(np.int64)
        sign = 1 << (self.bits - 1)
        return (values ^ sign) - sign if self.signed else values

    def plane(self, values: NDArray[np.int16], step: int) -> NDArray[np.int16]:
        """Which values spike at a step, as 0 and 1."""
        return (values >> (self.bits - 1 - step)) & 1

    def sent_by(self, values: NDArray[np.int16], step: int) -> NDArray[np.int16]:
        """What has been sent of values after a step: their bits up to there."""
        return values & ~np.int16((1 << (self.bits - 1 - step)) - 1)

    def weight(self, step: int) -> int:
        """What a spike at a step counts, `c_t`."""
        magnitude = 1 << (self.bits - 1 - step)
        return -magnitude if self.signed and step == 0 else magnitude

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.bits}"


@dataclass(frozen=True, slots=True)
class FirstSpike:
    """One spike, the larger the level the earlier: the code of Quartz.

    Level `u` stands for the tensor's code `base + u * stride / per`, to the nearest, and spikes at
    step `steps - 1 - u`.
    """

    VARIANT: ClassVar = {"kind": "first_spike"}
    COMPUTED: ClassVar = {"steps": "steps", "levels": "highest"}

    levels: int = field(metadata=host(0))
    """The top level of a neuron that has been read out."""
    stride: int = field(metadata=host(1, MAX_MEANING))
    """Codes from one level to the `per`-th above: 1 unless there are fewer levels than codes."""
    base: int = field(metadata=host(-MAX_MEANING, MAX_MEANING))
    zeros: bool
    """Whether level 0 spikes as well, in the last step."""
    waiting: int = field(default=0, metadata=host(0, MAX_MEANING))
    """Steps from the readout to that of the top level."""
    early: int = field(default=0, metadata=host(0, MAX_MEANING))
    """Levels above the top one, of neurons that fire before they are read out."""
    per: int = field(default=1, metadata=host(1, MAX_MEANING))

    @property
    def codes_per_level(self) -> float:
        """Codes from one level to the next."""
        return self.stride / self.per

    @property
    def highest(self) -> int:
        """The highest level of all, early ones included."""
        return self.levels + self.early

    @property
    def record_bytes(self) -> int:
        """Bytes of a run's record for each neuron: its level, or one bit per timestep."""
        return 1 if self.highest <= BYTE_LEVELS else -(-self.steps // 8)

    @property
    def steps(self) -> int:
        """Timesteps of a window."""
        return max(self.waiting, self.early) + self.levels + 1

    @property
    def steps_read_out(self) -> int:
        """Those of them from the readout on."""
        return self.waiting + self.levels + 1

    def values(self, codes: NDArray[Any]) -> NDArray[np.int16]:
        """The levels nearest to a tensor's codes; of two, the upper one."""
        above = codes.astype(np.int32) - np.int32(self.base)
        levels = (2 * self.per * above + self.stride) // (2 * self.stride)
        return np.asarray(np.clip(levels, 0, self.highest).astype(np.int16))

    def codes(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """The codes nearest to what levels stand for; of two, the upper one."""
        return self.base + (2 * self.stride * values + self.per) // (2 * self.per)

    def num_spikes(self, record: NDArray[np.uint8]) -> NDArray[np.int64]:
        """How often each neuron spikes, in a record (samples, bytes of a level * neurons)."""
        if self.record_bytes > 1:
            return np.asarray(self._trains(record).sum(axis=1, dtype=np.int64))
        return (record > 0).astype(np.int64) | int(self.zeros)

    def read(self, record: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The levels in a record (samples, bytes of a level * neurons)."""
        if self.record_bytes == 1:
            return record.astype(np.int64)
        trains = self._trains(record)
        return np.where(trains.any(axis=1), self.steps - 1 - trains.argmax(axis=1), 0)

    def _trains(self, record: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(samples, timesteps, neurons): who spikes when, in a record of one bit per timestep."""
        by_byte = record.reshape(len(record), self.record_bytes, -1)
        return np.unpackbits(by_byte, axis=1)

    def __str__(self) -> str:
        early = f", {self.early} early" if self.early else ""
        return f"first of {self.steps_read_out}{early}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of spikes: `levels` codes above `base` are a spike in every timestep."""

    VARIANT: ClassVar = {"kind": "rate"}

    steps: int
    levels: int
    base: int = field(metadata=host(-MAX_MEANING, MAX_MEANING))

    @property
    def record_bytes(self) -> int:
        """Bytes of a run's record for each neuron: one bit per timestep."""
        return -(-self.steps // 8)

    def values(self, codes: NDArray[Any]) -> NDArray[np.int16]:
        """The codes above the base, up to the highest rate."""
        above = codes.astype(np.int16) - np.int16(self.base)
        return np.asarray(np.clip(above, 0, self.levels))

    def codes(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """The codes nearest to numbers of spikes; of two, the upper one."""
        return self.base + (2 * values * self.levels + self.steps) // (2 * self.steps)

    def num_spikes(self, record: NDArray[np.uint8]) -> NDArray[np.int64]:
        """How often each neuron spikes, in a record (samples, bytes of a train * neurons)."""
        trains = record.reshape(len(record), self.record_bytes, -1)
        spikes = np.unpackbits(trains[..., None], axis=-1).sum(axis=(1, 3), dtype=np.int64)
        return np.asarray(spikes)

    def read(self, record: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The numbers of spikes in a record (samples, bytes of a train * neurons)."""
        return self.num_spikes(record)

    def __str__(self) -> str:
        return f"rate of {self.steps}"


BYTE_LEVELS = 255
"""The highest level that a byte of a record holds."""

Code: TypeAlias = SpikeCode | FirstSpike | Rate
