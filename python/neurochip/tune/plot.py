"""Plot: accuracy against SOPs, every assignment that was judged and those that matter by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

from ..plots import save
from .search import Tried
from .tune import Tuned

DEPTH = 8
"""How many times the bound the plot reaches down, the bound being `LEAST_LOSS` points or more."""

LEAST_LOSS = 0.5

HEAD = 0.15
"""Room above the best accuracy, for names aslant, in parts of the depth."""


def save_plot(tuned: Tuned, file: BinaryIO, format: str) -> None:
    """Writes the plot as `png` or `svg`; what loses much more than the bound is left out."""
    from matplotlib.figure import Figure  # only who plots needs it

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    dense = tuned.dense.tried.evaluation
    _scatter(axes, tuned.tried, s=14, color="0.7", label="tried")
    front = [_point(tried) for tried in tuned.front]
    axes.plot(*zip(*front, strict=True), color="tab:blue", marker="o", ms=4, label="front")
    uniform = [tried for _, tried in tuned.uniform]
    _scatter(axes, uniform, marker="s", color="tab:orange", label="one choice for all layers")
    for name, tried in tuned.uniform:
        _name(axes, tried, name)
    _scatter(axes, [tuned.found.tried], marker="*", s=220, color="tab:red", zorder=3, label="found")
    _scatter(axes, [tuned.dense.tried], marker="D", color="black", label="all spikes")
    bound = dense.percent - tuned.max_loss
    axes.axhline(bound, color="0.4", ls="--", lw=1, label=f"loss of {tuned.max_loss:g}")
    depth = DEPTH * max(tuned.max_loss, LEAST_LOSS)
    best = max(tried.evaluation.percent for tried in tuned.tried)
    axes.set_ylim(dense.percent - depth, best + HEAD * depth)
    axes.set_xlabel("million SOPs per sample")
    axes.set_ylabel(f"accuracy on {len(dense.right):,} samples, %")
    axes.legend(loc="lower right")
    save(figure, file, format)


def _scatter(axes: Any, tried: Sequence[Tried], **style: Any) -> None:
    axes.scatter(*zip(*map(_point, tried), strict=True), **style)


def _name(axes: Any, tried: Tried, name: str) -> None:
    """RoT above its point and DRLO below, aslant: many lie side by side."""
    above = name.startswith("RoT")
    axes.annotate(
        name,
        _point(tried),
        xytext=(0, 6 if above else -6),
        textcoords="offset points",
        fontsize=8,
        rotation=45,
        rotation_mode="anchor",
        ha="left" if above else "right",
        va="center",
        annotation_clip=True,
    )


def _point(tried: Tried) -> tuple[float, float]:
    return tried.evaluation.sops_per_sample / 1e6, tried.evaluation.percent
