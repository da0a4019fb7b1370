"""What a report says, as plain data: the table and the JSON document are two tellings of it.

A quantity of a sample is a `Spread` over the samples. What a run did not measure is None: a run
with `timing="none"` has no `Timing`, a run of an image file without its graph no `Agreement`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity over the samples of a run."""

    mean: float
    smallest: float
    largest: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How many samples the network gave their label."""

    correct: int
    samples: int

    @property
    def percent(self) -> float:
        """Correct samples in a hundred."""
        return 100.0 * self.correct / self.samples


@dataclass(frozen=True, slots=True)
class Agreement:
    """Values that differ between the chip and an evaluation of the same graph in integers."""

    differing: int
    compared: int


@dataclass(frozen=True, slots=True)
class Timing:
    """How long samples took, in cycles of the chip's clock.

    A timestep lasts until its work is done, and on a chip with a fixed tick at least that tick.
    """

    clock_mhz: float
    cycles: Spread
    latency_us: Spread
    timesteps: int
    tick_cycles: int
    work_cycles_per_timestep: float
    longest_work_cycles: int
    barrier_cycles: int
    overruns: int

    @property
    def shortest_tick_cycles(self) -> int:
        """The shortest tick in which every timestep of this run would have ended: a barrier too."""
        return self.longest_work_cycles + self.barrier_cycles

    @property
    def shortest_tick_us(self) -> float:
        """The same in microseconds."""
        return self.shortest_tick_cycles / self.clock_mhz


@dataclass(frozen=True, slots=True)
class EnergyTerm:
    """One component of the energy: how often it was counted a sample, and the price of each."""

    name: str
    field: str
    price: float
    price_unit: str
    energy_pj: float
    provenance: str
    assumed: bool


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy of a sample: what its events cost, and what the idle chip draws meanwhile."""

    total_pj: Spread | None
    """None without timing: what the idle chip draws is not known then."""
    event_terms: tuple[EnergyTerm, ...]
    idle_terms: tuple[EnergyTerm, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """The dendrite memory of the fullest core."""

    core: int
    x: int
    y: int
    used_words: int
    available_words: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the network on the chip. Spikes and SOPs are the mean of a sample."""

    name: str
    kind: str
    model: str
    neurons: int
    mode: str
    proof: str
    differing_accumulator_values: int | None
    reachable_accumulator_values: int | None
    spikes: float
    sops: float
    sum_overflows: int
    membrane_overflows: int
    compiled: Agreement | None
    exact: Agreement | None

    @property
    def overflows(self) -> int:
        """Values that left a register, in all samples."""
        return self.sum_overflows + self.membrane_overflows


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything a report says."""

    network: str
    chip: str
    code: str
    samples: int
    accuracy: Accuracy | None
    compiled: Agreement | None
    exact: Agreement | None
    timing: Timing | None
    activity: dict[str, Spread]
    energy: Energy
    chips_used: int
    chips_available: int
    cores_used: int
    cores_available: int
    fullest: Memory
    layers: tuple[Layer, ...]
    overflows: int
    notes: tuple[str, ...]
    assumed: dict[str, str]
