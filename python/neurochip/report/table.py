"""The report as tables for a terminal, readable without colour; as text 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..tables import TextTable, names_and_figures
from . import words
from .contents import (
    ASSUMED,
    USER,
    Contents,
    DifferingValues,
    Energy,
    EnergyTerm,
    HotSpots,
    PopulationRow,
    Relays,
    Timing,
)
from .words import headline, tick

UNSOURCED = {ASSUMED: "assumed", USER: "set"}
"""What is said of a number that no source gives; a total that such numbers dominate is marked."""

OTHERS = "*"
"""A chip file's word for the fields that it does not name."""


def render(contents: Contents) -> Group:
    """The whole report."""
    return Group(headline(contents), Text(), _grouped(_sections(contents)))


def render_layers(contents: Contents) -> Group:
    """What `-v` adds: every layer's agreement, and the reason for every assumed value."""
    return _grouped(_details(contents))


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
        yield "time per sample", _time(contents, contents.timing)
    yield "activity per sample", _activity(contents)
    yield "energy per sample", _energy(contents.energy)
    if contents.relays is not None:
        yield "relays, per sample", _relays(contents.relays, contents.energy)
    yield "chip", _chip(contents)
    if contents.hot_spots is not None:
        yield "where and when most happens, all samples", _hot_spots(contents.hot_spots)
    if contents.overflows:
        yield "overflows", _overflows(contents.layers)
    if contents.early_spikes:
        yield "early spikes", _early_spikes(contents)
    if contents.notes:
        yield "notes", Group(*(Text(f"! {note}", style="yellow") for note in contents.notes))


def _details(contents: Contents) -> Iterator[tuple[str, RenderableType]]:
    yield "layers, per sample (overflows: all samples)", _layers(contents.layers)
    if contents.compiled is not None:
        yield "self-checks", _self_checks(contents)
    yield "values that differ, by layer", _agreement(contents.layers)
    if contents.assumed:
        yield "assumptions and their reasons", _reasons(contents.assumed)


def _self_checks(contents: Contents) -> Table:
    """What was compared, in numbers, where the report itself says only that nothing differs."""
    table = _pairs()
    if contents.compiled is not None:
        table.add_row("against the compiled network", words.differing(contents.compiled))
        table.add_row("compared", words.checked_samples(contents))
    return table


def _reasons(assumed: dict[str, str]) -> Table:
    table = _pairs()
    for field, reason in assumed.items():
        table.add_row(_field(field), reason)
    return table


def _field(name: str) -> str:
    """A field's dotted name, or what stands for the others."""
    return "every field not named here" if name == OTHERS else name


def _results(contents: Contents) -> Table:
    table = _pairs()
    if contents.normalization is not None:
        table.add_row("samples normalized by", str(contents.normalization))
    if contents.compiled is not None and contents.compiled.differing:
        table.add_row("against the compiled network", words.differing(contents.compiled))
    if contents.exact is not None:
        table.add_row("against exact integers", _exact(contents, contents.exact))
    elif contents.compiled is not None:
        table.add_row("against exact integers", "not measured: an image file holds no graph")
    if contents.overflows:
        table.add_row("overflows", f"{contents.overflows:,} values did not fit their registers")
    if contents.early_spikes:
        table.add_row("early spikes", f"{contents.early_spikes:,}, sent before all had arrived")
    if contents.compiled is None and contents.exact is None:
        table.add_row("agreement", "not measured: `--check none` compares nothing")
    table.add_row("self-checks passed", ", ".join(_passed(contents)) or "none")
    if contents.assumed:
        table.add_row("assumed, not published", _assumed(contents.assumed))
    return table


def _exact(contents: Contents, exact: DifferingValues) -> str:
    """With the samples that it is of, where these are not all."""
    told = words.differing(exact)
    if contents.compared_samples == contents.samples:
        return told
    return f"{told}, of {words.checked_samples(contents)}"


def _passed(contents: Contents) -> Iterator[str]:
    """What was checked and found right: what was not has a line or a table of its own."""
    if contents.compiled is not None and not contents.compiled.differing:
        yield f"values as compiled ({words.checked_samples(contents)})"
    if not contents.overflows:
        yield "no overflow"
    if not contents.early_spikes:
        yield "no early spike"


def _assumed(assumed: dict[str, str]) -> str:
    if OTHERS in assumed:
        return "all fields but those with a source (`-v` says why)"
    return f"{len(assumed)} field{'s' * (len(assumed) != 1)} of the chip (`-v` names them)"


def _time(contents: Contents, timing: Timing) -> Table:
    table = _pairs()
    alone = words.count(timing.work_cycles.mean)
    ranges = words.range_of(timing.work_cycles)
    table.add_row("work alone", f"{alone} cycles" + (f", {ranges}" if ranges else ""))
    bound = contents.bound
    if bound is not None:
        layer = "" if bound.layer is None else f", layer {bound.layer!r}"
        busy = f"{words.count(bound.work_cycles)} cycles"
        table.add_row("bound by", f"{bound.engine}, {bound.where}{layer}: {busy}")
    if timing.least_work_cycles:
        least, ratio = timing.least_work_cycles, timing.work_cycles.mean / timing.least_work_cycles
        told = (
            f"{words.count(least)} cycles for any placement; this one takes {ratio:.1f} times that"
        )
        table.add_row("lower bound", told)
    latency = f"{_timesteps(timing.timesteps)}, {_cycles(timing.cycles.mean, timing)}"
    table.add_row("latency", f"{latency}{_pace(timing)}")
    table.add_row("a sample every", f"{_timesteps(timing.period)}, {_throughput(timing)}")
    if timing.samples_in_flight > 1:
        table.add_row("in flight at once", f"{timing.samples_in_flight} samples")
        whole, rate = _cycles(timing.run_cycles, timing), words.count(timing.run_samples_per_s)
        table.add_row("whole run, fill and drain", f"{whole}: {rate} samples/s")
    work = words.count(timing.work_cycles_per_timestep)
    longest = words.count(timing.longest_work_cycles)
    table.add_row("work in a timestep", f"{work} cycles on average, {longest} in the longest")
    if timing.barrier_nodes is not None:
        nodes = f"{timing.barrier_nodes:,} node{'s' * (timing.barrier_nodes != 1)} with neurons"
        table.add_row("barrier", f"{words.count(timing.barrier_cycles)} cycles, of {nodes}")
    if timing.host_us is not None:
        host = words.duration(timing.host_us)
        table.add_row("host of a board", f"{host}, in no other number here")
    if timing.tick_cycles:
        table.add_row("tick", f"{words.count(timing.tick_cycles)} cycles ({tick(timing)})")
        shortest_us = words.duration(timing.shortest_tick_us)
        shortest = words.count(timing.shortest_tick_cycles)
        table.add_row("shortest tick", f"{shortest} cycles ({shortest_us}) for this work")
        table.add_row("longer timesteps", f"{words.count(timing.overruns)} longer than the tick")
    if timing.tick_hides_work:
        table.add_row("hidden by the tick", "timing parameters: none changes the latency here")
    return table


def _pace(timing: Timing) -> str:
    """How long a cycle is."""
    if timing.clock_mhz is None:
        return f", a cycle being {timing.time_base_ns:g} ns"
    return f" at {timing.clock_mhz:g} MHz"


def _throughput(timing: Timing) -> str:
    """Between samples while the chip is full: filling and draining belong to the whole run."""
    if timing.cycles_per_sample is None or timing.samples_per_s is None:
        return f"not measured: fewer than {timing.samples_in_flight} samples"
    cycles = _cycles(timing.cycles_per_sample, timing)
    return f"{cycles}: {words.count(timing.samples_per_s)} samples/s"


def _cycles(cycles: float, timing: Timing) -> str:
    return f"{words.count(cycles)} cycles ({words.duration(cycles / timing.cycles_per_us)})"


def _timesteps(count: int) -> str:
    return f"{words.count(count)} timestep{'s' * (count != 1)}"


def _activity(contents: Contents) -> TextTable:
    ranges = [words.range_of(spread) for spread in contents.activity.values()]
    table = (
        names_and_figures("", "mean", "range") if any(ranges) else names_and_figures("", "count")
    )
    for (name, spread), told in zip(contents.activity.items(), ranges, strict=True):
        table.add_row(name, words.count(spread.mean), *([told] if any(ranges) else []))
    return table


def _energy(energy: Energy) -> TextTable:
    """Shares of what events cost, and of the total, which the idle chip's power adds to."""
    events_pj, idle_pj = energy.all_events_pj, energy.idle_pj
    total_pj = None if idle_pj is None else events_pj + idle_pj
    of_total = [] if idle_pj is None else ["of total"]
    heads = ["", "energy", "of events", *of_total, "each", ""]
    table = names_and_figures(*heads)

    def add(name: str, value_pj: float, of_events: str, price: str = "", grade: str = "") -> None:
        of_total = [] if total_pj is None else [words.percent(value_pj, total_pj)]
        table.add_row(name, words.energy(value_pj), of_events, *of_total, price, grade)

    for term in energy.event_terms:
        add(term.name, term.energy_pj, words.percent(term.energy_pj, events_pj), *_price(term))
    add("all events", events_pj, words.percent(events_pj, events_pj))
    for term in energy.idle_terms:
        add(term.name, term.energy_pj, "", *_price(term))
    if total_pj is None:
        table.add_row("idle chip", "-", "", "not known without timing", "")
        return table
    row = ["total", words.energy(total_pj), ""]
    for grade, told in UNSOURCED.items():
        at_pj = energy.total_at_pj(grade)
        if at_pj > total_pj / 2:
            table.add_row(*row, words.percent(at_pj, total_pj), "", f"! {told}")
            return table
    table.add_row(*row, words.percent(total_pj, total_pj))
    return table


def _price(term: EnergyTerm) -> tuple[str, str]:
    return f"{term.price:g} {term.price_unit}", UNSOURCED.get(term.grade, "")


def _relays(relays: Relays, energy: Energy) -> Table:
    """Neurons that compute nothing: they keep values for later, or put them in another order."""
    table = _pairs()
    populations = len(relays.populations)
    told = f"{relays.neurons:,} in {populations} population{'s' * (populations != 1)}"
    table.add_row("neurons", f"{told}, on {relays.cores:,} core{'s' * (relays.cores != 1)}")
    table.add_row("SOPs", words.count(relays.sops))
    table.add_row("packets", words.count(relays.packets))
    table.add_row("soma updates", words.count(relays.soma_updates))
    share = words.percent(relays.energy_pj, energy.all_events_pj)
    table.add_row("energy", f"{words.energy(relays.energy_pj)} ({share} of all events)")
    return table


def _chip(contents: Contents) -> Table:
    table = _pairs()
    fullest = contents.fullest
    if contents.chips_available > 1:
        table.add_row("chips used", f"{contents.chips_used:,} of {contents.chips_available:,}")
    table.add_row("cores used", f"{contents.cores.used:,} of {contents.cores.available:,}")
    if fullest is not None:
        used = f"{fullest.used_words:,} of {fullest.available_words:,} words"
        share = words.percent(fullest.used_words, fullest.available_words)
        where = f"({fullest.x}, {fullest.y})"
        if fullest.place is not None:
            where = f"{where}, its core {fullest.place}"
        table.add_row("fullest core", f"{where}: {used} of its memory ({share})")
    table.add_row("overflows", words.count(contents.overflows))
    return table


def _hot_spots(spots: HotSpots) -> Table:
    table = _pairs()
    for core in spots.cores:
        share = words.percent(core.percent, 100)
        place = f"({core.x}, {core.y}) of layer {core.layer!r}"
        table.add_row(core.what, f"{place}: {share} of the cycles of work")
    table.add_row("hottest link", "none" if spots.link is None else str(spots.link))
    in_router, in_core = spots.highest_queue_flits, spots.highest_receive_flits
    table.add_row("fullest queues", f"{in_router:,} flits in a router, {in_core:,} in a core")
    sample, timestep = spots.longest_timestep
    work = f"{spots.longest_work_cycles:,} cycles of work"
    table.add_row("longest timestep", f"{timestep} after the entry of sample {sample}: {work}")
    return table


def _overflows(layers: tuple[PopulationRow, ...]) -> TextTable:
    table = names_and_figures("layer", "overflows in all samples")
    for layer in layers:
        if layer.overflows:
            table.add_row(layer.name, words.count(layer.overflows))
    return table


def _early_spikes(contents: Contents) -> TextTable:
    table = names_and_figures("layer", "early spikes in all samples", "of its spikes")
    for layer in contents.layers:
        if layer.early_spikes:
            share = words.percent(layer.early_spikes, layer.spikes * contents.samples)
            table.add_row(layer.name, words.count(layer.early_spikes), share)
    return table


def _layers(layers: tuple[PopulationRow, ...]) -> TextTable:
    table = names_and_figures("layer", "kind", "mode", "neurons", "spikes", "SOPs", "overflows")
    for layer in layers:
        table.add_row(
            layer.name,
            layer.kind,
            layer.mode,
            words.count(layer.neurons),
            words.count(layer.spikes),
            words.count(layer.sops),
            words.count(layer.overflows),
        )
    return table


def _agreement(layers: tuple[PopulationRow, ...]) -> TextTable:
    """What was measured, and what is proven over all accumulator values that can occur."""
    table = names_and_figures(
        "layer", "compiled network", "exact integers", "reachable accumulator values"
    )
    for layer in layers:
        if layer.compiled is not None or layer.reachable_accumulator_values is not None:
            table.add_row(layer.name, _told(layer.compiled), _told(layer.exact), _proven(layer))
    return table


def _told(measured: DifferingValues | None) -> str:
    return "" if measured is None else f"{measured.differing:,} of {measured.compared:,}"


def _proven(layer: PopulationRow) -> str:
    differing, reachable = layer.differing_accumulator_values, layer.reachable_accumulator_values
    if differing is None or reachable is None:
        return ""
    return "exact" if differing == 0 else f"{differing:,} of {reachable:,}"


def _pairs() -> Table:
    table = Table.grid(padding=(0, 3), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table
