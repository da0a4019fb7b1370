"""`neurochip bench`: the tables and figures of papers, measured anew; one command a suite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..papers import SUITES, Options, Section, Suite, rich_table, run_suite
from ..papers.suite import REPORT
from .console import show, show_line, status, task

WIDTH = 160
"""Of tables that have the paper's columns beside ours."""

app = typer.Typer(
    help="Measure the tables and figures of papers anew.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


def _command(suite: Suite[Any]) -> Callable[..., None]:
    def command(
        output: Annotated[
            Path | None,
            typer.Option("--output", "-o", help="Folder to write to; bench-SUITE unless given."),
        ] = None,
        only: Annotated[
            list[str] | None,
            typer.Option(help="A part alone, such as table-08; more than once for several."),
        ] = None,
        quick: Annotated[
            bool, typer.Option("--quick", help="A small version, in about a minute.")
        ] = False,
        seed: Annotated[int, typer.Option(min=0, help="Of synthetic weights and pictures.")] = 0,
        zoo: Annotated[
            Path | None,
            typer.Option(
                help="Folder of trained networks, NETWORK/uint8_qdq.onnx; `zoo` beside "
                "NEUROCHIP_DATA unless given."
            ),
        ] = None,
        data: Annotated[
            Path | None,
            typer.Option(help="Folder of data sets; NEUROCHIP_DATA unless given."),
        ] = None,
        threads: Annotated[
            int | None, typer.Option(min=1, help="Threads to use; all cores unless given.")
        ] = None,
    ) -> None:
        folder = Path(f"bench-{suite.name}") if output is None else output
        with task() as current:
            current.kept = f"finished parts are in {str(folder)!r}"
            with status(current) as doing:
                options = Options(folder, zoo, data, seed, quick, threads, doing)
                for told in run_suite(suite, options, only or ()):
                    _tell(told)
        show_line(f"written: {folder / REPORT}")

    command.__doc__ = f"{suite.title}, as Markdown, CSV and plots."
    return command


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
