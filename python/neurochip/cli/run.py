"""`neurochip run`: a graph or an image on a chip, over samples, and the report."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..image import Image
from ..inputs import Inputs, random_inputs, read_inputs
from ..report import report
from ..simulate import Run, simulate
from . import options
from .compile_options import takes_compile_options
from .console import show, show_line, shows_progress, task, tell
from .files import replacing
from .loading import CompileOptions, load_image


@dataclass(frozen=True, slots=True)
class Samples:
    """Which samples to run."""

    path: Path | None
    labels: Path | None
    count: int | None
    scale: float | None
    seed: int

    def read(self) -> Inputs | None:
        """Reads the samples; None where random ones are wanted."""
        if self.path is not None:
            return read_inputs(self.path, scale=self.scale, samples=self.count, labels=self.labels)
        if self.labels is not None:
            raise InputError("labels were given without samples", hint="give both, with `--input`")
        return None

    def for_network(self, given: Inputs | None, image: Image) -> Inputs:
        """Brings the samples to the network's input, or draws them."""
        if given is not None:
            return given.fit_to(image.input_shape)
        drawn = random_inputs(image.input_shape, self.count or 1, self.seed)
        tell("note", f"no `--input`: running {drawn.source}")
        return drawn


@takes_compile_options()
def command(
    model: Annotated[Path, typer.Argument(help="An ONNX graph, or an image.", show_default=False)],
    input: Annotated[
        Path | None,
        typer.Option(help=".npy, .npz, idx or CIFAR-10 file, picture, or folder of pictures."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Labels, where the input file brings none along.")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Run only the first so many.")] = None,
    *,
    chosen: CompileOptions,
    timing: Annotated[
        options.Timing, typer.Option(help="Simulate cycles, or values and SOPs alone.")
    ] = options.Timing.cycle,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads to use; all cores unless given.")
    ] = None,
    detail: Annotated[
        Path | None,
        typer.Option(help="Also count by core, link and timestep, and write it to this .npz."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random sample.")] = 0,
    json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Run a graph or an image on a chip, and report what it took."""
    wanted = Samples(input, labels, samples, chosen.scale, seed)
    with task() as current, nullcontext() if detail is None else replacing(detail) as file:
        current.begin("reading samples")
        given = wanted.read()
        image = load_image(model, chosen, given, current)
        inputs = wanted.for_network(given, image)
        current.begin(f"simulating {len(inputs.x):,} samples")
        progress = shows_progress() and not json
        run = simulate(
            image,
            inputs.x,
            timing=timing.value,
            threads=threads,
            progress=progress,
            detail=file is not None,
        )
        if file is not None and run.detail is not None:
            current.begin(f"writing {str(detail)!r}")
            run.detail.write(file)
        _tell(run, inputs, json=json, verbose=verbose)


def _tell(run: Run, inputs: Inputs, *, json: bool, verbose: bool) -> None:
    told = report(run, labels=inputs.labels)
    if json:
        show_line(told.to_json())
        return
    show(told)
    if verbose:
        show_line("")
        show(told.details())
