"""`neurochip compare`: one graph on one chip in several spike codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..compare import BEST, Coding, compare, document, render, save_plot
from ..errors import InputError
from ..graph import load as load_graph
from ..image import Image
from ..options import OF_CODE
from ..plots import plot_format
from ..settings import HELP
from ..simulate import checked_tick
from . import options
from .compile_options import takes_compile_options
from .console import show, show_line, status, task
from .files import keep_apart, replacing, require_writable
from .loading import Chosen, codes_taken, compiled, is_image
from .samples import SampleOptions

CODES = "stem,quartz,rate"


@takes_compile_options("code", "levels", *OF_CODE, *HELP)
def command(
    model: options.Model,
    codes: Annotated[
        str,
        typer.Option(
            metavar="CODE[:T],...", help="Which codes, each with the timesteps of its windows."
        ),
    ] = CODES,
    input: options.Input = None,
    labels: options.Labels = None,
    samples: options.SampleCount = None,
    *,
    chosen: Chosen,
    timing: options.TimingMode = options.TimingChoice.cycle,
    tick: options.Tick = None,
    check: options.Check = None,
    threads: options.Threads = None,
    plot: Annotated[
        Path | None, typer.Option(help="A .png or .svg of energy against latency.")
    ] = None,
    idle: Annotated[
        bool, typer.Option("--idle", help="In the plot, add what the idle chip draws.")
    ] = False,
    sort: Annotated[
        str | None,
        typer.Option(metavar="KEY", help=f"Show the best code first, by {', '.join(BEST)}."),
    ] = None,
    seed: options.Seed = 0,
    json: options.Json = False,
) -> None:
    """Run a graph in several spike codes, and show what each takes."""
    wanted = SampleOptions(input, labels, samples, chosen.scale, seed)
    with task() as current:
        keep_apart({"`--plot`": plot}, {"the model": model, **wanted.files, **chosen.files})
        codings = [Coding.parse(each) for each in codes.split(",")]
        format = None if plot is None else plot_format(plot)
        if plot is not None:
            _require_timing(timing)
            require_writable(plot)
        if idle and plot is None:
            raise InputError("`--idle` is about a plot", hint="say where to with `--plot`")
        checked_tick(tick, timing.value)
        to_check = options.parse_check(check)
        if is_image(model):
            raise InputError(
                f"{str(model)!r} is an image, which has one code", hint="give the graph instead"
            )
        current.begin(f"importing {str(model)!r}")
        graph = load_graph(model, chosen.shape, chosen.output_tensor)
        taken = codes_taken(graph)
        current.begin("reading samples")
        given = wanted.read(codes=taken is not None)
        inputs = wanted.for_network(given, graph.input_shape, taken)

        def image(coding: Coding) -> Image:
            asked_for = chosen.with_options(code=coding.code, t_max=coding.t_max)
            return compiled(graph, asked_for, given, current)

        with status(current) as doing:
            compared = compare(
                image,
                codings,
                inputs.x,
                inputs.labels,
                timing.value,
                threads,
                doing,
                judge_range=given is not None,
                tick=tick,
                sort=sort,
                check=to_check,
            )
        if plot is not None and format is not None:
            with replacing(plot) as file:
                save_plot(compared, file, format, idle)
        if json:
            show_line(document(compared))
            return
        show(render(compared))
        if plot is not None:
            show_line(f"\nwritten: {plot}")


def _require_timing(timing: options.TimingChoice) -> None:
    if timing is options.TimingChoice.none:
        raise InputError(
            "the plot shows latencies, which `--timing none` does not measure",
            hint="leave out one of `--plot` and `--timing none`",
        )
