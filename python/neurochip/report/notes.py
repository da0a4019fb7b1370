"""What a reader of the figures must know beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..image import Image
from ..simulate import Filling
from . import numbers

LEAST_SHARE = 0.5
"""Of the input's range: samples that fill less of it are likely of another scale."""
ENOUGH_SAMPLES = 10
"""For a range to be judged by them: one image may well be dark."""
MOST_CLIPPED = 0.01
"""Of the values: ranges that were chosen to clip outliers clip fewer."""


def notes(image: Image) -> tuple[str, ...]:
    """What was noted of the image, and of where its tiles are."""
    return (*notes_of_values(image), *_placement(image))


def notes_of_values(image: Image) -> tuple[str, ...]:
    """The host's work, approximations and their layers, and what was noted on the way."""
    return (*_host(image), *_layers(image), *image.notes)


def notes_of_samples(filling: Filling | None) -> Iterator[str]:
    """Samples that are likely of another scale than those the network was quantized with."""
    if filling is None:
        return
    ends = (
        f"they go from {filling.low:.4g} to {filling.high:.4g}, the range from "
        f"{filling.range_low:.4g} to {filling.range_high:.4g}; scale and normalize them as the "
        "network was trained: `--scale`, `--mean`, `--std`"
    )
    if filling.clipped_share > MOST_CLIPPED:
        clipped = numbers.percent(filling.clipped, filling.values)
        yield f"samples leave the input's range, {clipped} of their values are clipped: {ends}"
    elif filling.samples >= ENOUGH_SAMPLES and filling.share_of_side < LEAST_SHARE:
        yield f"samples fill {numbers.percent(filling.share, 1)} of the input's range: {ends}"


def _host(image: Image) -> Iterator[str]:
    """What no chip computed: neither its cycles nor its energy are in the report."""
    tail = _names(dict.fromkeys(op for output in image.host.outputs for op in output.tail))
    if image.graph is None:
        if tail:
            yield f"not in an image file, so that values are those before it: {tail}"
        return
    head = _names(op.op_type for op in image.graph.head)
    if head:
        yield f"on the host before the first spike, not counted: {head}"
    if tail:
        yield f"on the host after the last spike, not counted: {tail}"


def _layers(image: Image) -> Iterator[str]:
    """Each thing to know about layers once, with the layers it is true of."""
    about: dict[str, list[str]] = {}
    for population in image.populations:
        name, facts = population.name, population.facts
        if facts.mode == "scaled":
            about.setdefault("integrated by scaled weight sums, not exactly", []).append(name)
        if facts.note:
            about.setdefault(facts.note, []).append(name)
    for note, names in about.items():
        yield f"{note}: {', '.join(names)}"


def _placement(image: Image) -> Iterator[str]:
    """What the hops and cycles of this run owe to tiles that were moved."""
    gain = image.gain
    if gain is not None:
        before, after = (f"{cost.flit_hops:,.0f}" for cost in (gain.before, gain.after))
        yield (
            f"placement optimized at level {gain.level} for the traffic of {gain.source}: "
            f"{before} flit hops before, {after} after"
        )


def _names(op_types: Iterable[str]) -> str:
    return ", ".join(op_type.rpartition(".")[2] for op_type in op_types)
