"""Spread: into which boxes populations are cut so that the slowest engine of a timestep is faster.

Each population takes the cut with the least work, given how the others are cut, plus a cost for
each core; populations take turns until none changes. Several costs give several choices, from few
cores to all that there are. What is minimized is the sum over timesteps of a smooth maximum over
engines: of two that bound a timestep, each then gains something by being cut alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from ..chip import Chip
from ..network import DenseConnector, InputNeurons, Network, Population
from .boxes import Limits, cut, usages_of
from .footprint import Footprints
from .links import ResolvedProjection
from .place import Cuts
from .tiles import Grid, Usage
from .work import Cycles, WorkModel

DEAREST, CHEAPER, NUM_COSTS = 2.0, 0.5, 11
"""The first cost of a core, as a share of the work on the fewest cores, shared over all cores; and
what each next one is of the one before."""

SWEEPS = 6
"""At most so often does each population choose anew at one cost of a core."""

IN_TURN = 0.6
"""Neurons spike in the order of the map: where targets are cut into n times as many parts of the
map as sources, not all of them receive at once, and it takes n to this power as long."""

CROWDED = 1.6
"""How much dearer cores become for populations that found no place."""


class Chooser:
    """Choices of cuts for a network."""

    def __init__(self, model: WorkModel, packet_cycles: float = 0.0) -> None:
        """Starts with the fewest boxes.

        Args:
            model: What cuts cost.
            packet_cycles: What a packet costs beside its work, in cycles of a sample.
        """
        self.model, self.packet_cycles = model, packet_cycles
        self._total: Cycles = np.zeros(0)
        network = model.network
        self.on_chip = [each for each in network.populations if each.name in model.options]
        self._spikes = {
            each.name: _folded(model.spikes(each), network) for each in network.populations
        }
        self._soma = {each.name: _folded(model.soma(each), network) for each in self.on_chip}
        self.allowed = {
            name: np.ones(len(options.boxes), np.bool_) for name, options in model.options.items()
        }
        self.chosen = {name: int(options.boxes.argmin()) for name, options in model.options.items()}
        self.dearer = dict.fromkeys(model.options, 1.0)

    def costs(self, max_boxes: int) -> Iterator[float]:
        """Cycles of a sample that a core costs, from dear to cheap; what is chosen starts anew."""
        self._recount()
        share = self.smooth_cycles() / max_boxes
        for step in range(NUM_COSTS):
            yield DEAREST * CHEAPER**step * share

    def take(self, grids: Mapping[str, Grid]) -> None:
        """Chooses these cuts."""
        for name, grid in grids.items():
            self.chosen[name] = self.model.option_of(name, grid)
        self._recount()

    def crowded(self, names: Iterable[str]) -> None:
        """Cores become dearer for some populations: they found no place for so many."""
        for name in names:
            self.dearer[name] *= CROWDED

    def settle(self, core_cost: float) -> None:
        """Lets populations choose, at a cost of a core in cycles, until none changes."""
        for _ in range(SWEEPS):
            before = dict(self.chosen)
            for population in self.on_chip:
                self.choose(population, core_cost)
            if before == self.chosen:
                return

    def forbid(self, name: str, option: int) -> bool:
        """Rules out boxes of these lengths and larger ones. Returns whether an option is left."""
        lengths = self.model.options[name].lengths
        self.allowed[name] &= ~(lengths >= lengths[option]).all(axis=1)
        return bool(self.allowed[name].any())

    def choose(self, population: Population, core_cost: float) -> None:
        """The cheapest cut of a population, as the others are cut now."""
        name, options = population.name, self.model.options[population.name]
        rows = self._rows_of(population)
        held = self.chosen[name]
        others = self._total - sum(_powered(_of(row, held)) for row in rows)
        work = others + sum(_powered(row) for row in rows)
        cost = _root(work).sum(axis=1) + core_cost * self.dearer[name] * options.boxes
        cost += self.packet_cycles * self._packets_into(population)
        cost[~self.allowed[name]] = np.inf
        best = int(cost.argmin())
        self.chosen[name] = best
        self._total = others + sum(_powered(_of(row, best)) for row in rows)

    def _recount(self) -> None:
        """The powers of all engines' work, from what is chosen."""
        self._total = np.sum([_powered(row) for row in self._all_rows()], axis=0)

    def smooth_cycles(self) -> float:
        """Work of a sample, where each engine counts that is nearly the slowest."""
        return float(_root(self._total).sum())

    def cycles(self) -> float:
        """Work of a sample: of each timestep the slowest engine's, without the network on chip."""
        return float(np.max(np.stack(list(self._all_rows())), axis=0).sum())

    def _all_rows(self) -> Iterator[Cycles]:
        for population in self.model.network.populations:
            if population.name in self.model.options:
                at = self.chosen[population.name]
                yield self._receive(population)[at]
                yield self._update(population)[at]
            if self.model.out_of[population.name]:
                yield self._send(population, self._fan(population))

    def _rows_of(self, population: Population) -> list[Cycles]:
        """(options, timesteps) each: the work that the cut of a population changes."""
        rows = [self._receive(population), self._update(population)]
        if self.model.out_of[population.name]:
            each = self._neurons(population)[:, None] * self._spike_cycles(self._fan(population))
            rows.append(each * self._spikes[population.name])
            targets = {link.target.name: link.target for link in self.model.out_of[population.name]}
            rows += [self._received_from(population, target) for target in targets.values()]
        sources = {link.source.name: link.source for link in self.model.into[population.name]}
        for source in sources.values():
            fans = self._fan(source, of=population)
            rows.append(self._sent_by(source, fans))
        return rows

    def _receive(self, population: Population) -> Cycles:
        """(options, timesteps): cycles of Receive."""
        options = self.model.options[population.name]
        cycles = np.zeros((len(options.boxes), self._length))
        for number, link in enumerate(self.model.into[population.name]):
            each = options.receive[:, number] * self._in_turn(link, options.places, None)
            cycles += each[:, None] * self._spikes[link.source.name]
        return cycles

    def _received_from(self, source: Population, target: Population) -> Cycles:
        """(options of the source, timesteps): cycles of Receive of a target, as it is cut now."""
        options, at = self.model.options[target.name], self.chosen[target.name]
        cycles = np.zeros((1, self._length))
        for number, link in enumerate(self.model.into[target.name]):
            of = source if link.source.name == source.name else None
            each = options.receive[at, number] * self._in_turn(link, options.places[at], of)
            cycles = cycles + np.reshape(each, (-1, 1)) * self._spikes[link.source.name]
        return cycles

    def _in_turn(self, link: ResolvedProjection, places: Cycles, of: Population | None) -> Cycles:
        """By how much longer Receive takes; with a population, for each option of the source."""
        if isinstance(link.connector, DenseConnector):
            return np.ones(1)
        held, name = np.ones(1), link.source.name
        if name in self.model.options:
            all_places = self.model.options[name].places
            held = all_places if of is not None else all_places[self.chosen[name]]
        return np.asarray(np.maximum(1.0, places / held) ** IN_TURN)

    @property
    def _length(self) -> int:
        return len(next(iter(self._spikes.values())))

    def _update(self, population: Population) -> Cycles:
        groups = -(-self._neurons(population) // self.model.times.lanes)
        return np.asarray(groups[:, None] * self._soma[population.name])

    def _neurons(self, population: Population) -> Cycles:
        return self.model.options[population.name].neurons.astype(np.float64)

    def _fan(self, source: Population, of: Population | None = None) -> Cycles:
        """Packets a spike of a source becomes; with a population, for each of its options."""
        fan = np.zeros(1)
        for link in self.model.out_of[source.name]:
            target = link.target.name
            fans = self.model.options[target].fan_in[:, self.model.into[target].index(link)]
            if of is not None and target == of.name:
                fan = fan + fans
            else:
                fan = fan + fans[self.chosen[target]]
        return fan

    def _spike_cycles(self, fan: Cycles) -> Cycles:
        times = self.model.times
        return times.lookup + times.flits * fan

    def _send(self, source: Population, fan: Cycles) -> Cycles:
        return np.asarray(self._sent_by(source, fan)[0])

    def _sent_by(self, source: Population, fan: Cycles) -> Cycles:
        """(fans, timesteps): cycles of Send, or of the port where samples enter."""
        spikes, times = self._spikes[source.name], self.model.times
        if isinstance(source.model, InputNeurons):
            each = source.num_neurons * times.flits * times.input_flit * fan
        else:
            neurons = self.model.options[source.name].neurons[self.chosen[source.name]]
            each = neurons * self._spike_cycles(fan)
        return np.asarray(each[:, None] * spikes)

    def _packets_into(self, population: Population) -> Cycles:
        """(options,): packets of a sample into a population."""
        spikes = [
            self._spikes[link.source.name].sum() * link.source.num_neurons
            for link in self.model.into[population.name]
        ]
        fan_in = self.model.options[population.name].fan_in
        return np.asarray(fan_in @ np.array(spikes) if spikes else np.zeros(len(fan_in)))


def _of(row: Cycles, option: int) -> Cycles:
    """A row of an option; one row may stand for all."""
    return np.asarray(row[min(option, len(row) - 1)])


def _powered(work: Cycles) -> Cycles:
    """The fourth power: of the smooth maximum."""
    squared = work * work
    return np.asarray(squared * squared)


def _root(total: Cycles) -> Cycles:
    """The smooth maximum, from a sum of fourth powers; rounding may leave less than 0."""
    return np.asarray(np.sqrt(np.sqrt(np.maximum(total, 0.0))))


def _folded(cycles: Cycles, network: Network) -> Cycles:
    """Of the timesteps of a period: samples that are in flight together add up."""
    period = network.period
    whole = -(-len(cycles) // period) * period
    padded = np.concatenate([cycles, np.zeros(whole - len(cycles))])
    return np.asarray(padded.reshape(-1, period).sum(axis=0))


class Fitting:
    """What the boxes of chosen cuts take of their cores; found once for each choice."""

    def __init__(self, chooser: Chooser, chip: Chip) -> None:
        """For one network on one chip."""
        self.chooser, self.chip, self.limits = chooser, chip, Limits.of(chip)
        self._known: dict[tuple[object, ...], list[Usage] | None] = {}

    def cuts(self, core_cost: float) -> Cuts:
        """The cuts that the chooser holds, each checked against the memories of a core.

        Where one does not fit, the chooser chooses again.

        Args:
            core_cost: Cycles of a sample that a core costs.

        Raises:
            CapacityError: If a population fits in no cut.
        """
        chooser = self.chooser
        grids: dict[str, Grid] = {}
        usages: dict[str, Sequence[Usage]] = {}
        footprints = Footprints(chooser.model.network, self.chip)
        # A box's out-tables depend on how its targets are cut: last layer first.
        for population in reversed(chooser.on_chip):
            name, options = population.name, chooser.model.options[population.name]
            while True:
                grid = options.grid(chooser.chosen[name])
                used = self._usages(footprints, population, grid, grids)
                if used is not None:
                    break
                if not chooser.forbid(name, chooser.chosen[name]):
                    grid, used = cut(footprints, population, self.limits)
                    break
                chooser.choose(population, core_cost)
            grids[name], usages[name] = grid, used
            footprints.settle(population, grid)
        return Cuts(grids, usages)

    def _usages(
        self,
        footprints: Footprints,
        population: Population,
        grid: Grid,
        grids: dict[str, Grid],
    ) -> list[Usage] | None:
        """What every box takes; None where one does not fit."""
        targets = [link.target.name for link in self.chooser.model.out_of[population.name]]
        key = (population.name, grid, *(grids[target] for target in targets))
        if key not in self._known:
            self._known[key] = usages_of(footprints, population, self.limits, grid)
        return self._known[key]
