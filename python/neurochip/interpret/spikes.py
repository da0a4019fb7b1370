"""Spikes: what the neurons of a population send and when, and the weight sums that arrive of it.

Sums arrive all at once or timestep by timestep. The sums of several timesteps are formed in one
float product, each in bits of its own: `a + 2^k b + 4^k c` of spikes a, b and c gives the same of
their sums, as long as each of these has fewer than k bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..lower.weighted import Registers, fits
from ..network import Code, ConstantNeurons, FirstSpike, Model, Population, Rate, SpikeCode
from .synapses import Synapses


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


SIGNIFICANT_BITS: Mapping[np.dtype[Any], int] = {np.dtype(np.float32): 24, np.dtype(np.float64): 53}
"""Of a float: integers of so many bits are exact."""

ADDITIONS = 1 << 20
"""Neurons whose saturating sums are formed together, times their synapses."""


@dataclass(frozen=True, slots=True)
class WiredSource:
    """A population that sends, and its synapses."""

    source: Population
    synapses: Synapses


@dataclass(frozen=True, eq=False)
class Arrivals:
    """All synapses into a population whose weights are added."""

    branches: Sequence[WiredSource]
    """In the order in which spikes of one timestep are added."""
    registers: Registers
    num_neurons: int

    @property
    def gains(self) -> tuple[int, int]:
        """No weight sum of a timestep is smaller, and none larger, whoever spikes."""
        each = [branch.synapses.gains for branch in self.branches]
        return sum(low for low, _ in each), sum(high for _, high in each)

    @property
    def sums_fit(self) -> bool:
        """Whether no spikes can take a weight sum out of its register."""
        return fits(*self.gains, self.registers.sum_bits)

    def whole(self, sent: Sequence[Sent]) -> NDArray[np.int64]:
        """(samples, neurons): the sum of weights times values, of all branches."""
        largest = max(int(np.abs(each.values).max(initial=0)) for each in sent)
        low, high = self.gains
        dtype = _exact_float((high - low) * largest)  # values may be of both signs as well
        total: NDArray[Any] = np.zeros(1, dtype)
        for branch, each in zip(self.branches, sent, strict=True):
            total = total + branch.synapses.sums(each.values.astype(dtype))
        return total.astype(np.int64)

    @cached_property
    def positive(self) -> Arrivals:
        """The same without negative weights."""
        branches = [WiredSource(each.source, each.synapses.positive()) for each in self.branches]
        return Arrivals(branches, self.registers, self.num_neurons)

    def by_timestep(self, sent: Sequence[Sent], timesteps: range) -> Iterator[NDArray[np.int64]]:
        """For each timestep, the weight sums (samples, neurons) that registers hold at its end.

        Args:
            sent: What each branch's source sends.
            timesteps: In which spikes arrive, the one after that in which they were sent.
        """
        saturates = not self.registers.wraps and not self.sums_fit
        positive = self.positive._exact(sent, timesteps) if saturates else None
        for timestep, sums in zip(timesteps, self._exact(sent, timesteps), strict=True):
            if positive is not None:
                self._saturate(sums, next(positive), sent, timestep)
            elif not self.sums_fit:
                sums = self.registers.store(sums, self.registers.sum_bits)
            yield sums

    def _exact(self, sent: Sequence[Sent], timesteps: range) -> Iterator[NDArray[np.int64]]:
        """The same without registers."""
        low, high = self.gains
        width = max((-low).bit_length(), high.bit_length()) + 1
        dtype, together = _packing(width, len(timesteps))
        for first in range(0, len(timesteps), together):
            packed = self._packed(sent, timesteps[first : first + together], width, dtype)
            yield from _unpacked(packed, width, len(timesteps[first : first + together]))

    def _packed(
        self, sent: Sequence[Sent], timesteps: range, width: int, dtype: np.dtype[Any]
    ) -> NDArray[np.int64]:
        """The sums of some timesteps, that of the first in the lowest bits."""
        samples = len(sent[0].values)
        total = np.zeros((samples, self.num_neurons), dtype)
        for branch, each in zip(self.branches, sent, strict=True):
            spikes = np.zeros(each.values.shape, dtype)
            for place, timestep in enumerate(timesteps):
                step = timestep - 1 - branch.source.send_start
                if 0 <= step < branch.source.steps:
                    spikes += each.spikes(step) * dtype.type(1 << (width * place))
            if spikes.any():
                total += branch.synapses.sums(spikes)
        return total.astype(np.int64)

    def _saturate(
        self,
        sums: NDArray[np.int64],
        positive: NDArray[np.int64],
        sent: Sequence[Sent],
        timestep: int,
    ) -> None:
        """Replaces the sums that may have left their register on the way, whatever the order."""
        high = (1 << (self.registers.sum_bits - 1)) - 1
        samples, neurons = np.nonzero((positive > high) | (sums - positive < -high - 1))
        if not len(samples):
            return
        distinct, row = np.unique(neurons, return_inverse=True)
        held = np.zeros(len(samples), np.int64)
        for branch, each in zip(self.branches, sent, strict=True):
            step = timestep - 1 - branch.source.send_start
            if not 0 <= step < branch.source.steps:
                continue
            sources, weights = branch.synapses.into(distinct)
            spikes = each.spikes(step)
            length = max(1, ADDITIONS // sources.shape[1])
            for start in range(0, len(samples), length):
                part = slice(start, start + length)
                from_sources = sources[row[part]]
                spiked = spikes[samples[part, None], from_sources] & (from_sources >= 0)
                added = weights[row[part]] * spiked
                for weight in added.T:
                    held[part] = np.clip(held[part] + weight, -high - 1, high)
        sums[samples, neurons] = held


def _exact_float(largest: int) -> np.dtype[Any]:
    """The narrowest float that holds every integer up to this magnitude."""
    for dtype, bits in SIGNIFICANT_BITS.items():
        if largest < 1 << bits:
            return dtype
    raise AssertionError(f"sums of up to {largest} are not exact in float64")


def _packing(width: int, timesteps: int) -> tuple[np.dtype[Any], int]:
    """The float, and how many timesteps go into one, that take the least work."""

    def work(dtype: np.dtype[Any]) -> float:
        together = SIGNIFICANT_BITS[dtype] // width
        return -(-timesteps // together) * dtype.itemsize if together else float("inf")

    dtype = min(SIGNIFICANT_BITS, key=work)
    return dtype, max(1, SIGNIFICANT_BITS[dtype] // width)


def _unpacked(packed: NDArray[np.int64], width: int, count: int) -> Iterator[NDArray[np.int64]]:
    """The sums of each timestep, the lowest first."""
    half = np.int64(1) << (width - 1)
    for _ in range(count - 1):
        lowest = ((packed + half) & (2 * half - 1)) - half
        packed = (packed - lowest) >> width
        yield lowest
    yield packed


@dataclass(frozen=True, slots=True)
class Neurons:
    """A population, its sources and its synapses."""

    population: Population
    arrivals: Arrivals
    """Without triggers: what these send is no input."""
    registers: Registers

    @property
    def model(self) -> Model:
        """What each neuron does."""
        return self.population.model

    @property
    def first_arrival(self) -> int:
        """The first timestep in which a spike may arrive; 0 where nothing is connected."""
        starts = (branch.source.send_start + 1 for branch in self.arrivals.branches)
        return min(starts, default=0)

    def constants(self, values: NDArray[Any]) -> NDArray[Any]:
        """One for all, or one per neuron: from one for all, one per channel or one per neuron."""
        channels = self.population.shape[2]
        if len(values) == channels > 1:
            return np.tile(values, self.population.num_neurons // channels)
        return values


def is_trigger(population: Population) -> bool:
    """Whether its spikes tell Quartz neurons what to do in a timestep, and are no input."""
    return isinstance(population.model, ConstantNeurons) and population.steps == 1
