"""`neurochip bench`: the tables and figures of papers, measured anew; one command a suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from ..papers import SUITES, Section, Suite, SuiteOptions, rich_table, run_suite
from ..papers.suite import REPORT
from .console import show, show_line, status, task

WIDTH = 160
"""Of tables that have the paper's columns beside ours."""

Output: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder to write to; bench-SUITE unless given."),
]
Only: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="A part alone, such as table-08; more than once for several."),
]
Quick: TypeAlias = Annotated[
    bool, typer.Option("--quick", help="A small version, in about a minute.")
]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="Of synthetic weights and images.")]
Zoo: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Folder of trained networks, NETWORK/uint8_qdq.onnx; `zoo` beside NEUROCHIP_DATA "
        "unless given."
    ),
]
Data: TypeAlias = Annotated[
    Path | None, typer.Option(help="Folder of data sets; NEUROCHIP_DATA unless given.")
]
Silicon: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Folder of networks that chips were measured on, quartz_loihi/mnist_float.onnx; "
        "`silicon` beside NEUROCHIP_DATA unless given."
    ),
]
Threads: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Threads to use; all cores unless given.")
]

app = typer.Typer(
    help="Measure the tables and figures of papers anew.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


def _command(suite: Suite[Any]) -> Callable[..., None]:
    def command(
        output: Output = None,
        only: Only = None,
        quick: Quick = False,
        seed: Seed = 0,
        zoo: Zoo = None,
        data: Data = None,
        silicon: Silicon = None,
        threads: Threads = None,
    ) -> None:
        folder = _folder(suite, output)
        options = SuiteOptions(folder, zoo=zoo, data=data, seed=seed, quick=quick, threads=threads)
        _run(suite, replace(options, silicon=silicon), only)

    if not suite.on_silicon:  # an option that would decide nothing
        whole = signature(command, eval_str=True)
        kept = [each for name, each in whole.parameters.items() if name != "silicon"]
        command.__signature__ = whole.replace(parameters=kept)  # type: ignore[attr-defined]
    command.__doc__ = f"{suite.title}, as Markdown, CSV and plots."
    return command


def _folder(suite: Suite[Any], output: Path | None) -> Path:
    """The one asked for, or one named after the suite."""
    return Path(f"bench-{suite.name}") if output is None else output


def _run(suite: Suite[Any], options: SuiteOptions, only: Sequence[str] | None) -> None:
    with task() as current:
        current.kept = f"finished parts are in {str(options.folder)!r}"
        with status(current) as doing:
            for told in run_suite(suite, replace(options, tell=doing), only or ()):
                _tell(told)
    show_line(f"written: {options.folder / REPORT}")


def _tell(told: Section | tuple[str, ...]) -> None:
    if isinstance(told, Section):
        for table in told.tables:
            show(rich_table(table), WIDTH)
        return
    for line in told:
        show_line(f"! {line}" if line.startswith("LEFT OUT") else line)
    show_line("")


for _suite in SUITES:
    app.command(name=_suite.name)(_command(_suite))
