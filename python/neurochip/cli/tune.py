"""`neurochip tune`: the spikes that each layer can do without, as settings for `run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..inputs import Inputs, read_inputs
from ..options import OF_CODE, OF_PLACEMENT
from ..plots import plot_format
from ..report.words import notes_of_samples
from ..simulate.samples import filling_of
from ..tune import DEFAULT_TRIALS, Samples, Tuned, save_plot, tune
from . import options
from .compile_options import takes_compile_options
from .console import show, show_line, show_notes, status, task
from .files import keep_apart, replacing, require_writable
from .loading import Chosen, codes_taken, image_of, load_model, settings_of
from .tune_tables import chosen_table, found_lines, front_table

MOST_SAMPLES = 1000
"""Used for the search and as many for the check, where more are there and none are asked for."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Which samples of a file are searched on, and which are held out."""

    samples: int | None
    held_out: int | None

    def of(self, inputs: Inputs) -> tuple[Samples, Samples]:
        """The first samples, and those after them.

        Raises:
            InputError: If there are no labels, or not as many samples.
        """
        if inputs.labels is None:
            raise InputError(
                f"{inputs.source!r} brings no labels, which the loss is measured by",
                hint="give them with `--labels`",
            )
        there = len(inputs.x)
        if there < 2:
            raise InputError(
                f"{inputs.source!r} has {there} sample, expected 2 or more: one to search on, and "
                "one held out"
            )
        searched = self.samples or min(MOST_SAMPLES, there // 2)
        unseen = self.held_out or min(MOST_SAMPLES, there - searched)
        if searched < 1 or unseen < 1 or searched + unseen > there:
            raise InputError(
                f"{searched:,} samples to search on and {max(unseen, 1):,} held out, "
                f"{inputs.source!r} has {there:,}",
                hint="ask for fewer with `--samples` and `--held-out`",
            )
        whole = Samples(inputs.x, inputs.labels)
        return whole.first(searched), whole.between(searched, searched + unseen)


@takes_compile_options("code", "levels", *OF_CODE, *OF_PLACEMENT, "settings")
def command(
    model: options.Model,
    data: Annotated[
        Path, typer.Option(help="Samples with labels, in any input format.", show_default=False)
    ],
    chosen: Chosen,
    max_loss: Annotated[
        float, typer.Option(min=0.0, max=99.9, help="Points of accuracy that may be lost.")
    ] = 0.5,
    labels: options.Labels = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Search on the first so many; 1,000 or half of all.")
    ] = None,
    held_out: Annotated[
        int | None, typer.Option(min=1, help="Check on so many after them; 1,000 or the rest.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Settings to write; MODEL.settings.toml unless given."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="A .png or .svg of the front.")] = None,
    trials: Annotated[
        int, typer.Option(min=0, help="Evaluations to spend on refining what was found.")
    ] = DEFAULT_TRIALS,
    settings: Annotated[
        Path | None,
        typer.Option(help="Settings to start from; RoT and DRLO in them are searched anew."),
    ] = None,
    threads: options.Threads = None,
) -> None:
    """Find the fewest synaptic operations at a bounded loss of accuracy.

    Every evaluation is kept in a journal beside the settings: after a kill, the same command goes
    on where it was.
    """
    output = Path(f"{model.stem}.settings.toml") if output is None else output
    journal = output.with_name(output.name + ".journal")
    with task() as current:
        keep_apart(
            {"`--output`": output, "`--plot`": plot, "the journal": journal},
            {
                "the model": model,
                "`--data`": data,
                "`--labels`": labels,
                **chosen.files,
                "`--settings`": settings,
            },
        )
        base = settings_of(settings, chosen.decided).with_all_spikes
        chosen = replace(chosen.with_options(settings=base, objective="cores"), decided={})
        current.begin("checking what to write")
        format = None if plot is None else plot_format(plot)
        written = [output] if plot is None else [output, plot]
        for path in written:
            require_writable(path)
        loaded = load_model(model, chosen, current)
        current.begin("reading samples")
        codes = codes_taken(loaded) is not None
        inputs = read_inputs(data, scale=chosen.scale, labels=labels, codes=codes)
        image = image_of(loaded, chosen, inputs, current)
        ours, unseen = Parts(samples, held_out).of(inputs.fit_to(image.input_shape))
        notes = tuple(notes_of_samples(filling_of(image, ours.x)))
        current.kept = f"what was evaluated is kept in {str(journal)!r}: run again to go on"
        with status(current) as doing:
            tuned = tune(image, ours, unseen, max_loss, trials, journal, threads, doing)
        found = tuple(found_lines(tuned, image))
        with replacing(output) as file:
            file.write(tuned.settings(base).to_toml("\n".join(found)).encode())
        if plot is not None and format is not None:
            with replacing(plot) as file:
                save_plot(tuned, file, format)
        _tell(tuned, found)
        show_notes(notes)
        show_line(f"\nwritten: {', '.join(map(str, written))}\nevery evaluation: {journal}")


def _tell(tuned: Tuned, found: Sequence[str]) -> None:
    show(front_table(tuned))
    show_line("")
    show(chosen_table(tuned))
    show_line("")
    for line in found:
        show_line(line)
