"""Spike codes: how a tensor's codes become values, and values spikes (neurons.md, section 2).

The core's schema says in which timesteps a value spikes (`SpikeCode` in `image/spike_code.rs`).
What a value stands for is the host's business, and is said here. Every code has

- `base`, `steps`: the tensor's code of value 0, and the timesteps of a window;
- `values`, `codes`: from a tensor's codes to the values that neurons send, and back;
- `record_bytes`, `num_spikes`, `read`: of the record of a run;
- `__str__`: what tables call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SpikeCode:
    """The bits of `v = q - base`, highest first: the code of STEM."""

    bits: int
    signed: bool
    base: int

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

    levels: int
    """The top level of a neuron that has been read out."""
    stride: int
    """Codes from one level to the `per`-th above: 1 unless there are fewer levels than codes."""
    base: int
    zeros: bool
    """Whether level 0 spikes as well, in the last step."""
    waiting: int = 0
    """Steps from the readout to that of the top level."""
    early: int = 0
    """Levels above the top one, of neurons that fire before they are read out."""
    per: int = 1

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

    steps: int
    levels: int
    base: int

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


def code_description(code: Code) -> dict[str, Any]:
    """When values spike, as the core's schema says it."""
    if isinstance(code, SpikeCode):
        return {"kind": "binary", "bits": code.bits, "signed": code.signed}
    if isinstance(code, FirstSpike):
        described = {"levels": code.highest, "zeros": code.zeros}
        return {"kind": "first_spike", "steps": code.steps, **described}
    return {"kind": "rate", "steps": code.steps, "levels": code.levels}


def code_meaning(code: Code) -> dict[str, int]:
    """What values stand for, which the core does not know; nothing that is a default."""
    meaning = {name: getattr(code, name, default) for name, default in MEANING.items()}
    return {name: value for name, value in meaning.items() if value != MEANING[name]}


MEANING = {"base": 0, "stride": 1, "per": 1, "waiting": 0, "early": 0}
"""What a code means to the host, where it is not said."""


def code_of(spikes: Mapping[str, Any], meaning: Mapping[str, Any]) -> Code:
    """A code from its `code_description` and its `code_meaning`."""
    known = {name: meaning.get(name, default) for name, default in MEANING.items()}
    if spikes["kind"] == "binary":
        return SpikeCode(spikes["bits"], spikes["signed"], known["base"])
    if spikes["kind"] == "rate":
        return Rate(spikes["steps"], spikes["levels"], known["base"])
    return FirstSpike(levels=spikes["levels"] - known["early"], zeros=spikes["zeros"], **known)
