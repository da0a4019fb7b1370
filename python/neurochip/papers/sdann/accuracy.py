"""Tables 2 and 3: what spikes, and what scaled membranes, cost in accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...lower import LayerSettings
from ...simulate import simulate
from ...tune import Evaluation
from ..networks import Subject
from ..suite import Section
from ..table import Cell, Column, Table
from .bench import SdannBench
from .chips import AS_PUBLISHED, AUTOMATIC, DOUBLE, IDEAL, compiled
from .facts import answers

EVALUATED_AT_ONCE = 250


MEMBRANES = ("STEM, exact", "double words", "scaled, as published", "scaled, 16 bits")
"""What is measured, in the order of the columns."""

NOTES = (
    "quantized: exact integers, onnxruntime's to the bit; STEM, exact: on `ideal`; double words "
    "and scaled: on darwin3, whose membranes have 16 bits; as published, the bias is calibrated "
    "(eq. 9-10) and the largest partial sum of the calibration fills the membrane, else both are "
    "ours",
)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one network answers, in exact integers and with each of `MEMBRANES`."""

    subject: Subject
    counterpart: str | None
    """The paper's network beside it."""
    quantized: Evaluation
    with_spikes: tuple[Evaluation, ...]


def measure(bench: SdannBench) -> Section:
    """Both tables as one: the paper's are of different trainings, ours are of one."""
    measured = [_answers(bench, subject) for subject in bench.subjects]
    return Section((_accuracies(bench, measured), _changes(bench, measured)))


def _accuracies(bench: SdannBench, measured: list[Answers]) -> Table:
    columns = (
        Column("network"),
        Column("samples"),
        Column("quantized"),
        *map(Column, MEMBRANES),
        Column("paper's network"),
        Column("float, paper"),
        Column("quantized, paper"),
        Column("SDANN, scaled"),
        Column("SDANN, table 2"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            each.subject.name,
            len(each.subject.x),
            each.quantized.percent,
            *(answers.percent for answers in each.with_spikes),
            *_published(bench, each.counterpart),
        )
        for each in measured
    ]
    rows += [(None,) * 7 + _published(bench, name) for name in _others(bench, measured)]
    return Table(
        name="table-02-03",
        title="Tables 2 and 3: accuracy in percent",
        columns=columns,
        rows=tuple(rows),
        notes=(
            *NOTES,
            "the paper's table 2 has one accuracy for the quantized network and SDANN, of another "
            "training than table 3, whose columns are float, quantized and scaled",
            "Tiny-YOLO's and ResNet-34's on VOC are mean average precisions",
        ),
        sources=(bench.published.source("accuracy"), bench.published.source("conversion")),
    )


def _changes(bench: SdannBench, measured: list[Answers]) -> Table:
    columns = (
        Column("network"),
        *(Column(name, signed=True) for name in MEMBRANES),
        Column("±"),
        Column("paper's network"),
        Column("SDANN, scaled", signed=True),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            each.subject.name,
            *(-answers.loss(each.quantized) for answers in each.with_spikes),
            each.with_spikes[-1].loss_error(each.quantized),
            *_published_change(bench, each.counterpart),
        )
        for each in measured
    ]
    rows += [(None,) * 6 + _published_change(bench, name) for name in _others(bench, measured)]
    return Table(
        name="table-02-03-changes",
        title="Tables 2 and 3: what spikes change, in points of accuracy",
        columns=columns,
        rows=tuple(rows),
        notes=(
            "each column is that of the table above less its `quantized`, the paper's less the "
            "paper's",
            "± is the standard error of the change by scaled membranes, ours: from the samples "
            "that changed sides",
        ),
        sources=(bench.published.source("accuracy"),),
    )


def _answers(bench: SdannBench, subject: Subject) -> Answers:
    facts = bench.facts_of(subject.name)
    assert facts is not None
    scaled = facts.dense.answers
    assert scaled is not None
    bench.options.tell(f"{subject.name}: exact integers")
    with_spikes = (
        _simulated(bench, subject, "exact", AUTOMATIC, IDEAL),
        _simulated(bench, subject, "double words", DOUBLE),
        _simulated(bench, subject, "scaled as published", AS_PUBLISHED),
        scaled,
    )
    return Answers(subject, bench.counterpart(facts), _quantized(subject), with_spikes)


def _published(bench: SdannBench, name: str | None) -> tuple[Cell, ...]:
    paper = bench.published
    table_3 = (paper.figure("accuracy", field, name) for field in ("float", "quantized", "scaled"))
    return (paper.name(name), *table_3, paper.figure("conversion", "accuracy", name))


def _published_change(bench: SdannBench, name: str | None) -> tuple[Cell, ...]:
    quantized = bench.published.figure("accuracy", "quantized", name)
    scaled = bench.published.figure("accuracy", "scaled", name)
    change = None if quantized is None or scaled is None else scaled - quantized
    return (bench.published.name(name), change)


def _others(bench: SdannBench, measured: list[Answers]) -> tuple[str, ...]:
    """The paper's networks that no trained one of ours stands beside."""
    return bench.published.others(each.counterpart for each in measured)


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
    bench: SdannBench, subject: Subject, told: str, settings: LayerSettings, chip: str | None = None
) -> Evaluation:
    bench.options.tell(f"{subject.name}: {told}")
    image = compiled(subject, chip, settings)
    run = simulate(image, subject.x, timing="none", threads=bench.options.threads, compare=False)
    found = answers(run, subject)
    assert found is not None
    return found
