"""Figures 3 and 4: error against operations, and their energy beside the network's own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..networks import Subject
from ..plot import Plot
from ..suite import Section
from ..table import Cell, Column, Table
from .bench import COUNTERPARTS, QuartzBench, WindowFacts
from .published import PublishedWork


def measure_operations(bench: QuartzBench) -> Section:
    """Figure 3: the paper's operations, and ours as they are counted on the chip."""
    columns = (
        Column("network"),
        Column("T"),
        Column("error, %"),
        Column("k operations", 1),
        Column("k SOPs", 1),
        Column("k spikes", 2),
        Column("k soma updates", 0),
        Column("k MACs", 1),
        Column("operations to MACs", 3),
        Column("k operations, paper", 0),
        Column("operations to MACs, paper", 3),
    )
    rows = [row for subject in bench.subjects for row in _operations(bench, subject)]
    table = Table(
        name="figure-03",
        title="Figure 3: error against operations of a sample",
        columns=columns,
        rows=tuple(rows),
        notes=(
            "operations: the paper's formula, n_synops + 2 N T for N neurons, where spikes that "
            "reach a neuron in one timestep are one",
            "SOPs: one for each weight that a spike adds, those of readouts included; soma updates "
            "are what the chip does, in both windows of each neuron",
        ),
        sources=(bench.published.source("simulation"),),
    )
    return Section((table,), tuple(_plot(bench, subject) for subject in bench.subjects))


def measure_energy(bench: QuartzBench) -> Section:
    """Figure 4: what the operations cost beside the network's multiplications, by their bits."""
    columns = (
        Column("network"),
        Column("T"),
        Column("accuracy, %"),
        Column("an addition", 1),
        Column("relative energy", 4),
        Column("relative energy, paper", 4),
    )
    rows = [row for subject in bench.subjects for row in _energies(bench, subject)]
    table = Table(
        name="figure-04",
        title="Figure 4: dynamic energy relative to the network's own multiplications",
        columns=columns,
        rows=tuple(rows),
        notes=(
            "operations times the bits of an addition, to MACs times those of a multiplication: a "
            "model of complexity, not of joules",
        ),
        sources=(bench.published.source("bits"), bench.published.source("simulation")),
    )
    return Section((table,))


def addition(paper: PublishedWork, timesteps: int) -> float:
    """What adding a level of log2(T) bits to a membrane costs."""
    level, membrane = math.log2(timesteps), paper.constant("bits", "membrane_bits")
    return max(level, membrane) + abs(level - membrane) / 2


def multiplication(paper: PublishedWork) -> float:
    """What a multiplication with addition costs."""
    return paper.constant("bits", "membrane_bits") * paper.constant("bits", "weight_bits")


def _operations(bench: QuartzBench, subject: Subject) -> Iterator[tuple[Cell, ...]]:
    macs = bench.macs[subject.name]
    for facts in bench.facts[subject.name]:
        operations, theirs = _counted(facts), _theirs(bench, subject, facts)
        yield (
            subject.name,
            facts.timesteps,
            100.0 - facts.percent,
            operations / 1e3,
            facts.sops / 1e3,
            facts.spikes / 1e3,
            facts.soma_updates / 1e3,
            macs / 1e3,
            operations / macs,
            None if theirs is None else theirs[0] / 1e3,
            None if theirs is None else theirs[0] / theirs[1],
        )


def _energies(bench: QuartzBench, subject: Subject) -> Iterator[tuple[Cell, ...]]:
    macs = bench.macs[subject.name]
    for facts in bench.facts[subject.name]:
        each = addition(bench.published, facts.timesteps)
        price = each / multiplication(bench.published)
        theirs = _theirs(bench, subject, facts)
        yield (
            subject.name,
            facts.timesteps,
            facts.percent,
            each,
            _counted(facts) / macs * price,
            None if theirs is None else theirs[0] / theirs[1] * price,
        )


def _counted(facts: WindowFacts) -> float:
    assert facts.operations is not None, "they are counted on wide registers"
    return facts.operations


def _theirs(bench: QuartzBench, subject: Subject, facts: WindowFacts) -> tuple[float, float] | None:
    """Operations and MACs of the paper's network."""
    network = COUNTERPARTS.get(subject.name)
    if network is None:
        return None
    operations = bench.published.simulated(network, "operations", facts.timesteps)
    return None if operations is None else (operations, bench.published.of_ann(network, "macs"))


def _plot(bench: QuartzBench, subject: Subject) -> Plot:
    facts, macs = bench.facts[subject.name], bench.macs[subject.name]

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.set_yscale("log")
        errors = [max(100.0 - each.percent, 50.0 / each.samples) for each in facts]
        axes.plot([_counted(each) for each in facts], errors, "o-", label="the paper's operations")
        axes.plot([each.sops for each in facts], errors, "s--", label="SOPs")
        for each, error in zip(facts, errors, strict=True):
            axes.annotate(
                f"T = {each.timesteps}", (_counted(each), error),
                xytext=(4, 4), textcoords="offset points", fontsize=8,
            )  # fmt: skip
        axes.axvline(macs, color="0.3", lw=1, label="MACs of the network")
        axes.margins(x=0.15)  # room for the last label
        axes.set_xlabel("operations of a sample")
        axes.set_ylabel("error, %")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
        axes.legend()

    return Plot(f"figure-03-{subject.name}", f"Figure 3: {subject.name}", draw)
