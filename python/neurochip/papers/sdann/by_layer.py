"""Figure 12: SOPs by layer, STEM beside rate codes and direct encoding.

Of trained networks rate codes are simulated, of others counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..plot import Plot
from ..suite import Section
from ..table import Cell, Column, Table
from . import rate_tables
from .bench import SdannBench
from .codes import RATE_TIMESTEPS, STEM, rate_name
from .facts import RECORDED_SAMPLES, NetworkFacts

MOST_LAYERS = 24
"""More do not fit on a plot's axis."""
DIRECT_SOURCE = (
    "direct encoding gives the first layer the image's real values in every timestep, so that it "
    "multiplies: T times its MACs; the layers after it are as in rate coding"
)


def direct_name(timesteps: int) -> str:
    """What the encoding is called."""
    return f"direct, T = {timesteps}"


@dataclass(frozen=True, slots=True, eq=False)
class CodedOperations:
    """Operations of one network in STEM, in rate codes and with direct encoding."""

    facts: NetworkFacts
    how: str
    """Whether its rate codes are simulated or counted."""
    layers: Mapping[str, Mapping[str, float]]
    """By code, then by layer: SOPs of a sample."""

    @property
    def name(self) -> str:
        """Of the network."""
        return self.facts.subject

    @property
    def first(self) -> str:
        """The layer that images come into."""
        return next(iter(self.layers[STEM]))

    def total(self, code: str) -> float:
        """SOPs of a sample, all layers together."""
        return sum(self.layers[code].values())

    def direct(self, timesteps: int) -> int:
        """MACs of the first layer for one sample that is encoded directly."""
        return timesteps * self.facts.macs[self.first]

    def direct_total(self, timesteps: int) -> float:
        """These MACs, and the SOPs of the layers after it."""
        code = rate_name(timesteps)
        return self.direct(timesteps) + self.total(code) - self.layers[code][self.first]


def coded(bench: SdannBench, facts: NetworkFacts) -> CodedOperations:
    """What a trained network was simulated to send, or what another is counted to."""
    if facts.subject not in bench.rates:
        return CodedOperations(facts, "counted", facts.layers)
    layers = {STEM: facts.layers[STEM]}
    for timesteps, found in bench.rates[facts.subject].items():
        layers[rate_name(timesteps)] = found.layers
    return CodedOperations(facts, "simulated", layers)


def measure(bench: SdannBench) -> Section:
    """Tables of all networks, why they send what they do, and a table and a plot of some."""
    every = [coded(bench, facts) for facts in bench.facts]
    chosen = [each for each in every if each.name in bench.size.by_layer]
    whole = (_whole(every), _direct(every), rate_tables.answers(bench), rate_tables.reasons(bench))
    return Section((*whole, *map(_table, chosen)), tuple(map(_plot, chosen)))


def _whole(every: list[CodedOperations]) -> Table:
    """All layers together, of every network."""
    columns = (
        Column("network"),
        Column("weights"),
        Column("rates are"),
        Column(f"{STEM}, M SOPs", digits=4),
        *(Column(f"{rate_name(each)}, M SOPs", digits=4) for each in RATE_TIMESTEPS),
        *(Column(f"T = {each}, to {STEM}", 1) for each in RATE_TIMESTEPS),
    )
    return Table(
        name="figure-12",
        title="Figure 12: SOPs of a sample in STEM and in rate codes",
        columns=columns,
        rows=tuple(map(_row, every)),
        notes=(
            "simulated: `--code rate`, of trained networks; counted: what its neurons would send "
            "for exact inputs, of others (how near that is, the reasons below say)",
            f"T = {RATE_TIMESTEPS[0]} tells all levels of 8 bits apart, as STEM does in 8 "
            "timesteps; fewer timesteps lose levels, and with them accuracy",
            f"of the first {RECORDED_SAMPLES} samples at most",
            "the paper's figure is a plot without numbers",
        ),
    )


def _row(each: CodedOperations) -> tuple[Cell, ...]:
    stem, *rates = (each.total(code) for code in each.layers)
    return (
        each.name,
        each.facts.weights,
        each.how,
        stem / 1e6,
        *(sops / 1e6 for sops in rates),
        *(sops / stem for sops in rates),
    )


def _direct(every: list[CodedOperations]) -> Table:
    """All layers together, the first one driven by real values."""
    columns = (
        Column("network"),
        Column("rates after it are"),
        Column("first layer"),
        Column("its M MACs", digits=4),
        *(Column(f"{direct_name(each)}, M MACs", digits=4) for each in RATE_TIMESTEPS),
        *(Column(f"T = {each}, M MACs + SOPs", digits=4) for each in RATE_TIMESTEPS),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            each.name,
            each.how,
            each.first,
            each.facts.macs[each.first] / 1e6,
            *(each.direct(timesteps) / 1e6 for timesteps in RATE_TIMESTEPS),
            *(each.direct_total(timesteps) / 1e6 for timesteps in RATE_TIMESTEPS),
        )
        for each in every
    ]
    return Table(
        name="figure-12-direct",
        title="Figure 12: operations of a sample with direct encoding",
        columns=columns,
        rows=tuple(rows),
        notes=(f"{DIRECT_SOURCE}; MACs + SOPs are those of all layers",),
    )


def _table(each: CodedOperations) -> Table:
    columns = (
        Column("layer"),
        *(Column(f"{code}, M SOPs", digits=4) for code in each.layers),
        *(Column(f"{direct_name(timesteps)}, M MACs", digits=4) for timesteps in RATE_TIMESTEPS),
    )
    rows = [
        (layer, *(sops[layer] / 1e6 for sops in each.layers.values()), *_direct_cells(each, layer))
        for layer in each.layers[STEM]
    ]
    return Table(
        name=f"figure-12-{each.name}",
        title=f"Figure 12: {each.name} ({each.facts.weights}), SOPs by layer, "
        f"rate codes {each.how}",
        columns=columns,
        rows=tuple(rows),
        notes=(DIRECT_SOURCE,),
    )


def _direct_cells(each: CodedOperations, layer: str) -> tuple[Cell, ...]:
    """Only of the first layer: after it, spikes are sent."""
    first = layer == each.first
    return tuple(each.direct(timesteps) / 1e6 if first else None for timesteps in RATE_TIMESTEPS)


def _plot(each: CodedOperations) -> Plot:
    name = f"figure-12-{each.name}"
    title = f"{each.name} ({each.facts.weights}): SOPs of a sample by layer, rate codes {each.how}"
    return Plot(name, title, partial(_draw, each, title))


def _draw(each: CodedOperations, title: str, figure: Any) -> None:
    axes = figure.add_subplot()
    layers = list(each.layers[STEM])[:MOST_LAYERS]
    places, width = np.arange(len(layers)), 0.8 / len(each.layers)
    for number, (code, sops) in enumerate(each.layers.items()):
        heights = [sops[layer] for layer in layers]
        label = code if code == STEM else f"{code}, {each.how}"
        axes.bar(places + number * width, heights, width, label=label)
    directs = [each.direct(timesteps) for timesteps in RATE_TIMESTEPS]
    over_rates = np.arange(1, len(each.layers)) * width
    label = "direct, first layer (MACs), same T"
    axes.plot(over_rates, directs, "kD", ms=4, ls="none", label=label)
    axes.set_xticks(places + 0.4 - width / 2, layers, rotation=45, ha="right", fontsize=8)
    axes.set_yscale("log")
    axes.set_ylabel("operations of a sample")
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=len(each.layers) + 1, fontsize=7)
