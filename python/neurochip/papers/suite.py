"""Suite: the tables and figures of one paper, measured part by part into a folder.

A suite is data: its name, what opens its bench (whatever its parts share), and its parts. Each part
is written as soon as it is measured, every file whole or not at all; `report.md` comes last and
holds all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from ..errors import NeurochipError
from ..files import reason, written
from .plot import Plot, png, require_matplotlib
from .table import Table
from .telling import csv_text, markdown

REPORT = "report.md"

Bench = TypeVar("Bench")
"""What the parts of a suite share, such as networks and what was measured of them."""


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """What a user decides about any suite."""

    folder: Path
    """What is written goes there."""
    zoo: Path | None = None
    """Folder of trained networks, `NETWORK/uint8_qdq.onnx`."""
    data: Path | None = None
    """Folder of data sets, such as `cifar10.npz`."""
    seed: int = 0
    """Of synthetic weights and images."""
    quick: bool = False
    """A small version, in about a minute."""
    silicon: Path | None = None
    """Folder of networks that chips were measured on, such as `quartz_loihi/mnist_float.onnx`."""
    threads: int | None = None
    """Of the simulator; all cores by default."""
    tell: Callable[[str], None] = lambda doing: None
    """Gets a line on what is being done."""


@dataclass(frozen=True, slots=True)
class Section:
    """What a part found."""

    tables: tuple[Table, ...]
    plots: tuple[Plot, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    """Other files by name, such as settings."""


@dataclass(frozen=True, slots=True)
class Part(Generic[Bench]):
    """One question of a suite, answered by tables and plots."""

    name: str
    """By which it is asked for alone, such as `table-05`."""
    measure: Callable[[Bench], Section]


@dataclass(frozen=True, slots=True)
class Suite(Generic[Bench]):
    """The tables and figures of one paper."""

    name: str
    """Of its command."""
    title: str
    paper: Callable[[], str]
    """Reads the citation; not before a suite is run."""
    open: Callable[[SuiteOptions], Bench]
    """Finds networks and samples."""
    about: Callable[[Bench], tuple[str, ...]]
    """What was run, and what was left out and why: the report starts with it."""
    parts: tuple[Part[Bench], ...]
    on_silicon: bool = False
    """Whether it measures networks that chips were measured on: then it has `--silicon`."""

    def chosen(self, names: Sequence[str]) -> tuple[Part[Bench], ...]:
        """The parts of these names, or all.

        Raises:
            NeurochipError: All names that there are not.
        """
        known = [part.name for part in self.parts]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise NeurochipError(
                f"{self.name!r} has no part {', '.join(map(repr, unknown))}",
                hint=f"its parts are {', '.join(known)}",
            )
        return tuple(part for part in self.parts if not names or part.name in names)


def run_suite(
    suite: Suite[Bench], options: SuiteOptions, only: Sequence[str] = ()
) -> Iterator[Section | tuple[str, ...]]:
    """Measures a suite; gives what it is about, and then each section once it is written.

    Args:
        suite: Which one.
        options: What is decided about it.
        only: Parts by name, for some of them; the report then holds these alone.

    Raises:
        NeurochipError: If a part is unknown, something is not installed, there is no network to
            measure, or a file cannot be written.
    """
    parts = suite.chosen(only)
    require_matplotlib()
    options.tell("finding networks")
    bench = suite.open(options)
    _make(options.folder)
    about = suite.about(bench)
    yield about
    head = (f"# {suite.title}", "", suite.paper(), "")
    report = [*head, *(f"- {line}" for line in about), ""]
    for part in parts:
        options.tell(part.name)
        section = part.measure(bench)
        report += _written(section, options.folder)
        yield section
    _write(options.folder / REPORT, "\n".join(report).encode())


def _written(section: Section, folder: Path) -> Iterator[str]:
    """Writes a section's files; gives its lines of the report."""
    for name, text in section.texts.items():
        _write(folder / name, text.encode())
    for table in section.tables:
        _write(folder / f"{table.name}.csv", csv_text(table).encode())
        yield markdown(table)
    for plot in section.plots:
        _write(folder / f"{plot.name}.png", png(plot))
        yield from (f"![{plot.title}]({plot.name}.png)", "")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NeurochipError(
            f"cannot make folder {str(folder)!r}: {reason(error)}",
            hint="give a folder that you may write to",
        ) from error


def _write(path: Path, content: bytes) -> None:
    hint = "give a folder that you may write to"
    with written(path, NeurochipError, hint=hint) as file:
        file.write(content)
