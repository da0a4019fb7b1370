"""Tables about an image: its populations, and what each core holds."""

from __future__ import annotations

from rich.table import Table

from ..image import Core, Image, Layer
from ..report.table import NAME_WIDTH


def populations_table(image: Image) -> Table:
    """One row a population."""
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False)
    table.add_column("layer", overflow="fold", min_width=NAME_WIDTH)
    for name in ("kind", "neurons", "code", "mode", "from timestep", "constants differ at"):
        table.add_column(name, justify="right", no_wrap=True)
    for layer in image.layers:
        table.add_row(
            layer.name,
            layer.kind,
            f"{layer.neurons:,}",
            _code(layer),
            layer.mode,
            f"{layer.send_start}",
            _proven(layer),
        )
    return table


def cores_used(image: Image) -> str:
    """How much of the board is in use, in words."""
    told = f"{len(image.cores):,} cores of {image.chip.name}"
    if image.chip.num_chips == 1:
        return told
    return f"{told} on {image.chips_used} of {image.chip.num_chips} chips"


def cores_table(image: Image) -> Table:
    """One row a core in use."""
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False)
    table.add_column("core", no_wrap=True)
    table.add_column("layer", overflow="fold", min_width=NAME_WIDTH)
    for name in ("rows", "columns", "channels", "neurons", "memory words", "axons out"):
        table.add_column(name, justify="right", no_wrap=True)
    for core in image.cores:
        table.add_row(
            f"({core.x}, {core.y})",
            core.population,
            *(f"{start} to {stop - 1}" for start, stop in (core.rows, core.columns, core.channels)),
            f"{core.neurons:,}",
            _memory(core),
            f"{core.axon_entries:,}",
        )
    return table


def _code(layer: Layer) -> str:
    if layer.bits == 0:
        return "membrane"
    return f"{'int' if layer.signed else 'uint'}{layer.bits}"


def _proven(layer: Layer) -> str:
    if layer.differing is None or layer.reachable is None:
        return ""
    return "none" if layer.differing == 0 else f"{layer.differing:,} of {layer.reachable:,}"


def _memory(core: Core) -> str:
    return f"{core.dendrite_words:,} of {core.dendrite_words_available:,}"
