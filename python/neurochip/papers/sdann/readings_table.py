"""The table of readings of RoT, beside the ranges of what is published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from ..suite import Section
from ..table import NOTHING, Cell, Column, Table
from .bench import SdannBench
from .readings import BITS, ReadingResult, read

CIFAR10 = ("cifar10net", "resnet18_cifar", "vgg16_cifar")
"""The paper's networks for the task of ours, by their keys."""

OF_THE_SAME_KIND = {"cifar10_vgg_max": "vgg16_cifar", "cifar10_resnet": "resnet18_cifar"}
"""Trained networks of ours, and which of these each is a smaller one of."""

INSIDE = "*"
"""Marks what lies in the range of these alone."""

Range: TypeAlias = tuple[float, float]


def measure(bench: SdannBench) -> Section:
    """Every reading of the CIFAR-10 networks, in exact integers, over whole test sets."""
    found = [one for subject in bench.read_subjects for one in read(subject, bench.options.tell)]
    kinds = (("CIFAR-10, published", CIFAR10), ("all, published", tuple(bench.published.names)))
    table = Table(
        name="rot-readings",
        title="Readings of RoT: which one is that of tables 4 and 5",
        columns=_columns(),
        rows=(
            *(_row(bench, one) for one in found),
            *(row for name, networks in kinds for row in _published(bench, name, networks)),
        ),
        notes=(
            "in exact integers; SOPs: their change in percent, without those into the first layer "
            "and into the output, as the paper counts them (section 4.2.1); accuracy: its change "
            "in points, and its standard error, from the samples that changed sides",
            "rounding: to the nearest multiple, halves up, what our neurons do and the paper's "
            "worked example shows; truncation: the last bits dropped; wrap at 256: rounded in a "
            "register of 8 bits, whose 256 is 0; halves down: to the nearest, halves down, which "
            "with one bit is truncation",
            "all: that send to other layers; no first, no last: without the first or the last of "
            "these; in, out too: the network's input and output besides",
            "within: with which of RoT 1, 2 and 3 the change lies between the least and the most "
            f"that is published of all networks; {INSIDE} of those for CIFAR-10 alone, too",
            "off by: the mean distance of the SOPs, over RoT 1, 2 and 3, from the paper's network "
            "of the same kind, VGG-16 or ResNet-18 for CIFAR-10",
            *_summary(bench, found),
        ),
        sources=(bench.published.source("uniform"),),
    )
    return Section((table,))


def _columns() -> tuple[Column, ...]:
    accuracies: list[Column] = []
    for bits in BITS:
        accuracies += [Column(f"accuracy, {bits}", signed=True), Column("±")]
    return (
        Column("network"),
        Column("reading"),
        Column("layers"),
        *(Column(f"SOPs, RoT {bits}", signed=True) for bits in BITS),
        Column("SOPs within"),
        Column("off by"),
        *accuracies,
        Column("accuracy within"),
    )


def _row(bench: SdannBench, one: ReadingResult) -> tuple[Cell, ...]:
    sops = [each.change(one.dense) for each in one.sparse]
    points = [-each.answers.loss(one.dense.answers) for each in one.sparse]
    accuracies: list[Cell] = []
    for each, change in zip(one.sparse, points, strict=True):
        accuracies += [change, each.answers.loss_error(one.dense.answers)]
    return (
        one.subject,
        one.reading,
        one.scope,
        *sops,
        within(bench, "sops", sops),
        off_by(bench, one),
        *accuracies,
        within(bench, "points", points),
    )


def _published(bench: SdannBench, name: str, networks: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    """The least and the most that is published of some networks, column by column."""
    sops, points = (ranges(bench, field, networks) for field in ("sops", "points"))
    for end, told in ((1, "the least"), (0, "the most")):
        accuracies: list[Cell] = []
        for each in points:
            accuracies += [each[end], None]
        yield (name, told, None, *(each[end] for each in sops), None, None, *accuracies, None)


def ranges(bench: SdannBench, field: str, networks: Sequence[str]) -> list[Range]:
    """By `BITS`: the lowest and the highest change that is published of some networks."""
    found = []
    for bits in BITS:
        cells = [bench.published.uniform(field, f"rot{bits}", name) for name in networks]
        known = [cell for cell in cells if cell is not None]
        found.append((min(known), max(known)))
    return found


def within(bench: SdannBench, field: str, changes: Sequence[float]) -> str:
    """For which of `BITS` a change, as it is reported, lies in the published ranges."""
    every = ranges(bench, field, tuple(bench.published.names))
    cifar10 = ranges(bench, field, CIFAR10)
    told = []
    for position, bits in enumerate(BITS):
        change = round(changes[position], 2)
        if _inside(change, every[position]):
            told.append(f"{bits}{INSIDE if _inside(change, cifar10[position]) else ''}")
    return " ".join(told) or NOTHING


def _inside(change: float, bounds: Range) -> bool:
    return bounds[0] <= change <= bounds[1]


def off_by(bench: SdannBench, one: ReadingResult) -> float | None:
    """Mean distance of the SOPs from those of the paper's network of the same kind."""
    name = OF_THE_SAME_KIND.get(one.subject)
    if name is None:
        return None
    distances = []
    for bits, each in zip(BITS, one.sparse, strict=True):
        theirs = bench.published.uniform("sops", f"rot{bits}", name)
        assert theirs is not None
        distances.append(abs(each.change(one.dense) - theirs))
    return sum(distances) / len(distances)


def _summary(bench: SdannBench, found: Sequence[ReadingResult]) -> Iterator[str]:
    """Of each network: its accuracy, and the reading whose SOPs come nearest."""
    for name in dict.fromkeys(one.subject for one in found):
        own = [one for one in found if one.subject == name]
        dense = own[0].dense.answers
        told = f"{name}: {dense.percent:.2f} % right with all spikes, of {len(dense.right):,}"
        distances = {one: distance for one in own if (distance := off_by(bench, one)) is not None}
        if distances:
            best = min(distances, key=lambda one: distances[one])
            told += f"; SOPs of {best.reading} ({best.scope}) come nearest to the paper's"
        yield told
