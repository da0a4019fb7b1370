"""The comparison as a table with one column per code, and as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ..report import words
from ..tables import TextTable, names_and_figures
from .compare import BEST, Coded, Compared, best

SCHEMA_VERSION = 2
NOT_KNOWN = "-"


def render(compared: Compared) -> Group:
    """The table, and what was refused."""
    samples = f"{compared.samples:,} sample{'s' * (compared.samples != 1)}"
    title = f"{compared.network} on {compared.chip}, {samples}; figures of a sample are means"
    parts: list[RenderableType] = [Text(title, style="bold")]
    parts.append(Padding(_table(compared), (0, 0, 1, 2), expand=False))
    parts.append(Text(f"* the best of its row{_order(compared)}"))
    first = compared.codes[0].contents
    if 0 < first.compared_samples < first.samples:
        parts.append(Text(f"values that differ: of {words.checked_samples(first)}"))
    if compared.normalization is not None:
        parts.append(Text(f"samples normalized by {compared.normalization}"))
    parts += [Text(f"! {note}", style="yellow") for note in compared.notes]
    parts += [
        Text(f"! {coding} is left out: {error}", style="yellow")
        for coding, error in compared.refused
    ]
    return Group(*parts)


def document(compared: Compared) -> str:
    """All reports, and the figures that only a comparison has."""
    codes = [
        {
            "code": coded.coding.code,
            "window_timesteps": coded.coding.t_max,
            "events_pj": coded.events_pj,
            "energy_delay_js": coded.energy_delay_js,
            "report": json.loads(coded.report.to_json()),
        }
        for coded in compared.codes
    ]
    told = {
        "schema_version": SCHEMA_VERSION,
        "sort": compared.sort,
        "best": {key: _best_codes(compared, key) for key in BEST},
        "codes": codes,
        "refused": {str(coding): str(error) for coding, error in compared.refused},
    }
    return json.dumps(told, indent=2, allow_nan=False)


def _table(compared: Compared) -> TextTable:
    table = names_and_figures("", *(str(coded.coding) for coded in compared.codes))
    for name, told in _ROWS.items():
        values = [told(coded) for coded in compared.codes]
        if any(value != NOT_KNOWN for value in values):
            key = _KEYS.get(name)
            marked = [] if key is None else _best_codes(compared, key)
            cells = zip(compared.codes, values, strict=True)
            table.add_row(name, *(_marked(str(c.coding) in marked, value) for c, value in cells))
    return table


def _order(compared: Compared) -> str:
    return "" if compared.sort is None else f"; sorted by {compared.sort}, the best first"


def _marked(is_best: bool, value: str) -> str:
    return f"* {value}" if is_best else value


def _best_codes(compared: Compared, key: str) -> list[str]:
    """The codes with the best figure; none where all are alike."""
    figure, _ = BEST[key]
    found = best(compared.codes, key)
    named = [str(coded.coding) for coded in compared.codes if figure(coded) == found]
    return [] if found is None or len(named) == len(compared.codes) else named


def _accuracy(coded: Coded) -> str:
    accuracy = coded.contents.accuracy
    return NOT_KNOWN if accuracy is None else f"{accuracy.percent:.2f} %"


def _differing(coded: Coded) -> str:
    exact = coded.contents.exact
    return NOT_KNOWN if exact is None else words.percent(exact.differing, exact.compared)


def _timesteps(coded: Coded) -> str:
    timing = coded.contents.timing
    return NOT_KNOWN if timing is None else words.count(timing.timesteps)


def _work(coded: Coded) -> str:
    timing = coded.contents.timing
    return NOT_KNOWN if timing is None else words.duration(timing.latency_us)


def _latency(coded: Coded) -> str:
    timing = coded.contents.timing
    return NOT_KNOWN if timing is None else words.duration(timing.latency_with_tick_us)


def _throughput(coded: Coded) -> str:
    timing = coded.contents.timing
    if timing is None or timing.samples_per_s is None:
        return NOT_KNOWN
    return words.count(timing.samples_per_s)


def _activity(name: str) -> Callable[[Coded], str]:
    def told(coded: Coded) -> str:
        spread = coded.contents.activity.get(name)
        return NOT_KNOWN if spread is None else words.count(spread.mean)

    return told


def _energy(energy_pj: float | None) -> str:
    return NOT_KNOWN if energy_pj is None else words.energy(energy_pj)


def _energy_delay(coded: Coded) -> str:
    product = coded.energy_delay_js
    return NOT_KNOWN if product is None else f"{words.energy(product * 1e12)}·s"


_ROWS: dict[str, Callable[[Coded], str]] = {
    "accuracy": _accuracy,
    "values that differ from exact integers": _differing,
    "latency in timesteps": _timesteps,
    "latency of the work": _work,
    "latency with the tick": _latency,
    "samples/s": _throughput,
    "spikes": _activity("spikes"),
    "SOPs": _activity("SOPs"),
    "soma updates": _activity("soma updates"),
    "packets": _activity("packets"),
    "flit hops": _activity("flit hops"),
    "energy of events": lambda coded: _energy(coded.events_pj),
    "with the idle chip": lambda coded: _energy(coded.total_pj),
    "energy-delay product of events": _energy_delay,
    "cores": lambda coded: words.count(coded.contents.cores.used),
    "overflows in all samples": lambda coded: words.count(coded.contents.overflows),
}

_KEYS = {
    "accuracy": "accuracy",
    "latency with the tick": "latency",
    "samples/s": "throughput",
    "energy of events": "events",
    "with the idle chip": "energy",
    "energy-delay product of events": "energy-delay",
    "cores": "cores",
}
"""Rows that have a best, and how it is found."""
