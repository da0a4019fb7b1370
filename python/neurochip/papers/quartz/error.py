"""Figure 2: error against the timesteps of a window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..networks import Subject
from ..plot import Plot
from ..suite import Section
from ..table import Cell, Column, Table
from .bench import COUNTERPARTS, QuartzBench, WindowFacts


def measure(bench: QuartzBench) -> Section:
    """Accuracy by window, on wide registers and on narrow ones."""
    quantized = {subject.name: bench.quantized_percent(subject) for subject in bench.subjects}
    columns = (
        Column("network"),
        Column("chip"),
        Column("T"),
        Column("samples"),
        Column("accuracy, %"),
        Column("quantized, %"),
        Column("lost, points", signed=True),
        Column("outputs off by, codes", 3),
        Column("times T", 0),
        Column("values that differ, %", 3),
        Column("overflows"),
        Column("accuracy, paper, %"),
        Column("lost, paper, points", signed=True),
    )
    rows = [
        row for subject in bench.subjects for row in _rows(bench, subject, quantized[subject.name])
    ]
    table = Table(
        name="figure-02",
        title="Figure 2: error against the timesteps T of a window",
        columns=columns,
        rows=tuple(rows),
        notes=(
            "quantized: the same network in exact integers, which are onnxruntime's",
            "outputs off by: the mean distance of output codes from exact integers, which falls as "
            "1/T while times T it stays",
            "values that differ: of all layers; a level stands for 256/T codes, so most do where T "
            "is short",
            *_slopes(bench, quantized),
            *_counterparts(bench),
        ),
        sources=(bench.published.source("simulation"),),
    )
    plots = tuple(_plot(bench, subject, quantized[subject.name]) for subject in bench.subjects)
    return Section((table,), plots)


def _rows(bench: QuartzBench, subject: Subject, quantized: float) -> Iterator[tuple[Cell, ...]]:
    counterpart = COUNTERPARTS.get(subject.name)
    for facts in (*bench.facts[subject.name], *bench.narrow[subject.name]):
        lost = quantized - facts.percent
        yield (
            subject.name,
            facts.chip,
            facts.timesteps,
            facts.samples,
            facts.percent,
            quantized,
            -lost,
            facts.output_error,
            facts.output_error * facts.timesteps,
            facts.differing,
            facts.overflows,
            *_published(bench, counterpart, facts.timesteps),
        )


def _published(bench: QuartzBench, network: str | None, timesteps: int) -> tuple[Cell, Cell]:
    if network is None:
        return (None, None)
    accuracy = bench.published.simulated(network, "accuracy", timesteps)
    if accuracy is None:
        return (None, None)
    return (accuracy, accuracy - bench.published.of_ann(network, "accuracy"))


def _counterparts(bench: QuartzBench) -> Iterator[str]:
    for subject in bench.subjects:
        network = COUNTERPARTS.get(subject.name)
        if network is not None:
            yield f"beside {subject.name} stands the paper's {bench.published.name(network)}"


def _slopes(bench: QuartzBench, quantized: dict[str, float]) -> Iterator[str]:
    """From which window on a network loses no more than is lost at the longest."""
    for name, facts in bench.facts.items():
        lost = {each.timesteps: quantized[name] - each.percent for each in facts}
        enough = [timesteps for timesteps, points in lost.items() if points <= ENOUGH_POINTS]
        told = f"from T = {min(enough)} on" if enough else "with no window here"
        yield f"{name}: at most {ENOUGH_POINTS:g} points lost {told}"


ENOUGH_POINTS = 0.2


def _plot(bench: QuartzBench, subject: Subject, quantized: float) -> Plot:
    name = subject.name

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        for facts, style in ((bench.facts[name], "o-"), (bench.narrow[name], "s--")):
            if facts:
                axes.plot(*_errors(facts), style, label=facts[0].chip)
        counterpart = COUNTERPARTS.get(name)
        if counterpart is not None:
            windows = [each.timesteps for each in bench.facts[name]]
            paper = [
                (timesteps, 100.0 - accuracy)
                for timesteps in windows
                if (accuracy := bench.published.simulated(counterpart, "accuracy", timesteps))
            ]
            label = f"paper: {bench.published.name(counterpart)}"
            axes.plot(*zip(*paper, strict=True), "^:", color="0.5", label=label)
        axes.axhline(100.0 - quantized, color="0.3", lw=1, label="quantized, exact integers")
        axes.set_xlabel("timesteps T of a window")
        axes.set_ylabel("error, %")
        axes.legend()

    return Plot(f"figure-02-{name}", f"Figure 2: {name}", draw)


def _errors(facts: tuple[WindowFacts, ...]) -> tuple[list[int], list[float]]:
    """A log axis shows no zero: a network without an error stands where half a sample would."""
    return (
        [each.timesteps for each in facts],
        [max(100.0 - each.percent, 50.0 / each.samples) for each in facts],
    )
