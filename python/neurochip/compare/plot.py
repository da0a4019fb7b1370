"""Plot: energy against latency, one point per code, with lines of equal energy-delay product."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from ..plots import save
from .compare import Coded, Compared

MARGIN = 3.0
"""Factor between the outermost points and the edge."""

MICRO = 1e6
MARKERS = {"stem": "o", "quartz": "s", "rate": "^"}


def save_plot(compared: Compared, file: BinaryIO, format: str, idle: bool = False) -> None:
    """Writes the plot as `png` or `svg`; the runs must have been timed.

    Args:
        compared: What is drawn.
        file: Where to.
        format: `png` or `svg`.
        idle: Whether energies include what the idle chip draws.
    """
    from matplotlib.figure import Figure  # only who plots needs it

    points = [(coded, *_point(coded, idle)) for coded in compared.codes]
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("log")
    latencies, energies = (np.array([point[axis] for point in points]) for axis in (1, 2))
    axes.set_xlim(latencies.min() / MARGIN, latencies.max() * MARGIN)
    axes.set_ylim(energies.min() / MARGIN, energies.max() * MARGIN)
    _equal_products(axes, latencies, energies)
    for coded, latency, energy in points:
        marker = MARKERS.get(coded.coding.code, "D")
        axes.scatter(latency, energy, marker=marker, s=60, color="tab:blue", zorder=3)
        axes.annotate(
            _name(coded),
            (latency, energy),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            va="bottom",
        )
    axes.set_xlabel("latency of a sample, µs")
    of = "a sample and the idle chip" if idle else "the events of a sample"
    axes.set_ylabel(f"energy of {of}, µJ")
    axes.set_title(f"{compared.network} on {compared.chip}, {compared.samples:,} samples")
    axes.legend(loc="lower right")
    save(figure, file, format)


def _point(coded: Coded, idle: bool) -> tuple[float, float]:
    latency_s, total_pj = coded.latency_s, coded.total_pj
    assert latency_s is not None, "the run was timed"
    assert total_pj is not None, "the run was timed"
    return latency_s * MICRO, (total_pj if idle else coded.events_pj) / 1e6


def _equal_products(axes: Any, latencies: Any, energies: Any) -> None:
    """Lines of energy times latency, a decade apart."""
    edge = np.array([latencies.min() / MARGIN, latencies.max() * MARGIN])
    products = latencies * energies
    low, high = (int(np.floor(np.log10(value))) for value in (products.min(), products.max()))
    for number, exponent in enumerate(range(low - 2, high + 4)):
        label = "equal energy-delay product, a decade apart" if number == 0 else None
        axes.plot(edge, 10.0**exponent / edge, color="0.8", lw=1, zorder=1, label=label)


def _name(coded: Coded) -> str:
    accuracy = coded.contents.accuracy
    return str(coded.coding) if accuracy is None else f"{coded.coding}, {accuracy.percent:.2f} %"
