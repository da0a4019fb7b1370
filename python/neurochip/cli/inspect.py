"""`neurochip inspect`: what is in a graph, an image or a chip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..chip import SUFFIX, Chip, built_in
from ..chip import load as load_chip
from ..errors import InputError, ModelError, UnsupportedOpError
from ..graph import Graph
from ..graph import load as load_graph
from ..image import Image
from ..placement.capacity import capacity
from ..report.words import notes_of_values
from . import options
from .chip_tables import fields_table
from .compile_options import takes_compile_options
from .console import show, show_line, show_notes, task
from .graph_tables import host_lines, layers_table
from .image_tables import (
    cores_table,
    cores_used,
    gain_table,
    modes_table,
    normalization_lines,
    pipeline_lines,
    populations_table,
)
from .inspect_document import Thing, document
from .loading import Chosen, compiled, is_image
from .refusals import reason_lines, refused


@takes_compile_options()
def command(
    thing: Annotated[
        str, typer.Argument(help="An ONNX graph, an image, or a chip.", show_default=False)
    ],
    chosen: Chosen,
    json: options.Json = False,
) -> None:
    """Show what is in a graph, an image or a chip.

    A graph: its layers, or why it cannot be imported and what to change. With --chip, or any
    option that decides how a graph is compiled, also how each is integrated and where it is placed,
    on darwin3 unless --chip is given. A chip: every number with its source.
    """
    path = Path(thing)
    with task() as current:
        chosen.refuse_scale_without_samples()
        current.begin(f"inspecting {thing!r}")
        found: list[Thing] = []
        if is_image(path):
            chosen.refuse_for_an_image(path)
            found.append(_image_that_agrees(path, chosen))
        elif thing.endswith(SUFFIX) or _names_a_chip(thing):
            chosen.refuse_for_a_chip(thing)
            found.append(load_chip(thing, chosen.options.get("overrides")))
        else:
            graph = _graph(path, chosen, json)
            found.append(graph)
            if chosen.asks_for_an_image:
                asked_for = chosen.with_options(measure_sums=True)
                found.append(compiled(graph, asked_for, None, current))
        if json:
            show_line(document(found))
        else:
            _show(found)


def _image_that_agrees(path: Path, chosen: Chosen) -> Image:
    """The image of a file; there are no samples that others than it says could be done to."""
    image = Image.load(path)
    asked_for = chosen.normalization
    if asked_for is not None and image.normalization is None:
        raise InputError(
            f"{str(path)!r} stores no mean and std, and there are no samples to normalize",
            hint="leave `--mean` and `--std` out, or compile the graph with them",
        )
    image.agreed_normalization(asked_for)
    return image


def _graph(path: Path, chosen: Chosen, json: options.Json) -> Graph:
    """Reads a graph; of one that is refused, it shows why before it says so."""
    try:
        return load_graph(path, chosen.shape, chosen.output_tensor)
    except UnsupportedOpError as error:
        model = refused(path, error)
        if json:
            show_line(document([model]))
        else:
            show_line(f"{model.name}: {model.num_nodes:,} nodes; {model.versions}")
            for each in model.reasons:
                show_line("\n" + "\n".join(reason_lines(each)))
        count = model.num_refused
        raise ModelError(
            f"'{model.name}' has {count:,} node{'s' * (count != 1)} neurochip cannot import",
            hint=_way_out(error),
        ) from error


def _way_out(error: UnsupportedOpError) -> str:
    """To change the model; or, of several outputs, to do without some."""
    _, has_outputs, outputs = error.hint.partition("the model has ")
    change = (
        "change the float model as said of each and quantize it again; "
        "`neurochip ops` lists the supported operators"
    )
    return f"{change}; {has_outputs}{outputs}" if has_outputs else change


def _names_a_chip(thing: str) -> bool:
    """Whether it is the name of a built-in chip, with or without a profile."""
    return thing.partition(":")[0] in built_in() and not Path(thing).exists()


def _show(found: Sequence[Thing]) -> None:
    for number, each in enumerate(found):
        if number:
            show_line("")
        if isinstance(each, Chip):
            _show_chip(each)
        elif isinstance(each, Graph):
            _show_graph(each)
        else:
            _show_image(each)
    show_notes(_notes(found))


def _notes(found: Sequence[Thing]) -> Iterator[str]:
    """Of all that is shown: an image repeats those of its graph."""
    for each in found:
        if isinstance(each, Graph):
            yield from each.notes
        elif isinstance(each, Image):
            yield from notes_of_values(each)


def _show_chip(chip: Chip) -> None:
    others = "".join(f"; also {chip.spec['name']}:{profile}" for profile in chip.profiles)
    show_line(f"{chip.name}: {chip.spec['source']}{others}\n")
    show(fields_table(chip))


def _show_graph(graph: Graph) -> None:
    show_line(f"{graph.name}: {len(graph.layers)} layers\n")
    show(layers_table(graph))
    for line in host_lines(graph):
        show_line(line)


def _show_image(image: Image) -> None:
    show_line(f"{image.name} on {image.chip.name}, code {image.code}\n")
    show(populations_table(image))
    show_line("")
    show(modes_table(image))
    show_line("")
    show(cores_table(image))
    if image.gain is not None:
        show_line("")
        show(gain_table(image.gain))
    show_line(f"\n{cores_used(image)}")
    needed = capacity(image.network, image.chip)
    if needed is not None:
        for line in needed.lines:
            show_line(line)
    for line in (*normalization_lines(image), *pipeline_lines(image)):
        show_line(line)
