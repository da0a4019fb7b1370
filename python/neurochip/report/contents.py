"""What a report says, as plain data: the table and the JSON document are two forms of it.

A quantity of a sample is a `Spread` over the samples. What a run did not measure is None: a run
with `timing="none"` has no `Timing`, a run of an image file without its graph no `DifferingValues`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..inputs import Normalization
from ..links import Link

PUBLISHED, ASSUMED, USER = "published", "assumed", "user"
"""Where energies per event come from: derived and fitted ones are from what is published."""


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
class DifferingValues:
    """Values that differ between the chip and an evaluation of the same graph in integers."""

    differing: int
    compared: int


@dataclass(frozen=True, slots=True)
class Timing:
    """How long samples took, in cycles of the chip's clock, or of its time base without one.

    A timestep lasts until its work is done, and on a chip with a fixed tick at least that tick.
    """

    clock_mhz: float | None
    cycles: Spread
    """Of latency: from a sample's first timestep to the end of its last, with the tick."""
    work_cycles: Spread
    """Of the work alone, in the timesteps of a sample: neither barriers nor the tick."""
    least_work_cycles: float | None
    """Of a sample: no placement on this chip takes less; None where samples overlap."""
    latency_us: float
    """Of work and barriers, as if there were no tick; the mean over the samples."""
    latency_with_tick_us: float
    """Of `cycles`; the mean over the samples."""
    timesteps: int
    period: int
    """Timesteps between the entries of two samples."""
    samples_in_flight: int
    """Most samples that are on the chip at once."""
    cycles_per_sample: float | None
    """Between two samples, while so many are in flight; None if they never were."""
    samples_per_s: float | None
    """Likewise: the throughput."""
    samples_per_s_without_tick: float | None
    """Likewise, as if there were no tick."""
    run_cycles: int
    """Of the whole run, filling and draining included."""
    run_samples_per_s: float
    tick_cycles: int
    work_cycles_per_timestep: float
    longest_work_cycles: int
    barrier_cycles: int
    overruns: int
    barrier_nodes: int | None = None
    """Nodes with neurons, where the barrier depends on how many there are."""
    host_us: float | None = None
    """What the host takes of a sample, where that is counted: in no other number of this report."""
    time_base_ns: float | None = None
    """What a cycle is where there is no clock."""

    @property
    def cycles_per_us(self) -> float:
        """Cycles in a microsecond."""
        return self.clock_mhz or 1e3 / (self.time_base_ns or 1.0)

    @property
    def shortest_tick_cycles(self) -> int:
        """The shortest tick in which every timestep of this run would have ended: a barrier too."""
        return self.longest_work_cycles + self.barrier_cycles

    @property
    def shortest_tick_us(self) -> float:
        """The same in microseconds."""
        return self.shortest_tick_cycles / self.cycles_per_us

    @property
    def tick_hides_work(self) -> bool:
        """Whether the tick alone says how long every timestep takes."""
        return self.shortest_tick_cycles < self.tick_cycles


@dataclass(frozen=True, slots=True)
class EnergyTerm:
    """One component of the energy: how often it was counted a sample, and the energy per event."""

    name: str
    field: str
    price: float
    price_unit: str
    energy_pj: float
    provenance: str
    grade: str
    """Of the energy per event: `published`, `derived`, `fitted`, `assumed`, or `user` where set."""

    @property
    def assumed(self) -> bool:
        """Whether no source gives it."""
        return self.grade == ASSUMED


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy of a sample: what its events cost, and what the idle chip draws meanwhile."""

    total_pj: Spread | None
    """None without timing: what the idle chip draws is not known then."""
    event_terms: tuple[EnergyTerm, ...]
    idle_terms: tuple[EnergyTerm, ...]

    @property
    def all_events_pj(self) -> float:
        """Of all events of a sample."""
        return sum(term.energy_pj for term in self.event_terms)

    @property
    def events_pj(self) -> dict[str, float]:
        """The same by where energies come from: a source, nowhere, or who set them for a run."""
        by_grade = dict.fromkeys((PUBLISHED, ASSUMED, USER), 0.0)
        for term in self.event_terms:
            by_grade[term.grade if term.grade in by_grade else PUBLISHED] += term.energy_pj
        return by_grade

    @property
    def idle_pj(self) -> float | None:
        """What the idle chip draws in the time of a sample; None without timing."""
        return sum(term.energy_pj for term in self.idle_terms) if self.idle_terms else None

    def total_at_pj(self, grade: str) -> float:
        """What numbers of a grade make up, of the events and the idle chip."""
        terms = (*self.event_terms, *self.idle_terms)
        return sum(term.energy_pj for term in terms if term.grade == grade)


@dataclass(frozen=True, slots=True)
class Cores:
    """Cores with neurons, and those that the chip or board has for them."""

    used: int
    available: int


@dataclass(frozen=True, slots=True)
class Bound:
    """What is busy for most cycles of the work, and so bounds the time."""

    engine: str
    """`soma`, `Send` or `Receive` of a core, or `network`."""
    where: str
    core: int | None
    """None for the network."""
    layer: str | None
    """Whose neurons the core holds."""
    share: float
    """Of the cycles of work of the whole run, 0 to 1."""
    work_cycles: float
    """In which it is busy, of a sample."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The dendrite memory of the fullest core."""

    core: int
    x: int
    y: int
    used_words: int
    available_words: int
    place: int | None = None
    """Which core of its node it is; None where a node has one."""


@dataclass(frozen=True, slots=True)
class Relays:
    """What it costs that values are repeated, to wait or to move; events are those of a sample."""

    populations: tuple[str, ...]
    neurons: int
    cores: int
    packets: float
    sops: float
    soma_updates: float
    energy_pj: float
    """Of the SOPs into them, their updates, and their packets."""


@dataclass(frozen=True, slots=True)
class PopulationRow:
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
    early_spikes: int
    """Sent by neurons that had not been read out, in all samples."""
    compiled: DifferingValues | None
    exact: DifferingValues | None

    @property
    def overflows(self) -> int:
        """Values that left a register, in all samples."""
        return self.sum_overflows + self.membrane_overflows


@dataclass(frozen=True, slots=True)
class HotCore:
    """The core with most cycles of one kind, and their share of the cycles of work.

    Where nodes have several cores it is a node, and the mean share of those with neurons.
    """

    what: str
    node: int
    x: int
    y: int
    layer: str
    cycles: int
    percent: float


@dataclass(frozen=True, slots=True)
class HotSpots:
    """Where and when most happens, over all samples: what a chip's designer would relieve first."""

    cores: tuple[HotCore, ...]
    link: Link | None
    longest_timestep: tuple[int, int]
    """The last sample that had entered, and how many timesteps before."""
    longest_work_cycles: int
    highest_queue_flits: int
    highest_receive_flits: int


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything a report says."""

    network: str
    chip: str
    code: str
    samples: int
    accuracy: Accuracy | None
    compiled: DifferingValues | None
    exact: DifferingValues | None
    compared_samples: int
    """Of how many samples, from the first, `compiled` and `exact` are; accuracy is of all."""
    timing: Timing | None
    activity: dict[str, Spread]
    energy: Energy
    chips_used: int
    chips_available: int
    cores: Cores
    bound: Bound | None
    """None without timing, and where nothing works."""
    fullest: Memory | None
    """None where no core is in use: values are only quantized and moved."""
    relays: Relays | None
    """None where the network has none."""
    layers: tuple[PopulationRow, ...]
    overflows: int
    early_spikes: int
    notes: tuple[str, ...]
    assumed: dict[str, str]
    hot_spots: HotSpots | None = None
    """None where the run was not asked for its detail."""
    normalization: Normalization | None = None
    """What was done to the samples before they were the model's input."""
    options: Mapping[str, Any] | None = None
    """What was decided as the network was compiled, as `CompileOptions.from_json` reads it."""
