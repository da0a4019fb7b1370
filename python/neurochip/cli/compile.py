"""`neurochip compile`: a graph and a chip become an image file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options
from .console import show, show_line, task
from .files import replacing
from .image_tables import cores_used, gain_table, modes_table, pipeline_lines, populations_table
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
    pipeline: options.Pipeline = False,
    set: options.Set = None,
    shape: options.Shape = None,
    optimize: options.Optimize = None,
    settings: options.Settings = None,
    integration: options.Integration = None,
    bias: options.Bias = None,
    granularity: options.Granularity = None,
) -> None:
    """Compile a graph for a chip, and write the image."""
    chosen = CompileOptions(
        chip=chip,
        code=code,
        pipeline=pipeline,
        overrides=options.parse_overrides(set),
        shapes=options.parse_shapes(shape),
        calibration=calibration,
        scale=scale,
        optimize=optimize,
        settings=settings,
        decided=options.decided(integration, bias, granularity),
    )
    with task() as current, replacing(output) as file:
        image = load_image(model, chosen, None, current)
        current.begin(f"writing {str(output)!r}")
        content = image.to_bytes()
        file.write(content)
    show(populations_table(image))
    show_line("")
    show(modes_table(image))
    for line in pipeline_lines(image):
        show_line(f"\n{line}")
    if image.gain is not None:
        show_line("")
        show(gain_table(image.gain))
    show_line(f"\n{cores_used(image)}; {output}: {len(content):,} bytes")
