"""`neurochip inspect`: what is in a graph, an image or a chip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..chip import SUFFIX, Chip, built_in
from ..chip import load as load_chip
from ..graph import Graph
from ..graph import load as load_graph
from ..image import Image
from . import options
from .chip_tables import fields_table
from .console import show, show_line, task
from .graph_tables import host_lines, layers_table
from .image_tables import cores_table, cores_used, populations_table
from .loading import CompileOptions, compiled, is_image


def command(
    thing: Annotated[
        str, typer.Argument(help="An ONNX graph, an image, or a chip.", show_default=False)
    ],
    chip: options.Chip = None,
    calibration: options.Calibration = None,
    scale: options.Scale = None,
    code: options.Code = None,
    set: options.Set = None,
    shape: options.Shape = None,
) -> None:
    """Show what is in a graph, an image or a chip.

    A graph: its layers, and with --chip its placement. A chip: every number with its source.
    """
    chosen = CompileOptions(
        chip, code, options.parse_overrides(set), options.parse_shapes(shape), calibration, scale
    )
    path = Path(thing)
    with task() as current:
        current.begin(f"inspecting {thing!r}")
        if is_image(path):
            chosen.refuse_for_an_image(path)
            _show_image(Image.load(path))
        elif thing.endswith(SUFFIX) or (thing in built_in() and not path.exists()):
            _show_chip(load_chip(thing, chosen.overrides))
        else:
            graph = load_graph(path, shape=chosen.shapes)
            _show_graph(graph)
            if chip is not None:
                _show_image(compiled(graph, chosen, None, current))


def _show_chip(chip: Chip) -> None:
    show_line(f"{chip.name}: {chip.spec['source']}\n")
    show(fields_table(chip))


def _show_graph(graph: Graph) -> None:
    show_line(f"{graph.name}: {len(graph.layers)} layers\n")
    show(layers_table(graph))
    for line in (*host_lines(graph), *(f"! {note}" for note in graph.notes)):
        show_line(line)


def _show_image(image: Image) -> None:
    show_line(f"{image.name} on {image.chip.name}, code {image.code}\n")
    show(populations_table(image))
    show_line("")
    show(cores_table(image))
    show_line(f"\n{cores_used(image)}")
    for note in image.notes:
        show_line(f"! {note}")
