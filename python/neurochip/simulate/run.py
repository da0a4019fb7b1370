"""Run: what happened, sample by sample; by node, link and timestep; and how busy engines were."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .. import files
from .._core import population_counters
from ..errors import InputError
from ..image import Image
from ..inputs import Normalization
from ..reprs import counted, named
from .samples import Filling

OF_THE_CHIP = frozenset({"timestep_cycles", "barrier_cycles", "waiting_cycles", "overruns"})
"""Counters that only a chip as a whole has."""

HIGHEST = "highest_"
"""How counters begin of which not the sum matters but the highest."""


@dataclass(frozen=True)
class Detail:
    """What happened where and when, over all samples of a run.

    Sums are those of the run's counters, for every counter but two kinds: of `highest_...` the
    highest is; and `spikes` here are those of cores, where the run counts those of its input too.
    """

    nodes: Mapping[str, NDArray[np.int64]]
    """(nodes,) each: counters of a node's core and router, and of the io ports beside it."""
    link_flits: NDArray[np.int64]
    """(nodes, 4): flits over the link from a node towards +x, -x, +y, -y."""
    output_blocked_cycles: NDArray[np.int64]
    """(nodes, 5): cycles in which a flit asked for an output of a router, the last one that to its
    core, and the queue after it was full."""
    timesteps: Mapping[str, NDArray[np.int64]]
    """(timesteps of the run,) each: counters of a timestep, in the order of time."""

    def __repr__(self) -> str:
        timesteps = len(next(iter(self.timesteps.values()), ()))
        return f"Detail({counted(len(self.link_flits), 'node')}, {counted(timesteps, 'timestep')})"

    def save(self, path: str | Path) -> None:
        """Writes all arrays as an `.npz`.

        Raises:
            InputError: If the file cannot be written.
        """
        with files.written(path, InputError) as file:
            self.write(file)

    def write(self, file: BinaryIO) -> None:
        """Writes all arrays into a file that is open: `nodes/sops`, `timesteps/sops` and so on."""
        arrays: dict[str, Any] = {
            **{f"nodes/{name}": column for name, column in self.nodes.items()},
            "link_flits": self.link_flits,
            "output_blocked_cycles": self.output_blocked_cycles,
            **{f"timesteps/{name}": column for name, column in self.timesteps.items()},
        }
        np.savez_compressed(file, **arrays)


def whole(batches: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Detail:
    """The detail of batches that ran one after the other.

    Args:
        batches: What the core reported of each: `nodes` and `timesteps`, one column per counter,
            and two arrays of router outputs.
        names: The counters, in the order of the columns.
    """
    nodes = np.stack([batch["nodes"] for batch in batches])
    total, highest = nodes.sum(axis=0), nodes.max(axis=0)
    by_node = {
        name: (highest if name.startswith(HIGHEST) else total)[:, column]
        for column, name in enumerate(names)
        if name not in OF_THE_CHIP
    }
    timesteps = np.concatenate([batch["timesteps"] for batch in batches])
    return Detail(
        nodes=by_node,
        link_flits=np.sum([batch["output_flits"][:, :4] for batch in batches], axis=0),
        output_blocked_cycles=np.sum([batch["output_blocked_cycles"] for batch in batches], axis=0),
        timesteps={name: timesteps[:, column] for column, name in enumerate(names)},
    )


ENGINES = ("soma", "Send", "Receive")
"""Of a core, in the order of the columns of `Load.core_cycles`."""


@dataclass(frozen=True)
class Load:
    """Cycles of engines, and flits of router outputs; every run with cycles has it."""

    core_cycles: NDArray[np.int64]
    """(cores, 3): cycles in which the soma, Send and Receive of a core are busy."""
    output_flits: NDArray[np.int64]
    """(nodes, 5): flits through each output of a router: +x, -x, +y, -y, and to its cores."""

    def __repr__(self) -> str:
        return f"Load({counted(len(self.core_cycles), 'core')})"


def load_of(batches: Sequence[Mapping[str, Any]]) -> Load:
    """The load of batches that ran one after the other, from what the core reported of each."""
    return Load(
        core_cycles=np.sum([batch["cores"] for batch in batches], axis=0),
        output_flits=np.sum([batch["output_flits"] for batch in batches], axis=0),
    )


EARLIER = "layer_"
"""What names of arrays by population began with."""
RENAMED = {"names": "population_names", "overflows": "overflows"}
"""Those that are no counter of the core, and what they are called now."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Values that differ between the chip and what was computed beside it, layer by layer."""

    layers: tuple[str, ...]
    """Populations that hold a tensor of the graph."""
    differing: NDArray[np.int64]
    compared: NDArray[np.int64]
    samples: int
    """How many samples were compared, from the first of the run."""

    def __repr__(self) -> str:
        return (
            f"Agreement({int(self.differing.sum()):,} of "
            f"{counted(int(self.compared.sum()), 'value')} differ)"
        )


@dataclass(frozen=True)
class Run:
    """What happened: arrays have one row per sample."""

    image: Image
    timing: str
    outputs_by_name: Mapping[str, NDArray[np.int32]] = field(repr=False)
    """(samples, *shape) each: codes of the network's outputs."""
    values_by_name: Mapping[str, NDArray[Any]] = field(repr=False)
    """(samples, ...) each: the model's outputs, after their float tails on the host."""
    counters: Mapping[str, NDArray[np.int64]]
    """(samples,) each: everything the chip counted, by name; cycles are 0 without timing.

    What only few chips have an energy for is among them where the chip has it.

    What a sample's spikes cause is counted for that sample; updates and cycles for the one that
    entered last, until the next does or the run ends. So samples add up to the run.
    """
    timestep_work_cycles: NDArray[np.int64]
    """(timesteps of the run,): cycles of each one's own work; empty without timing."""
    timestep_cycles: NDArray[np.int64]
    """(timesteps of the run,): cycles from each one's start to the next; empty without timing."""
    by_population: Mapping[str, NDArray[np.int64]] = field(repr=False)
    """(samples, populations) each: what each population did, by the names of the core's counters
    (docs/machine.md, section 7), in the order of `population_names`."""
    compiled_agreement: Agreement | None
    """Against the compiled network in NumPy: the simulator's own check, 0 differ.

    Of the samples that were compared; None for none. So is `exact_agreement`."""
    exact_agreement: Agreement | None
    """Against the graph in exact integers, which is onnxruntime's answer."""
    energy_by_component_pj: Mapping[str, NDArray[np.float64]] = field(repr=False)
    """(samples,) each: pJ, by what is counted."""
    detail: Detail | None = field(default=None, repr=False)
    """By node, link and timestep, where it was asked for."""
    load: Load | None = field(default=None, repr=False)
    """How busy engines and links were; None without timing."""
    tick_cycles: int = 0
    """The shortest timestep of this run, the chip's unless another was asked for; 0: none."""
    chose_tick: bool = False
    """Whether another one was asked for."""
    normalization: Normalization | None = None
    """What was done to the samples before they were the model's input."""
    filling: Filling | None = None
    """How much of the input's range the samples took; None where they are codes or random."""

    def __repr__(self) -> str:
        image = self.image
        return (
            f"Run({named(image.name)} on {named(image.chip.name)}, code {image.code}, "
            f"{counted(len(self.outputs), 'sample')}, timing {self.timing})"
        )

    @property
    def outputs(self) -> NDArray[np.int32]:
        """(samples, *shape): codes of the network's first output."""
        return next(iter(self.outputs_by_name.values()))

    @property
    def values(self) -> NDArray[Any]:
        """(samples, ...): the model's first output, after its float tail on the host."""
        return next(iter(self.values_by_name.values()))

    @property
    def population_names(self) -> tuple[str, ...]:
        """The populations, in the order of the arrays by population."""
        return tuple(each.name for each in self.image.populations)

    @property
    def sops(self) -> NDArray[np.int64]:
        """(samples,): synaptic operations."""
        return self.counters["sops"]

    @property
    def spikes(self) -> NDArray[np.int64]:
        """(samples,): spikes, those of the input included."""
        return self.counters["spikes"]

    @property
    def work_cycles(self) -> NDArray[np.int64]:
        """(samples, timesteps): cycles of each timestep's own work; no columns without timing.

        Of the timesteps in which a sample is in flight, work for other samples included.
        """
        return self._by_sample(self.timestep_work_cycles)

    @property
    def cycles(self) -> NDArray[np.int64] | None:
        """(samples,): latency, from the first timestep's start to the last one's end, if timed."""
        return self._by_sample(self.timestep_cycles).sum(axis=1) if self.timing == "cycle" else None

    @property
    def barrier_cycles(self) -> int:
        """Cycles of the barrier of each timestep."""
        return self.image.chip.barrier_cycles(self.image.nodes_used)

    @property
    def cycles_without_tick(self) -> NDArray[np.int64] | None:
        """(samples,): latency of work and barriers alone, whatever the tick, if timed."""
        if self.timing != "cycle":
            return None
        barriers = np.int64(self.barrier_cycles * self.image.timesteps)
        return np.asarray(self.work_cycles.sum(axis=1) + barriers, np.int64)

    @property
    def cycles_per_sample(self) -> float | None:
        """Mean cycles between two samples while the chip holds as many as it can.

        None without timing, and where the run has fewer samples than that.
        """
        return self._between_samples(self.timestep_cycles)

    @property
    def samples_per_s(self) -> float | None:
        """Throughput, while the chip holds as many samples as it can."""
        return self._per_s(self.cycles_per_sample)

    @property
    def samples_per_s_without_tick(self) -> float | None:
        """The same where timesteps end with their work and the barrier."""
        lengths = self.timestep_work_cycles + self.barrier_cycles
        return self._per_s(self._between_samples(lengths))

    def _between_samples(self, timestep_cycles: NDArray[np.int64]) -> float | None:
        full = len(self.outputs) - self.image.samples_in_flight + 1
        if self.timing != "cycle" or full < 1:
            return None
        last = len(self.outputs) * self.image.period
        return float(timestep_cycles[last - full * self.image.period : last].sum()) / full

    def _per_s(self, cycles: float | None) -> float | None:
        return None if cycles is None else self.image.chip.cycles_per_us * 1e6 / cycles

    def _by_sample(self, of_timesteps: NDArray[np.int64]) -> NDArray[np.int64]:
        """One row per sample, of the timesteps in which it is in flight."""
        if not len(of_timesteps):
            return np.zeros((len(self.outputs), 0), np.int64)
        return sliding_window_view(of_timesteps, self.image.timesteps)[:: self.image.period]

    @property
    def overflows(self) -> NDArray[np.int64]:
        """(samples, populations): values that left a register."""
        of = self.by_population
        return np.asarray(of["sum_overflows"] + of["membrane_overflows"])

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What earlier versions called `layer_names`, `layer_overflows`, `layer_sops`, ..."""
            counter = name.removeprefix(EARLIER)
            if counter == name or counter not in (*RENAMED, *population_counters()):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            now = RENAMED.get(counter, f'by_population["{counter}"]')
            warnings.warn(
                f"`{name}` is called `{now}` now; the old name will go",
                DeprecationWarning,
                stacklevel=2,
            )
            return getattr(self, now) if counter in RENAMED else self.by_population[counter]

    @property
    def energy_pj(self) -> NDArray[np.float64]:
        """(samples,): pJ."""
        return np.asarray(sum(self.energy_by_component_pj.values()))

    @property
    def predictions(self) -> NDArray[np.int64]:
        """(samples,): the class with the largest output."""
        if np.issubdtype(self.values.dtype, np.integer):
            return self.values.reshape(len(self.values), -1)[:, 0]
        return np.asarray(self.values.reshape(len(self.values), -1).argmax(axis=1))
