"""The command line: one command a module, imported when it is chosen.

What the user asked for goes to stdout, everything else to stderr. A `NeurochipError` ends a command
with `error: ...` and exit code 1, wrong usage with 2, Ctrl-C with 130, SIGTERM with 143. So does a
stdout that does not take all of it, with 1.
"""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ..process import run

COMMANDS = {
    "run": "Run a graph or an image on a chip, and report what it took.",
    "compare": "Run a graph in several spike codes, and show what each takes.",
    "compile": "Compile a graph for a chip, and write the image.",
    "tune": "Find the fewest synaptic operations at a bounded loss of accuracy.",
    "inspect": "Show what is in a graph, an image or a chip.",
    "noc": "Send recorded packets through the network of a chip, and report latency and load.",
    "quantize": "Quantize a float network, and say what that costs.",
    "chips": "List the built-in chips.",
    "ops": "List the ONNX operators that can be imported.",
    "bench": "Measure the tables and figures of papers anew.",
}
"""Each is the module of its name: its function `command`, or its group of commands `app`.

The first line of its help stands here, so that a list of commands imports none of them.
"""


class _Commands(TyperGroup):
    """A group that imports a command when it is chosen."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = dict.fromkeys(COMMANDS)  # for what is near a mistyped one

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


class _Grouped(TyperCommand):
    """A command whose options stand under the headings that they name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[Any]] = {}
        for each in self.get_params(ctx):
            told = each.get_help_record(ctx)
            if told is not None:
                argument = each.param_type_name == "argument"
                heading = getattr(each, "rich_help_panel", None) or "Options"
                sections.setdefault("Arguments" if argument else heading, []).append(told)
        last = sections.pop("Options", [])
        for heading, records in {**sections, "Options": last}.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def _command(name: str) -> Any:
    module = import_module(f"{__name__}.{name}")
    if hasattr(module, "app"):
        group = typer.main.get_command(module.app)
        group.name = name
        return group
    only = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    only.command(name, cls=_Grouped)(module.command)
    return typer.main.get_command(only)


app = typer.Typer(
    name="neurochip",
    cls=_Commands,
    help="Run quantized ONNX networks on simulated neuromorphic chips.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # a fifth of the start-up, for one option

        typer.echo(f"neurochip {version('neurochip')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Takes the options that stand before a command."""


def main() -> None:
    """Runs the command line and exits, as `neurochip.__main__.main` does."""
    run(app)
