"""Options that several commands share; those of compiling are in `compile_options.py`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..inputs import Normalization
from ..options import DESCRIBED

SAMPLES = "Samples"
"""The heading above options about samples."""


class TimingChoice(str, Enum):
    """Which of the two machines run."""

    cycle = "cycle"
    none = "none"


class Weights(str, Enum):
    """Whether the channels of a layer share a scale."""

    per_tensor = "per-tensor"
    per_channel = "per-channel"


class Ranges(str, Enum):
    """What is kept of the values that a tensor holds."""

    max = "max"
    percentile = "percentile"
    mse = "mse"


def flag(name: str) -> str:
    """What a compile option is called on the command line; empty if it is not there."""
    said = DESCRIBED[name].flag
    said = name.replace("_", "-") if said is None else said
    return f"--{said}" if said else ""


def described(name: str) -> Any:
    """A compile option as typer takes it."""
    each = DESCRIBED[name]
    return typer.Option(
        flag(name),
        help=each.help,
        metavar=each.metavar,
        min=None if each.most is None else 0,
        max=each.most,
        rich_help_panel=each.group,
    )


def parse_scale(text: str) -> float:
    """`none` leaves numbers as they are; any other scale is what they are divided by."""
    if text == "none":
        return 1.0
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number nor 'none'") from None


def parse_check(text: str | None) -> int | str | None:
    """How many samples are compared: a number, `all` or `none`."""
    if text is None or text in ("all", "none"):
        return text
    if not (text.isascii() and text.isdecimal()):
        raise typer.BadParameter(
            f"{text!r} is neither a number of samples nor 'all' or 'none'", param_hint="--check"
        )
    return int(text)


def parse_numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    """From `0.485,0.456,0.406` to the numbers."""
    if text is None:
        return None
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a number nor several, such as 0.485,0.456,0.406",
            param_hint=option,
        ) from None


def normalization_of(
    mean: tuple[float, ...] | None, std: tuple[float, ...] | None
) -> Normalization | None:
    """What was asked for with `--mean`, `--std` or both; None for neither.

    Raises:
        InputError: If a number is impossible, or there are not as many of both.
    """
    if mean is None and std is None:
        return None
    return Normalization(mean=mean or 0.0, std=std or 1.0)


def parse_overrides(assignments: Sequence[str] | None) -> dict[str, str]:
    """From `section.field=value` to the field and its TOML value."""
    overrides = {}
    for assignment in assignments or ():
        name, equals, value = assignment.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise typer.BadParameter(
                f"{assignment!r} is not of the form section.field=value", param_hint="--set"
            )
        overrides[name.strip()] = value.strip()
    return overrides


def parse_shapes(assignments: Sequence[str] | None) -> dict[str, tuple[int, ...]]:
    """From `input=1,3,32,32` to the name and its lengths."""
    shapes = {}
    for assignment in assignments or ():
        name, _, lengths = assignment.rpartition("=")
        try:
            shape = tuple(int(length) for length in lengths.split(","))
        except ValueError:
            shape = ()
        if not name or not shape or min(shape) < 1:
            raise typer.BadParameter(
                f"{assignment!r} is not of the form name=1,3,32,32", param_hint="--shape"
            )
        shapes[name] = shape
    return shapes


Model = Annotated[Path, typer.Argument(help="An ONNX graph.", show_default=False)]
Input = Annotated[
    Path | None,
    typer.Option(
        help=".npy, .npz, idx or CIFAR-10 file, image, or folder of images.",
        rich_help_panel=SAMPLES,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="Labels, where the input brings none along: one per sample, or for images a .csv of "
        "file,label.",
        rich_help_panel=SAMPLES,
    ),
]
SampleCount = Annotated[
    int | None,
    typer.Option("--samples", min=1, help="Run only the first so many.", rich_help_panel=SAMPLES),
]
TimingMode = Annotated[
    TimingChoice, typer.Option(help="Simulate cycles, or values and SOPs alone.")
]
Tick = Annotated[
    str | None,
    typer.Option(
        metavar="TIME|shortest|none",
        help="Shortest timestep instead of the chip's, such as 500us; shortest: the longest of "
        "this run.",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads to use; all cores unless given.")]
Check = Annotated[
    str | None,
    typer.Option(
        metavar="all|N|none",
        help="Compare the first so many samples with the compiled network and its graph; 16 or a "
        "tenth unless given, whichever is more.",
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, help="Seed of the random sample.", rich_help_panel=SAMPLES)
]
Chip = Annotated[str | None, described("chip")]
Set = Annotated[list[str] | None, described("overrides")]
Shape = Annotated[list[str] | None, described("shape")]
OutputTensor = Annotated[str | None, described("output_tensor")]
Calibration = Annotated[
    Path | None,
    typer.Option(
        help="Samples to calibrate scaled integration with, in any input format.",
        rich_help_panel=SAMPLES,
    ),
]
Scale = Annotated[
    float | None,
    typer.Option(
        parser=parse_scale,
        metavar="DIVISOR|none",
        help="Divide stored numbers by this; uint8 by 255 unless given.",
        rich_help_panel=SAMPLES,
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        metavar="M[,M...]",
        help="Subtract this from samples, after scaling to [0, 1]: one number, or one per channel.",
        rich_help_panel=SAMPLES,
    ),
]
Std = Annotated[
    str | None,
    typer.Option(
        metavar="S[,S...]",
        help="Then divide by this, alike. An image stores both.",
        rich_help_panel=SAMPLES,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell the details too.")]
