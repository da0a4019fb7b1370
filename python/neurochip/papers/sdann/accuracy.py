"""Tables 2 and 3: what spikes, and what scaled membranes, cost in accuracy."""

from __future__ import annotations

import numpy as np

from ...lower import LayerSettings
from ...simulate import simulate
from ...tune import Evaluation
from ..networks import Subject
from ..suite import Section
from ..table import Cell, Column, Table
from .bench import Bench
from .chips import AS_PUBLISHED, AUTOMATIC, DOUBLE, IDEAL, compiled
from .facts import answers

EVALUATED_AT_ONCE = 250


def measure(bench: Bench) -> Section:
    """Both tables as one: the paper's are of different trainings, ours are of one."""
    columns = (
        Column("network"),
        Column("samples"),
        Column("quantized, %"),
        Column("STEM, exact", signed=True),
        Column("double words", signed=True),
        Column("scaled, as published", signed=True),
        Column("scaled, 16 bits", signed=True),
        Column("± standard error"),
        Column("paper's network"),
        Column("quantized, %"),
        Column("SDANN, scaled", signed=True),
    )
    rows = [_row(bench, subject) for subject in bench.subjects]
    rows += [_published_row(bench, name) for name in _others(bench)]
    table = Table(
        name="table-02-03",
        title="Tables 2 and 3: accuracy of quantized networks and, in points, what spikes change",
        columns=columns,
        rows=tuple(rows),
        notes=(
            "quantized: exact integers, onnxruntime's to the bit; STEM, exact: on `ideal`; double "
            "words and scaled: on darwin3, whose membranes have 16 bits; as published, the bias is "
            "calibrated (eq. 9-10) and the largest partial sum of the calibration fills the "
            "membrane, else both are ours",
            "the standard error is that of the change by scaled membranes, ours: from the samples "
            "that changed sides",
        ),
        sources=(bench.published.source("accuracy"),),
    )
    return Section((table,))


def _row(bench: Bench, subject: Subject) -> tuple[Cell, ...]:
    facts = bench.facts_of(subject.name)
    assert facts is not None
    scaled = facts.dense.answers
    assert scaled is not None
    bench.options.tell(f"{subject.name}: exact integers")
    quantized = _quantized(subject)
    exact = _simulated(bench, subject, "exact", AUTOMATIC, IDEAL)
    double = _simulated(bench, subject, "double words", DOUBLE)
    published = _simulated(bench, subject, "scaled as published", AS_PUBLISHED)
    return (
        subject.name,
        len(subject.x),
        quantized.percent,
        -exact.loss(quantized),
        -double.loss(quantized),
        -published.loss(quantized),
        -scaled.loss(quantized),
        scaled.loss_error(quantized),
        *_published(bench, bench.counterpart(facts)),
    )


def _published_row(bench: Bench, name: str) -> tuple[Cell, ...]:
    return (None,) * 8 + _published(bench, name)


def _published(bench: Bench, name: str | None) -> tuple[Cell, ...]:
    quantized = bench.published.figure("accuracy", "quantized", name)
    scaled = bench.published.figure("accuracy", "scaled", name)
    change = None if quantized is None or scaled is None else scaled - quantized
    return (bench.published.name(name), quantized, change)


def _others(bench: Bench) -> list[str]:
    """The paper's networks that no trained one of ours stands beside."""
    beside = {bench.counterpart(facts) for facts in bench.facts if facts.trained}
    return [name for name in bench.published.names if name not in beside]


def _quantized(subject: Subject) -> Evaluation:
    """What exact integers answer, which is what onnxruntime answers."""
    assert subject.labels is not None
    graph = subject.graph
    starts = range(0, len(subject.x), EVALUATED_AT_ONCE)
    parts = [graph.quantize(subject.x[start : start + EVALUATED_AT_ONCE]) for start in starts]
    outputs = np.concatenate([graph.evaluate(part)[graph.output.name] for part in parts])
    classes = graph.finish(outputs).reshape(len(outputs), -1).argmax(axis=1)
    return Evaluation(0, classes == subject.labels, 0.0)


def _simulated(
    bench: Bench, subject: Subject, told: str, settings: LayerSettings, chip: str | None = None
) -> Evaluation:
    bench.options.tell(f"{subject.name}: {told}")
    image = compiled(subject, chip, settings)
    run = simulate(image, subject.x, timing="none", threads=bench.options.threads, compare=False)
    found = answers(run, subject)
    assert found is not None
    return found
