"""`neurochip chips`: the chips that travel with the package."""

from __future__ import annotations

import json as json_module

from ..chip import Chip, built_in, load
from . import options
from .chip_tables import chips_table
from .console import show, show_line, task


def command(json: options.Json = False) -> None:
    """List the built-in chips."""
    with task():
        chips = [each for name in built_in() for each in _profiles(load(name), name)]
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
