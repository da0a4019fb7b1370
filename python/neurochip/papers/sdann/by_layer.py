"""Figure 12: SOPs by layer, STEM beside rate codes and direct encoding."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..plot import Plot
from ..suite import Section
from ..table import Cell, Column, Table
from . import rate
from .bench import Bench
from .codes import CODES, RATE_SOURCE, RATE_TIMESTEPS, STEM, rate_name
from .facts import RECORDED_SAMPLES, Facts

DIRECT_TIMESTEPS = RATE_TIMESTEPS[-1]
DIRECT = f"direct, T = {DIRECT_TIMESTEPS}"
MOST_LAYERS = 24
"""More do not fit on a plot's axis."""
DIRECT_SOURCE = (
    "direct encoding gives the first layer the picture's real values in every timestep, so that it "
    f"multiplies: its MACs times T = {DIRECT_TIMESTEPS}; the layers behind are as in rate coding"
)


def measure(bench: Bench) -> Section:
    """A table and a plot a network."""
    chosen = [facts for facts in bench.facts if facts.subject in bench.size.by_layer]
    tables = (_whole(bench), rate.table(bench), *map(_table, chosen))
    return Section(tables, tuple(map(_plot, chosen)))


def _whole(bench: Bench) -> Table:
    """All layers together, of every network."""
    columns = (
        Column("network"),
        Column("weights"),
        *(Column(f"{code}, M SOPs", 3) for code in CODES),
        Column(f"{rate_name(RATE_TIMESTEPS[0])} to {STEM}", 1),
    )
    rows: list[tuple[Cell, ...]] = []
    for facts in bench.facts:
        sums = [sum(layers.values()) / 1e6 for layers in facts.layers.values()]
        rows.append((facts.subject, facts.weights, *sums, sums[1] / sums[0]))
    return Table(
        name="figure-12",
        title="Figure 12: SOPs of a sample in STEM and in rate codes",
        columns=columns,
        rows=tuple(rows),
        notes=(
            RATE_SOURCE,
            f"T = {RATE_TIMESTEPS[0]} tells all levels of 8 bits apart, as STEM does in 8 "
            "timesteps; fewer timesteps lose levels, and with them accuracy",
            f"of the first {RECORDED_SAMPLES} samples at most",
            "the paper's figure is a picture, whose numbers are not at hand",
        ),
    )


def _table(facts: Facts) -> Table:
    rows = [
        (layer, *(facts.layers[code][layer] / 1e6 for code in CODES), _direct(facts, layer))
        for layer in facts.layers[STEM]
    ]
    return Table(
        name=f"figure-12-{facts.subject}",
        title=f"Figure 12: {facts.subject} ({facts.weights}), SOPs by layer",
        columns=(
            Column("layer"),
            *(Column(f"{code}, M SOPs", 4) for code in CODES),
            Column(f"{DIRECT}, M MACs", 4),
        ),
        rows=tuple(rows),
        notes=(DIRECT_SOURCE,),
    )


def _direct(facts: Facts, layer: str) -> Cell:
    """Only of the first layer: behind it, spikes are sent."""
    if layer != next(iter(facts.layers[STEM])):
        return None
    return DIRECT_TIMESTEPS * facts.macs[layer] / 1e6


def _plot(facts: Facts) -> Plot:
    name = f"figure-12-{facts.subject}"
    title = f"{facts.subject} ({facts.weights}): SOPs of a sample by layer"
    return Plot(name, title, partial(_draw, facts, title))


def _draw(facts: Facts, title: str, figure: Any) -> None:
    axes = figure.add_subplot()
    layers = list(facts.layers[STEM])[:MOST_LAYERS]
    places, width = np.arange(len(layers)), 0.8 / (len(CODES) + 1)
    for number, (code, sops) in enumerate(facts.layers.items()):
        heights = [sops[layer] for layer in layers]
        axes.bar(places + number * width, heights, width, label=code)
    direct = DIRECT_TIMESTEPS * facts.macs[layers[0]]
    axes.bar(len(CODES) * width, direct, width, label=f"{DIRECT}, first layer (MACs)")
    axes.set_xticks(places + 0.4 - width / 2, layers, rotation=45, ha="right", fontsize=8)
    axes.set_yscale("log")
    axes.set_ylabel("operations of a sample")
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=len(CODES) + 1, fontsize=8)
