"""How a quantized network answers, beside the float network it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..formats import Array
from ..graph import Graph
from ..graph.file import PathOrModel
from .exports import read_own, tidy
from .quantize import Quantized
from .runtime import outputs
from .tensors import MOVES

SAMPLES_AT_ONCE = 64
GRAPH_SAMPLES = 256
"""As many show whether our integers are onnxruntime's; accuracy is counted over all samples."""
ROUNDING = 1e-5
"""Relative and absolute: what a few float32 operations in another order come to."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Three answers to the same samples: float, onnxruntime's integers, and ours."""

    float_outputs: Array
    quantized_outputs: Array
    """onnxruntime's."""
    graph_outputs: Array
    """Those of `Graph.evaluate`, for the first samples."""
    float_work: tuple[str, ...] = ()
    """The operators after the last integers: they round in float32 wherever they run."""

    @property
    def differing(self) -> int:
        """Outputs in which our integers are not onnxruntime's, of `graph_outputs.size`.

        After float work, those that differ by more than float32 rounds.
        """
        theirs = self.quantized_outputs[: len(self.graph_outputs)]
        if self.float_work:
            same = np.isclose(self.graph_outputs, theirs, rtol=ROUNDING, atol=ROUNDING)
            return int(np.count_nonzero(~same))
        return int(np.count_nonzero(theirs != self.graph_outputs))

    @property
    def changed(self) -> int | None:
        """Samples of another class than before; None where the output names no class."""
        before, after = classes(self.float_outputs), classes(self.quantized_outputs)
        if before is None or after is None:
            return None
        return int(np.count_nonzero(before != after))


def compare(
    model: PathOrModel,
    quantized: Quantized,
    samples: NDArray[np.float32],
    output: str | None = None,
) -> Comparison:
    """Computes the samples with a float network and with what was made of it.

    Args:
        model: The float network.
        quantized: What was made of it, of one output.
        samples: Of the model's input, (count, *shape).
        output: The output that it has kept, of a float network with several.
    """
    proto, _ = read_own(model)
    tidy(proto, output)
    graph = quantized.graph()  # what cannot be imported is refused before anything is computed
    ours = _evaluated(graph, samples[:GRAPH_SAMPLES])
    # A model of one sample may leave its axis out of the result.
    shape = (len(samples), *ours.shape[1:])
    return Comparison(
        float_outputs=outputs(proto, samples).reshape(shape),
        quantized_outputs=outputs(quantized.model, samples).reshape(shape),
        graph_outputs=ours,
        float_work=tuple(op.op_type for op in graph.tail if op.op_type not in MOVES),
    )


def classes(values: Array) -> NDArray[np.int64] | None:
    """The class that each output names, (samples,); None if it is not one number a class."""
    long_axes = [length for length in values.shape[1:] if length != 1]
    if len(long_axes) != 1:
        return None
    return np.asarray(values.reshape(len(values), -1).argmax(axis=1), np.int64)


def correct(values: Array, labels: NDArray[np.int64]) -> int:
    """How many outputs name the class of their label.

    Raises:
        InputError: If the outputs name no class, or a label is none of their classes.
    """
    named = classes(values)
    if named is None:
        raise InputError(
            f"the network's output has shape {list(values.shape[1:])}, which names no class",
            hint="choose an output that names one (`--output-tensor`), or samples without labels",
        )
    length = values[0].size
    if labels.max(initial=0) >= length:
        first = int(np.flatnonzero(labels >= length)[0])
        raise InputError(
            f"label {labels[first]} of sample {first} is no class of the network, "
            f"which has {length} outputs"
        )
    return int(np.count_nonzero(named == labels))


def _evaluated(graph: Graph, samples: NDArray[np.float32]) -> Array:
    parts = []
    for start in range(0, len(samples), SAMPLES_AT_ONCE):
        codes = graph.quantize(samples[start : start + SAMPLES_AT_ONCE])
        parts.append(graph.finish(graph.evaluate(codes)[graph.output.name]))
    return np.concatenate(parts)
