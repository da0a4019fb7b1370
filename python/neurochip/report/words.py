"""Words of a report: how numbers are written, the five lines it begins with, and its notes.

What the network reaches on the chip, and at what: accuracy, energy of events, latency, samples per
second, cores and what bounds the time. In this order, always all of them, each in one line of at
most 80 columns. What a run did not measure says so in its line. Notes are what a reader of the
figures must know beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from ..image import Image
from ..simulate import Filling
from .contents import ASSUMED, PUBLISHED, USER, Contents, DifferingValues, Spread, Timing

TIME_UNITS = ((1e6, "s", 1e7), (1e3, "ms", 1e4), (1.0, "µs", 0.0))
"""Microseconds in a unit, the unit, and from how many on it is taken."""
ROUNDING = 1e-9
"""Of a share in percent: what is closer to all is all."""
ENERGY_UNITS = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


def count(value: float) -> str:
    """A count, or the mean of counts: `1,234`, `0.25`, `12.5`."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def duration(value_us: float) -> str:
    """A duration to four digits: `36.04 µs`, and from 10,000 µs on `36.04 ms`, likewise in s."""
    divisor, unit = next(unit for unit in TIME_UNITS if value_us >= unit[2])[:2]
    value = value_us / divisor
    return f"{value:,.0f} {unit}" if value >= 10_000 else f"{value:,.4g} {unit}"


def energy(value_pj: float) -> str:
    """An energy in the unit in which it is between 1 and 1000: `98.755 nJ`."""
    divisor, unit = next((unit for unit in ENERGY_UNITS if value_pj >= unit[0]), ENERGY_UNITS[-1])
    return f"{value_pj / divisor:,.3f} {unit}"


def percent(part: float, whole: float) -> str:
    """A share in percent; neither more than nothing reads as nothing, nor less than all as all."""
    if whole == 0 or part == 0:
        return "0 %"
    share = 100 * part / whole
    rest = 100 - share
    if ROUNDING < rest <= 0.05:
        decimals = min(6, -math.floor(math.log10(rest)))
        return f"{100 - max(rest, 1e-6):.{decimals}f} %"
    if share >= 0.1:
        return f"{share:.1f} %"
    decimals = -math.floor(math.log10(float(f"{share:.0e}")))
    return f"{share:.{decimals}f} %" if decimals <= 6 else f"{share:.1g} %"


def range_of(spread: Spread) -> str:
    """Smallest to largest, or nothing where all samples are the same."""
    if spread.smallest == spread.largest:
        return ""
    return f"{count(spread.smallest)} to {count(spread.largest)}"


def differing(agreement: DifferingValues) -> str:
    """`12 of 3,456 values differ (0.3 %)`."""
    told = f"{agreement.differing:,} of {agreement.compared:,} values differ"
    if agreement.differing == 0:
        return told
    return f"{told} ({percent(agreement.differing, agreement.compared)})"


def checked_samples(contents: Contents) -> str:
    """`all samples`, or `the first 16 of 100 samples`."""
    if contents.compared_samples == contents.samples:
        return "all samples"
    return f"the first {contents.compared_samples:,} of {contents.samples:,} samples"


WIDTH = 80 - 18
"""Of a line after its name."""
OF_WORK = " of work"
WITHOUT_TIMING = "not measured: `--timing none`"


def headline(contents: Contents) -> Table:
    """The five lines."""
    lines = {
        "accuracy": _accuracy(contents),
        "energy of events": _energy(contents),
        "latency": _latency(contents.timing),
        "samples/s": _throughput(contents.timing),
        "cores": _cores(contents),
    }
    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, line in lines.items():
        table.add_row(Text(name, style="bold"), Text(line, style="bold"))
    return table


def _accuracy(contents: Contents) -> str:
    accuracy = contents.accuracy
    if accuracy is None:
        return "not measured: no labels"
    return f"{accuracy.percent:.2f} % ({accuracy.correct:,} of {accuracy.samples:,})"


def _energy(contents: Contents) -> str:
    """With its shares at published and assumed energies per event, and at those set for the run."""
    events_pj, total_pj = contents.energy.events_pj, contents.energy.all_events_pj
    published, assumed, chosen = (
        percent(events_pj[grade], total_pj) for grade in (PUBLISHED, ASSUMED, USER)
    )
    shares = f"{published} published, {assumed} assumed"
    if events_pj[USER]:
        return f"{energy(total_pj)}, {shares}, {chosen} set"
    return f"{energy(total_pj)} a sample, {shares}"


def _latency(timing: Timing | None) -> str:
    if timing is None:
        return WITHOUT_TIMING
    work, whole = map(duration, (timing.latency_us, timing.latency_with_tick_us))
    if not timing.tick_cycles:
        return f"{work} of work; there is no tick"
    return f"{work} of work, {whole} with the tick of {tick(timing)}"


def tick(timing: Timing) -> str:
    """How long the tick is."""
    return duration(timing.tick_cycles / timing.cycles_per_us)


def _throughput(timing: Timing | None) -> str:
    if timing is None:
        return WITHOUT_TIMING
    work, whole = timing.samples_per_s_without_tick, timing.samples_per_s
    if work is None or whole is None:
        return f"not measured: fewer than the {timing.samples_in_flight} that fill the chip"
    if not timing.tick_cycles:
        return count(work)
    return f"{count(work)} of work, {count(whole)} with the tick"


def _cores(contents: Contents) -> str:
    used = f"{contents.cores.used:,} of {contents.cores.available:,}"
    bound = contents.bound
    if contents.timing is None:
        return f"{used}; bound {WITHOUT_TIMING}"
    if bound is None:
        return f"{used}; nothing bounds the time"
    where = f"{'at' if bound.core is None else 'of'} {bound.where}"
    told = f"{used}; bound: {bound.engine} {where}, {percent(bound.share, 1)}"
    return told if len(told) > WIDTH - len(OF_WORK) else f"{told}{OF_WORK}"


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
        clipped = percent(filling.clipped, filling.values)
        yield f"samples leave the input's range, {clipped} of their values are clipped: {ends}"
    elif filling.samples >= ENOUGH_SAMPLES and filling.share_of_side < LEAST_SHARE:
        yield f"samples fill {percent(filling.share, 1)} of the input's range: {ends}"


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
