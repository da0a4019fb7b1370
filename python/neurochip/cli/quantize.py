"""`neurochip quantize`: a float network becomes a graph that a chip can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from ..errors import InputError, ModelError
from ..graph.file import read_model
from ..inputs import Inputs, Normalization, read_inputs
from ..quantize import Quantized, QuantizeOptions, compare, data_inputs, input_shape
from ..quantize import quantize as quantized
from . import options
from .console import show, show_line, show_notes, task
from .files import keep_apart, replacing
from .quantize_tables import answers_table, tensors_table

CALIBRATION_SAMPLES = 256
"""Unless asked for otherwise: more find hardly wider ranges."""


@dataclass(frozen=True, slots=True)
class CalibrationSamples:
    """Which samples to calibrate with, and to measure accuracy on."""

    path: Path
    labels: Path | None
    count: int | None
    scale: float | None
    normalization: Normalization | None
    shapes: Mapping[str, Sequence[int]]

    def read(self, model: Path) -> Inputs:
        """Reads the samples and brings them to the network's input."""
        proto, name = read_model(model)
        shape = input_shape(proto, name)
        input_name = data_inputs(proto.graph)[0].name
        asked = self.shapes.get(input_name)
        wanted = [length for length in (shape if asked is None else asked[1:]) if length]
        if len(wanted) != len(shape):
            raise ModelError(
                f"'{name}' leaves axes of its input open",
                hint=f"say how long they are: `--shape {input_name}=1,3,32,32`",
            )
        inputs = read_inputs(self.path, scale=self.scale, labels=self.labels).fit_to(wanted)
        return inputs.normalized(self.normalization)

    def calibrating(self, inputs: Inputs) -> NDArray[np.float32]:
        """Those that the file keeps for calibration, else the first ones."""
        found = inputs.x if inputs.calibration is None else inputs.calibration
        if self.count is not None and self.count > len(found):
            raise InputError(
                f"{self.count} calibration samples asked for, {inputs.source!r} has {len(found)}",
                hint=f"ask for {len(found)} or fewer",
            )
        return found[: self.count or CALIBRATION_SAMPLES]


def command(
    model: Annotated[Path, typer.Argument(help="A float ONNX network.", show_default=False)],
    calibration: Annotated[
        Path,
        typer.Option(
            help="Samples as the network was trained on, in any input format. Of an .npz, "
            "`x_calibration` calibrates, and `x` and `y` measure accuracy.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The ONNX file to write.", show_default=False)
    ],
    bits: Annotated[
        int, typer.Option(help="Bits of activations, 2 to 8; input and output keep 8.")
    ] = 8,
    weights: Annotated[
        options.Weights, typer.Option(help="One weight scale per layer, or one per output channel.")
    ] = options.Weights.per_tensor,
    ranges: Annotated[
        options.Ranges,
        typer.Option(help="What is kept of the values seen: all, a percentile, least error."),
    ] = options.Ranges.max,
    percentile: Annotated[
        float | None,
        typer.Option(
            help="Percent of the values to keep, with `--ranges percentile`; 99.99 unless given."
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="Calibrate with the first so many; 256 unless given.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Labels, where the samples' file brings none along.")
    ] = None,
    scale: options.Scale = None,
    mean: options.Mean = None,
    std: options.Std = None,
    shape: options.Shape = None,
    output_tensor: options.OutputTensor = None,
) -> None:
    """Quantize a float network, and say what that costs.

    Batch norms are folded, weights become symmetric int8, activations unsigned with zero point 0
    wherever they follow a ReLU. onnxruntime's quantizer writes the graph. It knows no ranges by
    squared error, cuts percentiles at both ends even where nothing is negative, and knows no
    activations of 2 to 7 bits that its integer kernels compute: ranges and bits are chosen here.
    Needs `pip install 'neurochip[quantize]'`.
    """
    shapes = options.parse_shapes(shape)
    means, stds = options.parse_numbers(mean, "--mean"), options.parse_numbers(std, "--std")
    with task() as current, ExitStack() as opened:
        by = options.normalization_of(means, stds)
        wanted = CalibrationSamples(calibration, labels, samples, scale, by, shapes)
        read = {"the model": model, "`--calibration`": calibration, "`--labels`": labels}
        keep_apart({"`--output`": output}, read)
        file = opened.enter_context(replacing(output))
        QuantizeOptions(
            bits, weights.value, ranges.value, percentile
        )  # refused before files are read
        current.begin("reading samples")
        inputs = wanted.read(model)
        used = wanted.calibrating(inputs)
        current.begin(f"quantizing {str(model)!r}")
        made = quantized(
            model,
            used,
            bits=bits,
            weights=weights.value,
            ranges=ranges.value,
            percentile=percentile,
            output_tensor=output_tensor,
        )
        current.begin(f"comparing {len(inputs.x):,} samples")
        answers = answers_table(compare(model, made, inputs.x, output_tensor), inputs.labels)
        notes = made.graph().notes
        file.write(made.model)
    show_line(f"{_told(made, len(used))}\n")
    show(tensors_table(made.tensors))
    show_line("")
    show(answers)
    if by is not None:
        show_line(f"\nsamples normalized by {by}: give `run` the same `--mean` and `--std`")
    show_notes(notes)
    show_line(f"\n{output}: {len(made.model):,} bytes")


def _told(made: Quantized, calibration_samples: int) -> str:
    chosen = made.options
    kept = f"{chosen.kept_percent:g} %" if chosen.ranges == "percentile" else chosen.ranges
    return (
        f"{made.name}: {calibration_samples:,} calibration samples, ranges {kept}, "
        f"activations {chosen.bits} bits, weights 8 bits {chosen.weights}"
    )
