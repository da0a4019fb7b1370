"""The pipeline flows forward, and no file grows into two."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_graph import PACKAGE, ROOT, imported_modules

MAX_LINES = 500

ORDER = [
    "errors",
    "files",
    "renamed",
    "process",
    "reprs",
    "toml",
    "plain",
    "_core",
    "chip",
    "plots",
    "links",
    "tables",
    "arithmetic",
    "inputs",
    "settings",
    "options",
    "formats",
    "layers",
    "ops",
    "graph",
    "quantize",
    "requantize",
    "network",
    "lower",
    "interpret",
    "placement",
    "image",
    "energy",
    "simulate",
    "optimize",
    "placing",
    "compile",
    "report",
    "compare",
    "noc",
    "tune",
    "papers",
    "cli",
    "__main__",
]


CODES = ("stem", "quartz", "rate")
"""Folders of `lower/`: what two of them share stands beside them."""


def stage_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_stages(path: Path) -> set[str]:
    names = (name.split(".") for name in imported_modules(path))
    stages = {parts[1] for parts in names if parts[0] == "neurochip" and len(parts) > 1}
    return {stage for stage in stages if list(PACKAGE.glob(f"{stage}*"))}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_only_earlier_stages(path):
    stage = stage_of(path)
    if stage in {"__init__", "__main__"}:
        return  # the public face may name every stage
    assert stage in ORDER, f"{stage!r} has no place in the pipeline: add it to ORDER"
    assert imported_stages(path) <= set(ORDER[: ORDER.index(stage) + 1])


@pytest.mark.parametrize("code", CODES)
def test_the_rooms_of_the_spike_codes_do_not_know_each_other(code):
    others = tuple(f"neurochip.lower.{other}." for other in CODES if other != code)
    files = list((PACKAGE / "lower" / code).rglob("*.py"))
    assert files
    asked = {f"{module}." for path in files for module in imported_modules(path)}
    assert {module for module in asked if module.startswith(others)} == set()


def test_relative_and_absolute_imports_are_both_seen():
    stages = imported_stages(PACKAGE / "inputs" / "__init__.py")
    assert {"errors", "inputs"} <= stages


@pytest.mark.parametrize(
    "folder", ["python", "rust", "tests", "benches"], ids=lambda folder: folder
)
def test_no_file_has_more_lines_than_one_subject_needs(folder):
    files = [
        path for suffix in ("py", "pyi", "rs") for path in (ROOT / folder).rglob(f"*.{suffix}")
    ]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}
