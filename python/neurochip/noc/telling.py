"""The summary of a replay as a table for a terminal, and as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..tables import TextTable, names_and_figures
from .summary import Latency, Summary

SCHEMA_VERSION = 1

CONSUMED = {
    "arrival": "cores take packets on arrival",
    "chip": "cores take packets at the pace of the chip",
}


def document(summary: Summary) -> str:
    """The whole summary. `schema_version` grows when a field changes meaning."""
    told = {"schema_version": SCHEMA_VERSION, **asdict(summary)}
    return json.dumps(told, indent=2, allow_nan=False)


def render(summary: Summary) -> Group:
    """Load, then latency."""
    mesh = f"{summary.width} × {summary.height} routers"
    title = f"network of {summary.chip}, {mesh}, {CONSUMED[summary.consume]}"
    sections = ((title, _load(summary)), ("latency in cycles", _latencies(summary)))
    parts: list[Text | Padding] = []
    for heading, table in sections:
        parts += [Text(heading, style="bold"), Padding(table, (0, 0, 1, 2), expand=False)]
    return Group(*parts)


def _load(summary: Summary) -> Table:
    table = Table.grid(padding=(0, 3), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    flits = f"{summary.packet_flits} flit{'s' * (summary.packet_flits != 1)}"
    packets = f"{summary.packets:,} of {flits}, {summary.mean_hops:.2f} hops on average"
    table.add_row("packets", packets)
    if summary.recorded is not None:
        told = f"{summary.recorded.differing:,} of {summary.recorded.compared:,} packets differ"
        table.add_row("against the recording", told)
    cycles = f"{summary.cycles:,} from the first creation to the last arrival"
    table.add_row("cycles", cycles)
    table.add_row("offered load", f"{summary.offered_load:.4g} flits per node and cycle")
    table.add_row("throughput", f"{summary.throughput:.4g} flits per node and cycle")
    if summary.hottest_link is not None:
        table.add_row("hottest link", str(summary.hottest_link))
    blocked = f"{summary.output_blocked_cycles:,} cycles, summed over the outputs of all routers"
    table.add_row("waiting for a credit", blocked)
    return table


def _latencies(summary: Summary) -> TextTable:
    table = names_and_figures("", "mean", "median", "95 %", "99 %", "largest")
    rows = {
        "from creation to arrival": summary.latency_cycles,
        "from injection to arrival": summary.network_cycles,
        "in an empty network": summary.empty_network_cycles,
    }
    for name, latency in rows.items():
        table.add_row(name, *_cells(latency))
    return table


def _cells(latency: Latency) -> tuple[str, ...]:
    counts = (latency.median, latency.p95, latency.p99, latency.largest)
    return f"{latency.mean:,.2f}", *(f"{count:,}" for count in counts)
