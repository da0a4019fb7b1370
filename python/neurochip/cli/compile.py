"""`neurochip compile`: a graph and a chip become an image file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ..options import DESCRIBED
from ..placement.by_hand import to_toml
from ..report.words import notes_of_values
from . import options
from .compile_options import takes_compile_options
from .console import show, show_line, show_notes, task
from .files import keep_apart, replacing
from .image_tables import (
    cores_used,
    gain_table,
    modes_table,
    normalization_lines,
    pipeline_lines,
    populations_table,
)
from .loading import Chosen, image_of, load_model


@takes_compile_options()
def command(
    model: options.Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The image file to write.", show_default=False)
    ],
    chosen: Chosen,
    placement_out: Annotated[
        Path | None,
        typer.Option(
            "--placement-out",
            help="Also write the placement, as a TOML file that `--placement` reads.",
            show_default=False,
            rich_help_panel=DESCRIBED["placement"].group,
        ),
    ] = None,
) -> None:
    """Compile a graph for a chip, and write the image."""
    with task() as current, ExitStack() as opened:
        outputs = {"`--output`": output, "`--placement-out`": placement_out}
        keep_apart(outputs, {"the model": model, **chosen.files})
        file = opened.enter_context(replacing(output))
        places = None if placement_out is None else opened.enter_context(replacing(placement_out))
        chosen.refuse_scale_without_samples()
        image = image_of(load_model(model, chosen, current), chosen, None, current)
        current.begin(f"writing {str(output)!r}")
        content = image.to_bytes()
        file.write(content)
        if places is not None:
            places.write(to_toml(image.name, image.chip.name, image.cores).encode())
    show(populations_table(image))
    show_line("")
    show(modes_table(image))
    for line in (*normalization_lines(image), *pipeline_lines(image)):
        show_line(f"\n{line}")
    if image.gain is not None:
        show_line("")
        show(gain_table(image.gain))
    show_line(f"\n{cores_used(image)}; {output}: {len(content):,} bytes")
    show_notes(notes_of_values(image))
