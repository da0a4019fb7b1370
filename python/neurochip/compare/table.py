"""The comparison as a table with one column a code, and as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ..report import numbers
from ..tables import TextTable, names_and_figures
from .compare import Coded, Compared

SCHEMA_VERSION = 1
NOT_KNOWN = "-"


def render(compared: Compared) -> Group:
    """The table, and what was refused."""
    samples = f"{compared.samples:,} sample{'s' * (compared.samples != 1)}"
    title = f"{compared.network} on {compared.chip}, {samples}; figures of a sample are means"
    parts: list[RenderableType] = [Text(title, style="bold")]
    parts.append(Padding(_table(compared), (0, 0, 1, 2), expand=False))
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
        "codes": codes,
        "refused": {str(coding): str(error) for coding, error in compared.refused},
    }
    return json.dumps(told, indent=2, allow_nan=False)


def _table(compared: Compared) -> TextTable:
    table = names_and_figures("", *(str(coded.coding) for coded in compared.codes))
    for name, told in _ROWS.items():
        values = [told(coded) for coded in compared.codes]
        if any(value != NOT_KNOWN for value in values):
            table.add_row(name, *values)
    return table


def _accuracy(coded: Coded) -> str:
    accuracy = coded.contents.accuracy
    return NOT_KNOWN if accuracy is None else f"{accuracy.percent:.2f} %"


def _differing(coded: Coded) -> str:
    exact = coded.contents.exact
    return NOT_KNOWN if exact is None else numbers.percent(exact.differing, exact.compared)


def _timesteps(coded: Coded) -> str:
    timing = coded.contents.timing
    return NOT_KNOWN if timing is None else numbers.count(timing.timesteps)


def _latency(coded: Coded) -> str:
    timing = coded.contents.timing
    return NOT_KNOWN if timing is None else f"{numbers.microseconds(timing.latency_us.mean)} µs"


def _throughput(coded: Coded) -> str:
    timing = coded.contents.timing
    if timing is None or timing.samples_per_s is None:
        return NOT_KNOWN
    return numbers.count(timing.samples_per_s)


def _activity(name: str) -> Callable[[Coded], str]:
    def told(coded: Coded) -> str:
        spread = coded.contents.activity.get(name)
        return NOT_KNOWN if spread is None else numbers.count(spread.mean)

    return told


def _energy(energy_pj: float | None) -> str:
    return NOT_KNOWN if energy_pj is None else numbers.energy(energy_pj)


def _energy_delay(coded: Coded) -> str:
    product = coded.energy_delay_js
    return NOT_KNOWN if product is None else f"{numbers.energy(product * 1e12)}·s"


_ROWS: dict[str, Callable[[Coded], str]] = {
    "accuracy": _accuracy,
    "values that differ from exact integers": _differing,
    "latency in timesteps": _timesteps,
    "latency": _latency,
    "samples/s": _throughput,
    "spikes": _activity("spikes"),
    "SOPs": _activity("SOPs"),
    "soma updates": _activity("soma updates"),
    "packets": _activity("packets"),
    "flit hops": _activity("flit hops"),
    "energy of events": lambda coded: _energy(coded.events_pj),
    "with the idle chip": lambda coded: _energy(coded.total_pj),
    "energy-delay product of events": _energy_delay,
    "cores": lambda coded: numbers.count(coded.contents.cores_used),
    "overflows in all samples": lambda coded: numbers.count(coded.contents.overflows),
}
