"""The command line: one command a module, each found in `COMMANDS`; `bench` has one a suite.

What the user asked for goes to stdout, everything else to stderr. A `NeurochipError` ends a command
with `error: ...` and exit code 1, wrong usage with 2, Ctrl-C with 130.
"""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from . import bench, chips, compare, compile, inspect, noc, ops, quantize, run, tune
from .console import show_line

COMMANDS = (run, compare, compile, tune, inspect, noc, quantize, chips, ops)

app = typer.Typer(
    name="neurochip",
    help="Run quantized ONNX networks on simulated neuromorphic chips.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _module in COMMANDS:
    app.command(name=_module.__name__.rpartition(".")[2])(_module.command)
app.add_typer(bench.app, name="bench")


def _tell_version(wanted: bool) -> None:
    if wanted:
        show_line(f"neurochip {installed_version('neurochip')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Takes the options that stand before a command."""


def main() -> None:
    """Runs the command line and exits."""
    app()
