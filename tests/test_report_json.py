"""The document of a report has the fields, units and grades that docs/report-json.md says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from command_line import neurochip
from contents_example import EXAMPLE, HOT_SPOTS
from neurochip.inputs import Normalization
from neurochip.report import SCHEMA_VERSION, Report
from neurochip.report.contents import Relays

PAGE = Path(__file__).parents[1] / "docs" / "report-json.md"
GRADES = {"exact", "modelled", "priced", "stated"}
UNITS = {
    "pj": {"pJ"},
    "us": {"µs"},
    "ns": {"ns"},
    "mhz": {"MHz"},
    "cycles": {"cycles"},
    "per_s": {"samples/s"},
    "flits": {"flits"},
    "words": {"words"},
    "percent": {"%"},
    "spikes": {"spikes"},
    "sops": {"SOPs"},
    "neurons": {"neurons"},
}
"""By how the name of a field or of its table ends."""


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Each row of the page's tables of fields: its fields, unit, grade and meaning."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            yield cells[0], cells[1], cells[2], cells[3]


def documented() -> dict[str, tuple[str, str]]:
    """By field, braces written out: unit and grade."""
    fields: dict[str, tuple[str, str]] = {}
    for names, unit, grade, _ in rows():
        for name in re.findall(r"`([^`]+)`", names):
            for field in written_out(name):
                assert field not in fields, f"{field} stands twice"
                fields[field] = unit, grade
    return fields


def written_out(name: str) -> list[str]:
    """`a.{b,c}` is `a.b` and `a.c`."""
    before, brace, rest = name.partition("{")
    if not brace:
        return [name]
    choices, _, after = rest.partition("}")
    return [before + choice + after for choice in choices.split(",")]


FREE = ("activity", "assumed")
"""Tables whose keys are names of what a run has."""


def fields_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a document, by its path; compile options are one, of a page of their own."""
    if path == "options":
        yield path, value
    elif isinstance(value, dict) and value:
        for key, each in value.items():
            name = "<name>" if path in FREE else key
            yield from fields_of(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for each in value:
            yield from fields_of(each, f"{path}[]")
    else:
        yield path, value


def undocumented(told: dict[str, Any]) -> list[str]:
    """Fields that the page does not have; a table that was not measured may be empty."""
    fields = documented()
    missing = []
    for path, value in fields_of(told):
        is_empty = value is None or value in ([], {})
        tables = [field for field in fields if field.startswith((f"{path}.", f"{path}[]"))]
        if path not in fields and not (is_empty and tables):
            missing.append(path)
    return missing


def test_the_page_has_every_field_and_no_other():
    relays = Relays(("relay of a",), 640, 1, 1_020.5, 2_000.0, 10_240.0, 500_000.0)
    contents = replace(
        EXAMPLE, relays=relays, hot_spots=HOT_SPOTS, normalization=Normalization(0.5, 0.5)
    )
    told = json.loads(Report(contents).to_json())
    assert {path for path, _ in fields_of(told)} == set(documented())
    assert f"`schema_version` {SCHEMA_VERSION}," in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "options",
    [("--chip", "loihi", "--pipeline"), ("--timing", "none"), ("--set", "board.chips_x=2")],
    ids=" ".join,
)
def test_a_run_tells_no_field_that_the_page_does_not_have(examples, options):
    digits = (examples / "digits_cnn.onnx", "--input", examples / "digits.npz", "--samples", 2)
    assert undocumented(json.loads(neurochip("run", *digits, "--json", *options).stdout)) == []


def test_every_field_has_a_grade_and_the_unit_that_its_name_says():
    for field, (unit, grade) in documented().items():
        assert grade in GRADES, field
        table, _, name = field.rpartition(".")
        of_table = table.rpartition(".")[2] if name in ("mean", "smallest", "largest") else ""
        parts = (name.removesuffix("_without_tick"), of_table)
        wanted = [units for end, units in UNITS.items() for part in parts if ended(part, end)]
        assert all(unit in units for units in wanted), f"{field} in {unit!r}"


def ended(name: str, end: str) -> bool:
    return name == end or name.endswith(f"_{end}")


def test_units_are_found_by_the_ends_of_names():
    """So that the test above sees a wrong one."""
    fields = documented()
    assert fields["energy.idle_pj"] == ("pJ", "priced")
    assert fields["timing.work_cycles.mean"] == ("cycles", "modelled")
    assert ended("energy_pj", "pj")
    assert not ended("corpj", "pj")


def test_parts_of_a_document_add_up(examples):
    digits = (examples / "digits_cnn.onnx", "--input", examples / "digits.npz", "--samples", 3)
    told = json.loads(neurochip("run", *digits, "--json").stdout)
    energy, timing = told["energy"], told["timing"]
    events = sum(energy["events_pj"].values())
    assert events == pytest.approx(sum(term["energy_pj"] for term in energy["event_terms"]))
    assert events + energy["idle_pj"] == pytest.approx(energy["total_pj"]["mean"])
    sops = next(term for term in energy["event_terms"] if term["field"] == "energy.sop_pj")
    assert energy["events_pj"]["published"] == pytest.approx(
        5.47 * told["activity"]["SOPs"]["mean"]
    )
    assert sops["grade"] == "published"
    cycles = timing["work_cycles"]["mean"] + timing["timesteps"] * timing["barrier_cycles"]
    assert timing["latency_us"] == pytest.approx(cycles / timing["clock_mhz"])
    assert timing["latency_with_tick_us"] == pytest.approx(33 * 500.0)
    assert timing["samples_per_s"] == pytest.approx(1e6 / timing["latency_with_tick_us"])
    assert timing["samples_per_s_without_tick"] == pytest.approx(1e6 / timing["latency_us"])
    assert told["bound"]["share"] == pytest.approx(
        told["bound"]["work_cycles"] / timing["work_cycles"]["mean"]
    )
