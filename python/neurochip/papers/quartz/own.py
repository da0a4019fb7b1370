"""Own: the network that Quartz-on-Loihi measured, in every window that it was measured in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import NeurochipError
from ...image import Image, assemble
from ...network import InputNeurons
from ...options import QUARTZ_MODES, CompileOptions
from ...report import report
from ...report.contents import Contents
from ...simulate import simulate
from ..boards import network_of, placed
from ..networks import Missing, Subject, trained_in_float
from ..suite import Section
from ..table import Cell, Column, Table
from .bench import OWN_NETWORK, QuartzBench

PROFILES = ("loihi:davies2018", "loihi:nahuku")
"""Simulated before silicon; and a regression on silicon."""

MODES = QUARTZ_MODES
"""Of Quartz (docs/quartz.md, section 3), the authors' integers last."""

UJ_IN_PJ = 1e6


@dataclass(frozen=True, slots=True)
class Values:
    """What a mode computes in a window, whatever an event costs on a chip."""

    samples: int
    percent: float
    """Right answers, of these."""
    spikes: float
    """Of the cores, a sample's mean: the input's are the host's."""


@dataclass(frozen=True, slots=True)
class OwnMeasurement:
    """The network on one profile of Loihi, in one mode and in windows of one length."""

    profile: str
    mode: str
    timesteps: int
    """Of a window."""
    values: Values
    contents: Contents

    @property
    def steps(self) -> int:
        """Timesteps of a sample."""
        assert self.contents.timing is not None
        return self.contents.timing.timesteps

    @property
    def core_uj(self) -> float:
        """Energy of a sample's events."""
        return sum(term.energy_pj for term in self.contents.energy.event_terms) / UJ_IN_PJ

    @property
    def neurons(self) -> int:
        """Those on the chip."""
        return sum(layer.neurons for layer in self.contents.layers if layer.model != "input")


def measure(bench: QuartzBench) -> Section:
    """Each mode in every window that was measured on the board, on both profiles."""
    rows = tuple(_measured(bench))
    return Section((_table(bench, rows),))


def _measured(bench: QuartzBench) -> Iterator[OwnMeasurement]:
    if isinstance(bench.own, Missing):
        return
    bench.options.tell(f"{OWN_NETWORK}: quantizing")
    subject = trained_in_float(OWN_NETWORK, bench.own.model, bench.own.samples)
    if isinstance(subject, Missing):
        raise NeurochipError(str(subject), hint="give `--data DIR` with another file")
    subject = subject.first(bench.size.own_samples)
    few, threads = subject.first(bench.size.timed), bench.options.threads
    known: dict[tuple[str, int], Values] = {}  # profiles differ in times and prices alone
    for profile in PROFILES:
        for mode in MODES:
            for timesteps in bench.size.loihi_timesteps:
                bench.options.tell(f"{OWN_NETWORK}: {mode}, T = {timesteps} on {profile}")
                options = CompileOptions(t_max=timesteps, quartz_mode=mode)
                image = assemble(
                    placed(subject, profile, "quartz", options=options), graph=subject.graph
                )
                if (mode, timesteps) not in known:
                    known[mode, timesteps] = _values(subject, image, threads)
                contents = report(simulate(image, few.x, threads=threads, compare=False)).contents
                yield OwnMeasurement(profile, mode, timesteps, known[mode, timesteps], contents)


def _values(subject: Subject, image: Image, threads: int | None) -> Values:
    run = simulate(image, subject.x, timing="none", threads=threads, compare=False)
    outside = {
        population.name
        for population in network_of(image).populations
        if isinstance(population.model, InputNeurons)
    }
    spikes = run.by_population["spikes"].mean(axis=0)
    inside = [
        own for name, own in zip(run.population_names, spikes, strict=True) if name not in outside
    ]
    percent = 100.0 * float(np.mean(run.predictions == subject.labels))
    return Values(len(subject.x), percent, float(sum(inside)))


def _table(bench: QuartzBench, rows: Sequence[OwnMeasurement]) -> Table:
    columns = (
        Column("profile"),
        Column("mode"),
        Column("T"),
        Column("accuracy, %"),
        Column("on Loihi, %"),
        Column("points", signed=True),
        Column("spikes", 0),
        Column("on Loihi, spikes", 0),
        Column("ratio of spikes"),
        Column("steps"),
        Column("on Loihi, steps"),
        Column("ratio of steps"),
        Column("cores"),
        Column("on Loihi, cores"),
        Column("ratio of cores"),
        Column("µJ", 1),
        Column("on Loihi, µJ", 1),
        Column("ratio of µJ"),
    )
    return Table(
        name="loihi",
        title="The network of Quartz-on-Loihi, beside what was measured on the board",
        columns=columns,
        rows=tuple(_row(bench, each) for each in rows),
        notes=(
            *_left_out(bench),
            *_notes(bench, rows),
        ),
        sources=(bench.published.source("loihi"),),
    )


def _left_out(bench: QuartzBench) -> Iterator[str]:
    if isinstance(bench.own, Missing):
        yield f"LEFT OUT: {bench.own}"


def _notes(bench: QuartzBench, rows: Sequence[OwnMeasurement]) -> Iterator[str]:
    if not rows:
        return
    neurons, first = sorted({each.neurons for each in rows}), rows[0]
    yield (
        "quantized here to uint8, a scale per tensor; accuracy and spikes are of "
        f"{first.values.samples:,} images, energy of {first.contents.samples}; on Loihi of 10,000"
    )
    yield (
        "the board's network has 4,354 neurons without those of pools, readouts and biases; ours "
        f"has {neurons[0]:,} to {neurons[-1]:,} with them, and puts readouts, rectifiers and "
        "biases on cores of their own"
    )
    yield (
        "exact: our neurons, published: those of the publication, loihi: these in the authors' "
        "integers (docs/quartz.md, section 3); spikes: those of the cores, without the input's"
    )
    yield "µJ: dynamic energy of the cores' events, without idle power, host and processors"
    for profile in PROFILES:
        ratios = [
            ratio for each in rows if each.profile == profile for ratio in _ratio(bench, each)
        ]
        yield f"{profile}: {min(ratios):.2f} to {max(ratios):.2f} times the measured energy"


def _ratio(bench: QuartzBench, each: OwnMeasurement) -> Iterator[float]:
    energy = bench.published.measured("core_dynamic_uj", each.timesteps)
    if energy is not None:
        yield each.core_uj / energy


def _row(bench: QuartzBench, each: OwnMeasurement) -> tuple[Cell, ...]:
    paper, timesteps = bench.published, each.timesteps
    error = paper.measured("error", timesteps)
    accuracy = None if error is None else 100.0 - error
    steps = paper.measured("steps", timesteps)
    return (
        each.profile,
        each.mode,
        timesteps,
        each.values.percent,
        accuracy,
        None if accuracy is None else each.values.percent - accuracy,
        *_beside(each.values.spikes, paper.measured("spikes", timesteps)),
        *_beside(each.steps, None if steps is None else int(steps)),
        *_beside(each.contents.cores.used, int(paper.constant("loihi", "cores"))),
        *_beside(each.core_uj, paper.measured("core_dynamic_uj", timesteps)),
    )


def _beside(ours: float, measured: float | None) -> tuple[Cell, Cell, Cell]:
    return (ours, measured, None if measured is None else ours / measured)
