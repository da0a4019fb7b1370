"""The five lines that every report begins with: what the network reaches on the chip, and at what.

Accuracy, energy of events, latency, samples per second, cores and what bounds the time: in this
order, always all of them, each in one line of at most 80 columns. What a run did not measure says
so in its line.
"""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from . import numbers
from .contents import ASSUMED, PUBLISHED, USER, Contents, Timing

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
        numbers.percent(events_pj[grade], total_pj) for grade in (PUBLISHED, ASSUMED, USER)
    )
    shares = f"{published} published, {assumed} assumed"
    if events_pj[USER]:
        return f"{numbers.energy(total_pj)}, {shares}, {chosen} set"
    return f"{numbers.energy(total_pj)} a sample, {shares}"


def _latency(timing: Timing | None) -> str:
    if timing is None:
        return WITHOUT_TIMING
    work, whole = map(numbers.duration, (timing.latency_us, timing.latency_with_tick_us))
    if not timing.tick_cycles:
        return f"{work} of work; there is no tick"
    return f"{work} of work, {whole} with the tick of {tick(timing)}"


def tick(timing: Timing) -> str:
    """How long the tick is."""
    return numbers.duration(timing.tick_cycles / timing.cycles_per_us)


def _throughput(timing: Timing | None) -> str:
    if timing is None:
        return WITHOUT_TIMING
    work, whole = timing.samples_per_s_without_tick, timing.samples_per_s
    if work is None or whole is None:
        return f"not measured: fewer than the {timing.samples_in_flight} that fill the chip"
    if not timing.tick_cycles:
        return numbers.count(work)
    return f"{numbers.count(work)} of work, {numbers.count(whole)} with the tick"


def _cores(contents: Contents) -> str:
    used = f"{contents.cores.used:,} of {contents.cores.available:,}"
    bound = contents.bound
    if contents.timing is None:
        return f"{used}; bound {WITHOUT_TIMING}"
    if bound is None:
        return f"{used}; nothing bounds the time"
    where = f"{'at' if bound.core is None else 'of'} {bound.where}"
    told = f"{used}; bound: {bound.engine} {where}, {numbers.percent(bound.share, 1)}"
    return told if len(told) > WIDTH - len(OF_WORK) else f"{told}{OF_WORK}"
