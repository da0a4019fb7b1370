"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ..inputs import Normalization


class Timing(str, Enum):
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


class IntegrationMode(str, Enum):
    """How weight sums enter membranes."""

    auto = "auto"
    exact = "exact"
    scaled = "scaled"
    double = "double"


class BiasMode(str, Enum):
    """Where biases are added."""

    auto = "auto"
    exact = "exact"
    scaled = "scaled"
    calibrated = "calibrated"


class ScaleMode(str, Enum):
    """What has a scale of its own."""

    per_layer = "per_layer"
    per_channel = "per_channel"


class QuartzModes(str, Enum):
    """Which Quartz."""

    exact = "exact"
    published = "published"
    loihi = "loihi"


class ZerosMode(str, Enum):
    """What neurons of level 0 do."""

    silent = "silent"
    spike = "spike"


def decided(
    integration: IntegrationMode | None, bias: BiasMode | None, granularity: ScaleMode | None
) -> dict[str, str]:
    """The settings that were given on the command line, for all layers."""
    given = {"integration": integration, "bias": bias, "granularity": granularity}
    return {name: mode.value for name, mode in given.items() if mode is not None}


def parse_scale(text: str) -> float:
    """`none` leaves numbers as they are; any other scale is what they are divided by."""
    if text == "none":
        return 1.0
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number nor 'none'") from None


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
    typer.Option(help=".npy, .npz, idx or CIFAR-10 file, picture, or folder of pictures."),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="Labels, where the input brings none along: one a sample, or for pictures a .csv of "
        "file,label."
    ),
]
SampleCount = Annotated[
    int | None, typer.Option("--samples", min=1, help="Run only the first so many.")
]
TimingMode = Annotated[Timing, typer.Option(help="Simulate cycles, or values and SOPs alone.")]
Tick = Annotated[
    str | None,
    typer.Option(
        metavar="TIME|shortest|none",
        help="Shortest timestep instead of the chip's, such as 500us; shortest: the longest of "
        "this run.",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads to use; all cores unless given.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the random sample.")]
Chip = Annotated[
    str | None,
    typer.Option(help="A chip file, or the name of a built-in chip; darwin3 unless given."),
]
Code = Annotated[
    str | None,
    typer.Option(
        help="The spike code of the network: stem, quartz or rate; unless given, the chip's own."
    ),
]
TMax = Annotated[
    int | None,
    typer.Option("--t-max", metavar="T", help="Timesteps of a window, for quartz and rate."),
]
Levels = Annotated[
    int | None,
    typer.Option("--levels", metavar="N", help="Levels above 0, for quartz: T is one more."),
]
Zeros = Annotated[
    ZerosMode | None, typer.Option(help="Whether zeros spike at the end of a window, for quartz.")
]
QuartzMode = Annotated[
    QuartzModes | None,
    typer.Option(
        "--quartz-mode",
        help="Quartz with exact thresholds, as published, or that in Loihi's integers; as "
        "published it needs calibration.",
    ),
]
Percentile = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        help="Of activations, for quartz as published: the top level; 99.99 unless given.",
    ),
]
Pipeline = Annotated[
    bool,
    typer.Option("--pipeline", help="Let a sample enter while others are still on the chip."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.FIELD=VALUE",
        help="Override a field of the chip; may be repeated.",
    ),
]
Shape = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=1,3,32,32", help="Shape of an input whose own shape is dynamic."),
]
OutputTensor = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of a model with several outputs, the one to compute; all unless given.",
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option(help="Samples to calibrate scaled integration with, in any input format."),
]
Scale = Annotated[
    float | None,
    typer.Option(
        parser=parse_scale,
        metavar="DIVISOR|none",
        help="Divide stored numbers by this; uint8 by 255 unless given.",
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        metavar="M[,M...]",
        help="Subtract this from samples, after scaling to [0, 1]: one number, or one a channel.",
    ),
]
Std = Annotated[
    str | None,
    typer.Option(metavar="S[,S...]", help="Then divide by this, alike. An image stores both."),
]
Optimize = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=2,
        help="How long to look for a placement whose packets cross fewer links; 0 unless given.",
    ),
]
Settings = Annotated[
    Path | None,
    typer.Option(help="What is decided layer by layer: the TOML file that says it."),
]
Integration = Annotated[
    IntegrationMode | None,
    typer.Option(help="How weight sums enter membranes: exact where proven, else scaled."),
]
Bias = Annotated[
    BiasMode | None,
    typer.Option(help="Where biases are added: to membranes, or at the output's scale."),
]
Granularity = Annotated[
    ScaleMode | None, typer.Option(help="Whether a scaled layer has one scale, or each channel.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell the details too.")]
