"""The verb, and what it returns."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from ..errors import InputError, ModelError
from ..files import replaced
from ..formats import Format
from ..graph import Graph, load
from ..graph.file import PathOrModel
from ..inputs import Normalization, normalized, refuse_other_types
from ..inputs.samples import scaled
from ..renamed import renamed
from ..reprs import counted, named
from .calibrate import Seen, calibrate
from .exports import data_inputs, read_own
from .options import MAX_BITS, QuantizeOptions, Ranges, Weights
from .prepare import prepare
from .ranges import chosen_format, kept
from .rewrite import holds_codes, rewrite
from .tensors import Point, points, refuse_quantized, refuse_unknown


@dataclass(frozen=True, slots=True)
class QuantizedTensor:
    """A tensor that holds codes, and how they were chosen."""

    name: str
    layer: str
    """The node that computes it; `(input)` for the network's input."""
    op_type: str
    """Its operator, with the clamp that it absorbed: `Conv + Relu`."""
    low: float
    """The smallest value on the calibration samples."""
    high: float
    """The largest value on the calibration samples."""
    format: Format
    clipped: float
    """The share of values beyond what the codes can stand for."""


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantized network as an ONNX file, and the formats of its tensors."""

    name: str
    model: bytes
    tensors: tuple[QuantizedTensor, ...]
    """In the order in which the network computes them, its input first."""
    options: QuantizeOptions

    def __repr__(self) -> str:
        return (
            f"Quantized({named(self.name)}, {counted(len(self.tensors), 'tensor')}, "
            f"{counted(len(self.model), 'byte')})"
        )

    def graph(self) -> Graph:
        """The network as integers."""
        return load(self.model)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the ONNX file, whole or not at all."""
        with replaced(Path(path)) as file:
            file.write(self.model)


def quantize(
    model: PathOrModel,
    calibration: NDArray[Any],
    *,
    bits: int = MAX_BITS,
    weights: Weights = "per-tensor",
    ranges: Ranges = "max",
    percentile: float | None = None,
    normalization: Normalization | None = None,
    output_tensor: str | None = None,
    output: str | None = None,
) -> Quantized:
    """Turns a float network into one of unsigned activations and signed 8-bit weights.

    Args:
        model: A path, the bytes of a file, or a parsed float model.
        calibration: Samples of the model's input, (count, *shape), as it was trained on; or
            images of uint8, which are divided by 255 as on the command line.
        bits: Of the activations between layers, 2 to 8; input and output keep 8.
        weights: One scale per layer, or one per output channel.
        ranges: What of the values seen is kept: all, a percentile, or the least squared error.
        percentile: The share of values kept where `ranges` says percentile, in percent; 99.99
            unless given.
        normalization: What is done to the samples first.
        output_tensor: The output to compute, of a model that has several.
        output: The earlier name of `output_tensor`, with a `DeprecationWarning`.

    Raises:
        ModelError: If it is no model, or quantized already, or onnxruntime cannot run it.
        UnsupportedOpError: If it has operators that a quantized network cannot have.
        InputError: If the samples do not have the model's shape, or there are none.
        QuantizationError: If an option is out of range or goes with other ranges, or a tensor
            holds NaN on the samples.
        NeurochipError: If onnxruntime is not installed.
    """
    if output is not None:
        output_tensor = renamed("output", output, output_tensor)
    options = QuantizeOptions(bits, weights, ranges, percentile)
    proto, name = read_own(model)
    refuse_quantized(proto, name)
    refuse_other_types(normalization)
    given = np.asarray(calibration)
    if not np.issubdtype(given.dtype, np.floating):  # what is no number is refused with its tensor
        given = scaled(given, None, "calibration")
    samples = np.ascontiguousarray(given, np.float32)
    _check_samples(proto, name, samples)
    samples = normalized(samples, normalization)
    prepared = prepare(proto, output_tensor)
    del proto  # the largest networks would not fit twice
    refuse_unknown(prepared.graph, name)
    _fix_shape(prepared, samples)
    found = points(prepared.graph)
    if not found.own:
        raise _nothing_to_quantize(name)
    seen = calibrate(prepared, [point.tensor for point in found.own], samples)
    formats = {
        point.tensor: chosen_format(
            seen[point.tensor], MAX_BITS if point.outermost else bits, options
        )
        for point in found.own
    }
    quantized = rewrite(prepared, formats, found, options)
    tensors = tuple(
        _described(point, seen[point.tensor], formats[point.tensor])
        for point in found.own
        if holds_codes(quantized, point.tensor)
    )
    if not tensors:
        raise _nothing_to_quantize(name)
    return Quantized(name, quantized.SerializeToString(), tensors, options)


def input_shape(model: ModelProto, name: str) -> tuple[int | None, ...]:
    """The shape of one sample of a float model's input; None where it is left open.

    Raises:
        ModelError: If the model does not take one float tensor with a sample axis.
    """
    inputs = data_inputs(model.graph)
    if len(inputs) != 1:
        names = ", ".join(repr(info.name) for info in inputs)
        raise ModelError(
            f"'{name}' has {len(inputs)} inputs ({names}), expected one",
            hint="export it with all other inputs as constants (initializers)",
        )
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type != TensorProto.FLOAT or not tensor.shape.dim:
        raise ModelError(
            f"'{name}' does not take float32 samples along a first axis",
            hint="export it with a float32 input of shape (samples, ...)",
        )
    dims = tensor.shape.dim[1:]
    return tuple(dim.dim_value if dim.dim_value > 0 else None for dim in dims)


def _check_samples(model: ModelProto, name: str, samples: NDArray[np.float32]) -> None:
    shape = input_shape(model, name)
    given = samples.shape[1:]
    if not samples.size:
        raise InputError(f"there are no calibration samples: their array has {samples.shape}")
    if len(given) != len(shape) or any(
        wanted not in (None, length) for wanted, length in zip(shape, given, strict=True)
    ):
        told = [length or "?" for length in shape]
        raise InputError(
            f"calibration samples have shape {list(given)}, '{name}' takes {told}",
            hint="give samples as the network was trained on them, the first axis the sample",
        )


def _nothing_to_quantize(name: str) -> ModelError:
    return ModelError(
        f"'{name}' has nothing to quantize: no sums, pools or tables between its input and output",
        hint="give the whole network; `neurochip ops` lists what it may hold",
    )


def _fix_shape(model: ModelProto, samples: NDArray[np.float32]) -> None:
    """Says of axes that the model leaves open how long they are."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    for dim, length in zip(dims[1:], samples.shape[1:], strict=True):
        dim.dim_value = length


def _described(point: Point, seen: Seen, form: Format) -> QuantizedTensor:
    clipped = seen.share_outside(*kept(form))
    return QuantizedTensor(
        point.tensor, point.layer, point.op_type, seen.low, seen.high, form, clipped
    )
