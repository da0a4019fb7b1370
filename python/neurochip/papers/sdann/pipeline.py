"""Figure 11: samples in flight, measured timesteps against the paper's law."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...chip import load as load_chip
from ...image import assemble
from ...lower import Network, lower
from ...lower.schedule.relays import RELAY
from ...network import StemNeurons
from ...placement import place
from ...simulate import simulate
from ..networks import Subject
from ..plot import Plot
from ..suite import Section
from ..table import Cell, Column, Table
from .bench import SdannBench
from .chips import DARWIN3

T = 8
"""Timesteps of a window of 8 bits."""
SAMPLES = 6


@dataclass(frozen=True, slots=True)
class Way:
    """How samples follow each other."""

    name: str
    pipeline: bool
    buffers: int
    """Of a neuron: with two it receives a sample while it sends the one before."""


WAYS = (Way("one by one", False, 2), Way("two buffers", True, 2), Way("one buffer", True, 1))


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """One network, one way, measured."""

    subject: str
    way: Way
    layers: int
    latency: int
    """Timesteps from the first spike of a sample to its answer."""
    period: float
    """Timesteps between two answers."""
    relays: int
    microseconds: float
    """Between two answers."""

    @property
    def latency_by_law(self) -> int:
        """Timesteps: a window for each layer, and one for the input."""
        return (self.layers + 1) * T

    @property
    def period_by_law(self) -> int:
        """Timesteps: those for which a neuron is busy with a sample, or the network is."""
        if not self.way.pipeline:
            return self.latency_by_law
        return T if self.way.buffers == 2 else 2 * T


def measure(bench: SdannBench) -> Section:
    """Runs each network with one sample, and with several."""
    chosen = [subject for subject in bench.subjects if subject.name in bench.size.pipelined]
    timed = [_timed(bench, subject, way) for subject in chosen for way in WAYS]
    columns = (
        Column("network"),
        Column("samples enter"),
        Column("L"),
        Column("latency, timesteps"),
        Column("(L + 1) T"),
        Column("a sample every, timesteps", 1),
        Column("law"),
        Column("relay neurons"),
        Column("µs a sample", 0),
    )
    table = Table(
        name="figure-11",
        title=f"Figure 11: samples in flight on {DARWIN3}, T = {T}",
        columns=columns,
        rows=tuple(map(_row, timed)),
        notes=(
            "L is the longest chain of layers that integrate; maximum pooling streams, and takes a "
            "timestep instead of a window",
            f"measured: a run of one sample has the latency's timesteps, one of {SAMPLES} has "
            f"{SAMPLES - 1} times the timesteps between two samples more",
            "the law: one by one (L + 1) T, with two buffers T, with one 2 T",
        ),
        sources=(bench.published.source("pipeline"),),
    )
    return Section((table,), (Plot("figure-11", table.title, partial(_draw, timed)),))


def depth(network: Network) -> int:
    """The longest chain of populations that integrate."""
    found = {population.name: 0 for population in network.populations}
    for population in network.populations:
        sources = [each.source for each in network.projections if each.target == population.name]
        own = isinstance(population.model, StemNeurons) and population.kind != RELAY
        found[population.name] = int(own) + max((found[name] for name in sources), default=0)
    return max(found.values())


def _timed(bench: SdannBench, subject: Subject, way: Way) -> PipelineRun:
    bench.options.tell(f"{subject.name}: {way.name}")
    chip = load_chip(DARWIN3, {"core.buffers": way.buffers})
    codes = subject.graph.quantize(subject.calibration)
    network = lower(subject.graph, chip, "stem", codes, None, way.pipeline)
    image = assemble(place(network, chip), graph=subject.graph)
    alone, many = (
        simulate(image, subject.x[:count], threads=bench.options.threads, compare=False)
        for count in (1, SAMPLES)
    )
    latency = len(alone.timestep_cycles)
    cycles = (int(many.timestep_cycles.sum()) - int(alone.timestep_cycles.sum())) / (SAMPLES - 1)
    return PipelineRun(
        subject=subject.name,
        way=way,
        layers=depth(network),
        latency=latency,
        period=(len(many.timestep_cycles) - latency) / (SAMPLES - 1),
        relays=sum(each.num_neurons for each in network.populations if each.kind == RELAY),
        microseconds=cycles / chip.cycles_per_us,
    )


def _row(timed: PipelineRun) -> tuple[Cell, ...]:
    return (
        timed.subject,
        timed.way.name,
        timed.layers,
        timed.latency,
        timed.latency_by_law,
        timed.period,
        timed.period_by_law,
        timed.relays,
        timed.microseconds,
    )


def _draw(timed: list[PipelineRun], figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    names = [f"{each.subject}, {each.way.name}" for each in timed]
    laws = [[each.latency_by_law for each in timed], [each.period_by_law for each in timed]]
    measured = [[each.latency for each in timed], [each.period for each in timed]]
    titles = ("latency of a sample", "time between samples")
    places = np.arange(len(timed))
    for axes, ours, law, title in zip((left, right), measured, laws, titles, strict=True):
        axes.barh(places + 0.2, ours, 0.4, label="measured")
        axes.barh(places - 0.2, law, 0.4, label="law", color="0.7")
        axes.set_yticks(places, names, fontsize=7)
        axes.invert_yaxis()
        axes.set_xlabel("timesteps")
        axes.set_title(title)
    right.set_yticklabels([])
    right.legend()
