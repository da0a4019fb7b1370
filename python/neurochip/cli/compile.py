"""`neurochip compile`: a graph and a chip become an image file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options
from .console import show, show_line, task
from .files import replacing
from .image_tables import cores_used, populations_table
from .loading import CompileOptions, load_image


def command(
    model: options.Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The image file to write.", show_default=False)
    ],
    chip: options.Chip = None,
    calibration: options.Calibration = None,
    scale: options.Scale = None,
    code: options.Code = None,
    set: options.Set = None,
    shape: options.Shape = None,
) -> None:
    """Compile a graph for a chip, and write the image."""
    chosen = CompileOptions(
        chip, code, options.parse_overrides(set), options.parse_shapes(shape), calibration, scale
    )
    with task() as current, replacing(output) as file:
        image = load_image(model, chosen, None, current)
        current.begin(f"writing {str(output)!r}")
        content = image.to_bytes()
        file.write(content)
    show(populations_table(image))
    show_line(f"\n{cores_used(image)}; {output}: {len(content):,} bytes")
