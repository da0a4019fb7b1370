"""Compile: from a graph to an image in one call; each stage can be called by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .chip import Chip
from .chip import load as load_chip
from .errors import InputError
from .graph import Graph
from .graph import load as load_graph
from .image import Image, assemble
from .inputs import normalized, refuse_other_types
from .inputs.samples import as_integers, scaled
from .lower import lower
from .lower.host import integers_taken
from .network.host import refuse_for_integers
from .options import CompileOptions, OptionKeywords, documented
from .placing import placed

if TYPE_CHECKING:
    from typing_extensions import Unpack


def compile(
    model: str | Path | Graph,
    chip: str | Path | Chip | None = None,
    code: str | None = None,
    calibration: NDArray[Any] | None = None,
    *,
    options: CompileOptions | None = None,
    **keywords: Unpack[OptionKeywords],
) -> Image:
    """Compiles a quantized network for a chip.

    Args:
        model: An ONNX file, or a graph that was loaded.
        chip: As the option; None is what `options` say, and without them darwin3.
        code: As the option; None is what `options` say, and without them the chip's first.
        calibration: Samples of the model's input; floats, or uint8, which is divided by 255 as
            on the command line, unless the model takes integers. Ranges of scaled integration come
            from them, or without them from the proven interval.
        options: All options in one.
        **keywords: Options one by one, as the fields of `CompileOptions`; they win over `options`.

    Raises:
        NeurochipError: Its classes say whether model, chip or their match is at fault.
    """
    given = {"chip": chip, "code": code}
    asked_for = (CompileOptions() if options is None else options).with_keywords(
        {**keywords, **{name: value for name, value in given.items() if value is not None}},
        "compile",
    )
    return compile_graph(_graph(model, asked_for), asked_for, calibration)


if compile.__doc__ is not None:  # python -OO leaves none
    compile.__doc__ += f"\n    The options:\n{documented('        ')}\n"


def compile_graph(
    graph: Graph, asked_for: CompileOptions, calibration: NDArray[Any] | None = None
) -> Image:
    """Compiles a graph that was loaded with what the options say of it.

    Args:
        graph: The network in integers.
        asked_for: How; the image keeps what was decided.
        calibration: As `compile` takes it.

    Raises:
        NeurochipError: Its classes say whether model, chip or their match is at fault.
    """
    if asked_for.optimize:
        asked_for = replace(asked_for, objective="cores")  # what it starts from
    target = load_chip(asked_for.chip, asked_for.overrides)
    integers = integers_taken(graph)
    normalization = asked_for.normalization
    refuse_other_types(normalization)
    if normalization is not None:
        refuse_for_integers(integers)
        normalization.check(graph.input_shape)
    if calibration is not None and integers is not None:
        calibration = as_integers(np.asarray(calibration), *integers)
    elif calibration is not None:
        calibration = normalized(scaled(calibration, None, "calibration"), normalization)
    codes = None if calibration is None else graph.quantize(calibration)
    network = lower(graph, target, calibration=codes, options=asked_for)
    placement = placed(network, target, asked_for, graph, calibration)
    return assemble(placement, normalization, graph)


def _graph(model: str | Path | Graph, asked_for: CompileOptions) -> Graph:
    if not isinstance(model, Graph):
        return load_graph(model, asked_for.shape, asked_for.output_tensor)
    if asked_for.shape or asked_for.output_tensor is not None:
        raise InputError(
            "`shape` and `output_tensor` say how a model is loaded, and this one is a graph "
            "already",
            hint="give them to `load_graph`",
        )
    return model
