"""Work: how busy engines are in each timestep for a cut of populations, estimated (machine.md, 4).

How often neurons spike is measured or stated; what that takes are the engines' times of the chip
file, without what the network on chip adds. Of a population only the average activity is known, so
a box's work is that of the largest box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..interpret import interpret
from ..network import (
    ConvolutionConnector,
    DenseConnector,
    DoubleIntegration,
    FirstSpike,
    Network,
    OneToOneConnector,
    Population,
    Shape,
    StemNeurons,
)
from .axons import cuts_reached
from .links import ResolvedProjection, links_of
from .tiles import Grid

Activity: TypeAlias = Mapping[str, NDArray[np.float64]]
"""By population that sends: (timesteps of its window,) spikes of a neuron, on average."""

STATED = 0.25
"""Spikes of a neuron in a timestep where no samples tell: of trained networks 0.1 to 0.3."""

MEASURED_SAMPLES = 4
"""Samples that the activity is measured on: averages over whole populations hardly need more."""


def stated(network: Network) -> Activity:
    """The activity of a network of which there are no samples."""
    return {
        population.name: np.full(population.steps, _stated(population.code, population.steps))
        for population in network.populations
        if population.code is not None
    }


def _stated(code: Any, steps: int) -> float:
    """A first spike comes once in a window; a bit or a rate spikes in every step by chance."""
    return 1 / steps if isinstance(code, FirstSpike) else STATED


def measured(network: Network, chip: Chip, values: NDArray[np.uint8]) -> Activity:
    """The activity over samples, computed in NumPy.

    Args:
        network: What is placed.
        chip: Its registers are the neurons'.
        values: (samples, neurons of the input): what the input's neurons send, in two's complement.
    """
    sent = interpret(network, chip, values[:MEASURED_SAMPLES])
    return {
        name: np.array([each.spikes(step).mean() for step in range(each.code.steps)])
        for name, each in sent.items()
        if each.code is not None
    }


PARTS = (*range(1, 9), *range(10, 17, 2), *range(20, 33, 4), *range(40, 65, 8), *range(80, 257, 16))
"""Into how many parts an axis may be cut."""

Cycles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EngineTimes:
    """What the engines of a core take, from a chip file."""

    lanes: int
    lookup: int
    decode: int
    synapse: float
    """Cycles a synapse."""
    rounds_up: bool
    """Whether the synapses of a packet take whole cycles."""
    flits: int
    input_flit: int
    """Cycles from one flit to the next where samples enter."""

    @staticmethod
    def of(chip: Chip) -> EngineTimes:
        """Reads a chip's description."""
        spec = chip.spec
        timing, noc = spec["core"]["timing"], spec["noc"]
        rate, millicycles = timing["sops_per_cycle"], timing["sop_millicycles"]
        return EngineTimes(
            timing["soma_lanes"],
            timing["axon_lookup_cycles"],
            timing["decode_cycles"],
            1 / rate if rate else millicycles / 1000,
            bool(rate),
            noc["packet_flits"],
            spec["io"][0]["io_cycles"] if spec["io"] else 1,
        )


@dataclass(frozen=True, eq=False)
class CutOptions:
    """The ways in which a population can be cut, and what each makes of its work."""

    population: Population
    lengths: NDArray[np.int64]
    """(options, 3): rows, columns and channels of a box."""
    boxes: NDArray[np.int64]
    """(options,)."""
    receive: Cycles
    """(options, projections into it): cycles of Receive if every source neuron spiked once."""
    fan_in: Cycles
    """(options, projections into it): packets that a spike of the source becomes, on average."""

    @cached_property
    def neurons(self) -> NDArray[np.int64]:
        """(options,): of the largest box."""
        return np.asarray(self.lengths.prod(axis=1))

    @cached_property
    def places(self) -> Cycles:
        """(options,): into how many parts the map is cut, whatever the cuts of the channels."""
        height, width, _ = self.population.shape
        rows, columns = -(-height // self.lengths[:, 0]), -(-width // self.lengths[:, 1])
        return np.asarray(rows * columns, np.float64)

    def grid(self, option: int) -> Grid:
        """The boxes of an option."""
        rows, columns, channels = self.lengths[option].tolist()
        return Grid.of(self.population.shape, (rows, columns, channels))


def options_of(
    population: Population,
    links: Sequence[ResolvedProjection],
    times: EngineTimes,
    max_neurons: int,
    max_boxes: int,
    fewest: Shape,
) -> CutOptions:
    """All cuts of a population into even parts that could fit a chip.

    Args:
        population: One that is on cores.
        links: The projections into it.
        times: Of the chip's engines.
        max_neurons: What a core holds.
        max_boxes: How many cores there are.
        fewest: Rows, columns and channels of the largest boxes that are known to fit.
    """
    shape = population.shape
    axes = [_lengths(whole) for whole in shape]
    lengths = np.array([*product(*axes), fewest], np.int64)
    boxes = np.prod([-(-whole // lengths[:, axis]) for axis, whole in enumerate(shape)], axis=0)
    possible = (lengths.prod(axis=1) <= max_neurons) & (boxes <= max_boxes)
    lengths, boxes = lengths[possible], boxes[possible]
    columns = [_link_columns(link, lengths, times) for link in links]
    none = np.zeros((len(lengths), 0))
    receive = np.stack([each[0] for each in columns], axis=1) if columns else none
    fan_in = np.stack([each[1] for each in columns], axis=1) if columns else none
    return CutOptions(population, lengths, boxes, receive, fan_in)


def _lengths(whole: int) -> list[int]:
    return sorted({ceil(whole / parts) for parts in (*PARTS, whole) if parts <= whole})


def _link_columns(
    link: ResolvedProjection, lengths: NDArray[np.int64], times: EngineTimes
) -> tuple[Cycles, Cycles]:
    """Cycles of Receive for a spike of every source, and packets a spike, of each option."""
    sources, synapses = _arriving(link, lengths)
    each = synapses / np.maximum(sources, 1) * times.synapse
    if times.rounds_up:
        each = np.ceil(each)
    return sources * (times.decode + each), _fan_in(link, lengths)


def _arriving(
    link: ResolvedProjection, lengths: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many source neurons reach a box, through how many synapses."""
    connector, source = link.connector, link.source
    neurons = lengths.prod(axis=1).astype(np.float64)
    if isinstance(connector, DenseConnector):
        return np.full(len(lengths), float(source.num_neurons)), source.num_neurons * neurons
    if isinstance(connector, OneToOneConnector):
        return neurons, neurons
    window, reached = connector.window, np.ones(len(lengths))
    taps = np.ones(len(lengths))
    for axis in (0, 1):
        kernel, length = window.kernel[axis], lengths[:, axis]
        span = (length - 1) * window.stride[axis] + (kernel - 1) * window.dilation[axis] + 1
        reached *= np.minimum(span, source.shape[axis])
        taps *= np.minimum(kernel, source.shape[axis])
    channels = lengths[:, 2]
    if not isinstance(connector, ConvolutionConnector):
        return reached * channels, neurons * taps
    width = link.target.shape[2] // connector.groups
    depth = source.shape[2] // connector.groups
    groups = np.minimum(connector.groups, np.ceil(channels / width))
    return reached * groups * depth, neurons * taps * depth


def _fan_in(link: ResolvedProjection, lengths: NDArray[np.int64]) -> Cycles:
    """Packets that a spike becomes on its way into boxes of these lengths, on average."""
    connector, shape = link.connector, link.target.shape
    parts = np.stack([-(-whole // lengths[:, axis]) for axis, whole in enumerate(shape)], axis=1)
    if isinstance(connector, DenseConnector):
        return np.asarray(parts.prod(axis=1), np.float64)
    if isinstance(connector, OneToOneConnector):
        return np.ones(len(lengths))
    fans = np.ones(len(lengths))
    for axis in (0, 1):
        of_length = {
            length: float(
                cuts_reached(link, connector.window, axis, _cuts(shape, axis, length)).mean()
            )
            for length in np.unique(lengths[:, axis]).tolist()
        }
        fans *= [of_length[length] for length in lengths[:, axis].tolist()]
    if isinstance(connector, ConvolutionConnector):
        fans *= np.maximum(1, parts[:, 2] / connector.groups)
    return fans


def _cuts(shape: Shape, axis: int, length: int) -> tuple[tuple[int, int], ...]:
    whole = shape[axis]
    return tuple((start, min(start + length, whole)) for start in range(0, whole, length))


class EngineWork:
    """When engines work for a network on a chip, and how long for what."""

    def __init__(self, network: Network, chip: Chip, activity: Activity) -> None:
        """Reads both; `activity` says how often neurons spike, where that is asked for."""
        core = chip.spec["core"]
        self.times = EngineTimes.of(chip)
        self.network, self.activity = network, activity
        self._soma = core["timing"]["soma_cycles"]
        word = core["second_state_word"]
        self._second: Mapping[str, float] | None = word["soma_cycles"] if word else None
        names = [each.name for each in network.populations]
        self.into: dict[str, list[ResolvedProjection]] = {name: [] for name in names}
        self.out_of: dict[str, list[ResolvedProjection]] = {name: [] for name in names}
        for link in links_of(network):
            self.into[link.target.name].append(link)
            self.out_of[link.source.name].append(link)

    def spikes(self, population: Population) -> Cycles:
        """(timesteps of the network,): spikes of a neuron of a population."""
        spikes = np.zeros(self.network.timesteps)
        sent = self.activity.get(population.name)
        if sent is not None:
            start = population.send_start
            spikes[start : start + len(sent)] = sent
        return spikes

    def soma(self, population: Population) -> Cycles:
        """(timesteps of the network,): cycles of a group of neurons that update together."""
        cycles = np.full(self.network.timesteps, float(self._soma.get("idle") or 0))
        phases = self._phases(population.model)
        for link in self.into[population.name]:
            start = link.source.send_start + 1
            _at_least(cycles, start, start + link.source.steps, phases[0])
        start = population.send_start
        _at_least(cycles, start, start + population.steps, phases[1])
        return cycles

    def _phases(self, model: Any) -> tuple[float, float]:
        """Cycles of a neuron that receives, and of one that sends."""
        if isinstance(model, StemNeurons):
            is_double = isinstance(model.integration, DoubleIntegration)
            stem = self._second if is_double and self._second else self._soma["stem"]
            return stem["accumulate"], stem["generate"]
        names = {"QuartzNeurons": "quartz", "IntegrateFireNeurons": "integrate_fire"}
        table = self._soma.get(names.get(type(model).__name__, "max_pool"), {})
        cycles = [value for value in table.values() if value is not None]
        return cycles[0], cycles[-1]


class WorkModel(EngineWork):
    """The estimated work of a network on a chip, by timestep, for any choice of cuts."""

    def __init__(
        self,
        network: Network,
        chip: Chip,
        activity: Activity,
        max_boxes: int,
        fewest: Mapping[str, Grid],
    ) -> None:
        """Lists the cuts of every population on cores, those with the fewest boxes included."""
        super().__init__(network, chip, activity)
        max_neurons = chip.spec["core"]["max_neurons"]
        self.options = {
            name: options_of(
                network.population(name),
                self.into[name],
                self.times,
                max_neurons,
                max_boxes,
                grid.lengths,
            )
            for name, grid in fewest.items()
        }

    def option_of(self, name: str, grid: Grid) -> int:
        """Which option of a population is nearest to a grid."""
        options = self.options[name]
        return int(np.abs(options.lengths - grid.lengths).sum(axis=1).argmin())


def _at_least(cycles: Cycles, start: int, stop: int, floor: float) -> None:
    """Raises a part of an array to a value."""
    cycles[start:stop] = np.maximum(cycles[start:stop], floor)
