"""The report as tables for a terminal, readable without colour and at most 100 columns wide."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from . import numbers
from .contents import Contents, Energy, EnergyTerm, Layer, Timing

WIDTH = 100


def render(contents: Contents) -> Group:
    """The whole report."""
    return _grouped(_sections(contents))


def render_layers(contents: Contents) -> Group:
    """What `-v` adds: every layer's agreement, and the reason for every assumed value."""
    return _grouped(_details(contents))


def as_text(told: RenderableType) -> str:
    """Any tables as plain lines without trailing blanks."""
    file = io.StringIO()
    Console(file=file, width=WIDTH, color_system=None).print(told, highlight=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).rstrip("\n")


def _grouped(sections: Iterator[tuple[str, RenderableType]]) -> Group:
    parts: list[RenderableType] = []
    for title, body in sections:
        parts += [Text(title, style="bold"), Padding(body, (0, 0, 1, 2), expand=False)]
    return Group(*parts)


def _sections(contents: Contents) -> Iterator[tuple[str, RenderableType]]:
    samples = f"{contents.samples:,} sample{'s' * (contents.samples != 1)}"
    title = f"{contents.network} on {contents.chip}, code {contents.code}, {samples}"
    yield title, _results(contents)
    if contents.timing is not None:
        yield "time per sample", _time(contents.timing)
    yield "activity per sample", _activity(contents)
    if contents.energy is not None:
        yield "energy per sample", _energy(contents.energy)
    yield "chip", _chip(contents)
    if contents.overflows:
        yield "overflows", _overflows(contents.layers)
    if contents.notes:
        yield "notes", Group(*(Text(f"! {note}", style="yellow") for note in contents.notes))
    if contents.assumed:
        yield "assumed, because not published", Text(", ".join(contents.assumed))


def _details(contents: Contents) -> Iterator[tuple[str, RenderableType]]:
    yield "layers", _layers(contents.layers)
    proofs = [f"{layer.name}: {layer.proof}" for layer in contents.layers if layer.proof]
    if proofs:
        yield "proofs", Text("\n".join(proofs))
    if contents.assumed:
        reasons = (f"{field}: {reason}" for field, reason in contents.assumed.items())
        yield "assumptions and their reasons", Text("\n".join(reasons))


def _results(contents: Contents) -> Table:
    table = _pairs()
    accuracy = contents.accuracy
    if accuracy is not None:
        told = f"{accuracy.percent:.2f} %  ({accuracy.correct:,} of {accuracy.samples:,})"
        table.add_row("accuracy", told)
    if contents.compiled is not None:
        table.add_row("against the compiled network", numbers.differing(contents.compiled))
    if contents.exact is not None:
        table.add_row("against exact integers", numbers.differing(contents.exact))
    if contents.compiled is None and contents.exact is None:
        table.add_row("agreement", "not measured: an image file holds no graph to compare with")
    return table


def _time(timing: Timing) -> Table:
    table = _pairs()
    table.add_row("cycles", numbers.count(timing.cycles.mean))
    latency = numbers.microseconds(timing.latency_us.mean)
    table.add_row("microseconds", f"{latency}  at {timing.clock_mhz:g} MHz")
    table.add_row("timesteps", numbers.count(timing.timesteps.mean))
    work = numbers.count(timing.work_cycles_per_timestep)
    longest = numbers.count(timing.longest_work_cycles)
    table.add_row("work in a timestep", f"{work} cycles on average, {longest} in the longest")
    if timing.tick_cycles:
        tick_us = timing.tick_cycles / timing.clock_mhz
        shortest_us = numbers.microseconds(timing.shortest_tick_us)
        table.add_row("tick", f"{numbers.count(timing.tick_cycles)} cycles ({tick_us:g} µs)")
        table.add_row("shortest tick for this work", f"{longest} cycles ({shortest_us} µs)")
        table.add_row("timesteps longer than the tick", numbers.count(timing.overruns))
    return table


def _activity(contents: Contents) -> Table:
    table = _columns("", "mean", "range")
    for name, spread in contents.activity.items():
        table.add_row(name, numbers.count(spread.mean), numbers.range_of(spread))
    return table


def _energy(energy: Energy) -> Table:
    """Each term's share is that of what events cost: the idle chip draws its power without any."""
    divisor, unit = numbers.energy_unit(energy.total_pj.mean)
    events_pj = sum(term.energy_pj for term in energy.event_terms)
    table = _columns("", unit, "share", "price", "")
    for term in energy.event_terms:
        share = numbers.percent(term.energy_pj, events_pj)
        table.add_row(*_term(term, share, divisor))
    table.add_row("all events", numbers.energy(events_pj, divisor), "", "", "")
    for term in energy.idle_terms:
        table.add_row(*_term(term, "", divisor))
    table.add_row("total", numbers.energy(energy.total_pj.mean, divisor), "", "", "")
    return table


def _term(term: EnergyTerm, share: str, divisor: float) -> tuple[str, str, str, str, str]:
    price = f"{term.price:g} {term.price_unit}"
    told = numbers.energy(term.energy_pj, divisor)
    return term.name, told, share, price, "assumed" if term.assumed else ""


def _chip(contents: Contents) -> Table:
    table = _pairs()
    fullest = contents.fullest
    table.add_row("cores used", f"{contents.cores_used:,} of {contents.cores_available:,}")
    used = f"{fullest.used_words:,} of {fullest.available_words:,} words"
    share = numbers.percent(fullest.used_words, fullest.available_words)
    table.add_row("fullest core", f"({fullest.x}, {fullest.y}): {used} of its memory ({share})")
    table.add_row("overflows", numbers.count(contents.overflows))
    return table


def _overflows(layers: tuple[Layer, ...]) -> Table:
    table = _columns("layer", "overflows in all samples")
    for layer in layers:
        if layer.overflows:
            table.add_row(layer.name, numbers.count(layer.overflows))
    return table


def _layers(layers: tuple[Layer, ...]) -> Table:
    table = _columns(
        "layer", "kind", "neurons", "mode", "spikes", "SOPs", "overflows", "values differ", "proven"
    )
    for layer in layers:
        measured = layer.exact or layer.compiled
        table.add_row(
            layer.name,
            layer.kind,
            numbers.count(layer.neurons),
            layer.mode,
            numbers.count(layer.spikes),
            numbers.count(layer.sops),
            numbers.count(layer.overflows),
            f"{measured.differing:,} / {measured.compared:,}" if measured else "",
            _proven(layer),
        )
    return table


def _proven(layer: Layer) -> str:
    differing, reachable = layer.differing_accumulator_values, layer.reachable_accumulator_values
    if differing is None or reachable is None:
        return ""
    return "exact" if differing == 0 else f"{differing:,} / {reachable:,}"


def _pairs() -> Table:
    table = Table.grid(padding=(0, 3), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _columns(first: str, *others: str) -> Table:
    """A table of one column of names and columns of figures, the last of them words."""
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, show_header=True)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    return table
