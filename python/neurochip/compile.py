"""Compile: from a graph to an image in one call; each stage can be called by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .chip import Chip
from .chip import load as load_chip
from .errors import InputError
from .graph import Graph
from .graph import load as load_graph
from .image import Image, assemble
from .image.head import integers_taken
from .image.host import refuse_for_integers
from .inputs import Normalization, normalized, refuse_other_types
from .inputs.samples import as_integers, scaled
from .lower import CodeOptions, Settings, lower
from .optimize import optimize as optimize_placement
from .placement import place


def compile(
    model: str | Path | Graph,
    chip: str | Path | Chip = "darwin3",
    code: str | None = None,
    calibration: NDArray[Any] | None = None,
    overrides: Mapping[str, object] | None = None,
    shape: Mapping[str, Sequence[int]] | None = None,
    settings: str | Path | Settings | None = None,
    pipeline: bool = False,
    optimize: int = 0,
    timesteps: int | None = None,
    zeros: str | None = None,
    quartz_mode: str | None = None,
    percentile: float | None = None,
    measure_sums: bool = False,
    output: str | None = None,
    normalization: Normalization | None = None,
) -> Image:
    """Compiles a quantized network for a chip.

    Args:
        model: An ONNX file, or a graph that was loaded.
        chip: A built-in chip's name, a chip file, or a chip that was loaded.
        code: The spike code: `stem`, `quartz` or `rate`; None is the chip's first.
        calibration: Samples of the model's input; floats, or uint8, which is divided by 255 as
            on the command line, unless the model takes integers. Ranges of scaled integration come
            from them, or without them from the proven interval.
        overrides: Chip fields to set for this image, such as `{"noc.hop_cycles": 3}`.
        shape: Shapes of inputs that the model leaves open.
        settings: What is decided layer by layer, or the TOML file that says it.
        pipeline: Lets a sample enter while others are in flight.
        optimize: 0: cores are filled along a Hilbert curve; 1: tiles then follow their traffic,
            which is that of the calibration samples; 2: they are annealed and timed, too.
        timesteps: Of a window, for `quartz` and `rate`; None leaves it to the code and the chip.
        zeros: Whether zeros are `silent` or `spike`, for `quartz`.
        quartz_mode: `exact`, or as `published`, on any chip or in the integers of `loihi`.
        percentile: Of activations over the calibration samples, for quartz as published: what is
            above has the top level.
        measure_sums: Whether the sums of the calibration samples are also measured in layers whose
            constants do not depend on them, for `Image.layers` to tell; for `stem`.
        output: The output to compute, of a model that has several.
        normalization: What is done to samples, those of calibration and those that are run, before
            they are the model's input; the image keeps it.

    Raises:
        NeurochipError: Its classes say whether model, chip or their match is at fault.
    """
    graph = _graph(model, shape, output)
    target = load_chip(chip, overrides)
    integers = integers_taken(graph)
    refuse_other_types(normalization)
    if normalization is not None:
        refuse_for_integers(integers)
        normalization.check(graph.input_shape)
    if calibration is not None and integers is not None:
        calibration = as_integers(np.asarray(calibration), *integers)
    elif calibration is not None:
        calibration = normalized(scaled(calibration, None, "calibration"), normalization)
    codes = None if calibration is None else graph.quantize(calibration)
    decided = Settings.load(settings) if isinstance(settings, str | Path) else settings
    options = CodeOptions(timesteps=timesteps, zeros=zeros, mode=quartz_mode, percentile=percentile)
    network = lower(graph, target, code, codes, decided, pipeline, options, measure_sums)
    placement = place(network, target)
    return assemble(optimize_placement(placement, optimize, calibration), normalization)


def _graph(
    model: str | Path | Graph, shape: Mapping[str, Sequence[int]] | None, output: str | None
) -> Graph:
    if not isinstance(model, Graph):
        return load_graph(model, shape, output)
    if shape or output is not None:
        raise InputError(
            "`shape` and `output` say how a model is loaded, and this one is a graph already",
            hint="give them to `load_graph`",
        )
    return model
