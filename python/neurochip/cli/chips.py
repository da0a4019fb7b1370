"""`neurochip chips`: the chips that travel with the package."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer

from ..chip import Chip, built_in, built_in_text, load
from . import options
from .chip_tables import chips_table
from .console import show, show_line, task


def command(
    name: Annotated[
        str | None, typer.Argument(help="One of them; all unless given.", show_default=False)
    ] = None,
    toml: Annotated[
        bool,
        typer.Option("--toml", help="Print the file of one, to start your own chip from."),
    ] = False,
    json: options.Json = False,
) -> None:
    """List the built-in chips."""
    if toml and (name is None or json):
        raise typer.BadParameter(
            "it prints the file of one chip: give its name, and no `--json`", param_hint="--toml"
        )
    with task():
        if toml and name is not None:
            show_line(built_in_text(name).rstrip("\n"))
            return
        names = built_in() if name is None else (name,)
        chips = [each for known in names for each in _profiles(load(known), known)]
        if json:
            show_line(json_module.dumps([_document(chip) for chip in chips], indent=2))
        else:
            show(chips_table(chips))


def _profiles(chip: Chip, name: str) -> list[Chip]:
    """A chip, and the same with the other numbers that its file has."""
    return [chip, *(load(f"{name}:{profile}") for profile in chip.profiles)]


def _document(chip: Chip) -> dict[str, object]:
    return {
        "name": chip.name,
        "source": chip.spec["source"],
        "cores": chip.num_cores,
        "max_neurons_per_core": chip.spec["core"]["max_neurons"],
        "clock_mhz": chip.clock_mhz,
        "time_base_ns": chip.time_base_ns,
        "assumed_fields": len(chip.assumed()),
    }
