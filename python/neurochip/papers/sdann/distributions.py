"""Figures 8 and 9: which bits spike, and how many spikes trains have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..plot import Plot
from ..suite import Section
from ..table import Column, Table
from .bench import SdannBench
from .facts import MOST_BITS, NetworkFacts

PICTURE = "the paper's figure is a plot without numbers"


def measure_bits(bench: SdannBench) -> Section:
    """Figure 8: the share of spikes by bit."""
    heads = [str(1 << (MOST_BITS - 1 - bit)) for bit in range(MOST_BITS)]
    title = "Figure 8: spikes by the bit they stand for, in percent"
    return _section(
        bench, "figure-08", title, heads, "value of the bit", lambda facts: facts.trains.by_bit
    )


def measure_trains(bench: SdannBench) -> Section:
    """Figure 9: the share of trains by their number of spikes."""
    heads = [str(spikes) for spikes in range(MOST_BITS + 1)]
    title = "Figure 9: trains by their number of spikes, in percent"
    return _section(
        bench, "figure-09", title, heads, "spikes of a train", lambda facts: facts.trains.by_length
    )


def _section(
    bench: SdannBench,
    name: str,
    title: str,
    heads: list[str],
    axis: str,
    shares: Callable[[NetworkFacts], NDArray[np.float64]],
) -> Section:
    percent = {facts.subject: 100.0 * shares(facts) for facts in bench.facts}
    weights = {facts.subject: facts.weights for facts in bench.facts}
    table = Table(
        name=name,
        title=title,
        columns=(
            Column("network"),
            Column("weights"),
            *(Column(head) for head in heads),
        ),
        rows=tuple(
            (subject, weights[subject], *map(float, row)) for subject, row in percent.items()
        ),
        notes=("of all neurons after the input whose spikes reach a synapse", PICTURE),
    )
    return Section((table,), (Plot(name, title, partial(_draw, percent, weights, heads, axis)),))


def _draw(
    percent: dict[str, NDArray[np.float64]],
    weights: dict[str, str],
    heads: list[str],
    axis: str,
    figure: Any,
) -> None:
    kinds = list(dict.fromkeys(weights.values()))
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for panel, kind in zip(panels, kinds, strict=True):
        for subject, shares in percent.items():
            if weights[subject] == kind:
                panel.plot(heads, shares, marker="o", ms=4, label=subject)
        panel.set_title(kind)
        panel.set_xlabel(axis)
        panel.legend(fontsize=8)
    panels[0].set_ylim(bottom=0)  # of all panels, once all lines are there
    panels[0].set_ylabel("%")
