"""`neurochip noc`: recorded packets through the network of a chip."""

from __future__ import annotations

from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ..chip import load as load_chip
from ..noc import replay
from ..options import DEFAULT_CHIP
from . import options
from .console import show, show_line, shows_progress, task
from .files import keep_apart, replacing
from .loading import chip_file


class Consume(str, Enum):
    """When cores take packets."""

    arrival = "arrival"
    chip = "chip"


def command(
    packets: Annotated[
        Path,
        typer.Argument(
            help="An .npz of integer columns created, source and destination.", show_default=False
        ),
    ],
    chip: options.Chip = None,
    set: options.Set = None,
    consume: Annotated[
        Consume, typer.Option(help="Cores take packets on arrival, or at the pace of the chip.")
    ] = Consume.arrival,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The .npz to write: the packets, injected and arrived."
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Send recorded packets through the network of a chip, and report latency and load."""
    overrides = options.parse_overrides(set)
    with task() as current, ExitStack() as opened:
        keep_apart({"`--output`": output}, {"the packets": packets, "`--chip`": chip_file(chip)})
        file = None if output is None else opened.enter_context(replacing(output))
        target = load_chip(chip or DEFAULT_CHIP, overrides)
        current.begin(f"replaying {str(packets)!r}")
        progress = shows_progress() and not json
        replayed = replay(packets, target, consume=consume.value, progress=progress)
        if file is not None:
            current.begin(f"writing {str(output)!r}")
            replayed.write(file)
        if json:
            show_line(replayed.to_json())
        else:
            show(replayed)
