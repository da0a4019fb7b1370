"""`neurochip run`: a graph or an image on a chip, over samples, and the report."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ..inputs import Inputs
from ..report import report
from ..simulate import Run, checked_tick, simulate
from . import options
from .compile_options import takes_compile_options
from .console import show, show_line, shows_progress, task
from .files import keep_apart, replacing
from .loading import Chosen, codes_taken, image_of, load_model
from .samples import SampleOptions


@takes_compile_options()
def command(
    model: Annotated[Path, typer.Argument(help="An ONNX graph, or an image.", show_default=False)],
    input: options.Input = None,
    labels: options.Labels = None,
    samples: options.SampleCount = None,
    *,
    chosen: Chosen,
    timing: options.TimingMode = options.TimingChoice.cycle,
    tick: options.Tick = None,
    check: options.Check = None,
    threads: options.Threads = None,
    detail: Annotated[
        Path | None,
        typer.Option(help="Also count by core, link and timestep, and write it to this .npz."),
    ] = None,
    seed: options.Seed = 0,
    json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Run a graph or an image on a chip, and report what it took."""
    wanted = SampleOptions(input, labels, samples, chosen.scale, seed)
    with task() as current, ExitStack() as opened:
        read = {"the model": model, **wanted.files, **chosen.files}
        keep_apart({"`--detail`": detail}, read)
        checked_tick(tick, timing.value)
        to_check = options.parse_check(check)
        file = None if detail is None else opened.enter_context(replacing(detail))
        loaded = load_model(model, chosen, current)
        codes = codes_taken(loaded)
        current.begin("reading samples")
        given = wanted.read(codes=codes is not None)
        image = image_of(loaded, chosen, given, current)
        inputs = wanted.for_network(given, image.input_shape, codes)
        current.begin(f"simulating {len(inputs.x):,} samples")
        progress = shows_progress() and not json
        run = simulate(
            image,
            inputs.x,
            timing=timing.value,
            threads=threads,
            progress=progress,
            check=to_check,
            detail=file is not None,
            normalization=chosen.normalization,
            judge_range=given is not None,
            tick=tick,
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
