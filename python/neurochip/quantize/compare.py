"""How a quantized network answers, beside the float network it was made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats import Array
from ..graph import Graph
from ..graph.file import PathOrModel, read_model
from .quantize import Quantized
from .runtime import outputs

SAMPLES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Comparison:
    """Three answers to the same samples: float, onnxruntime's integers, and ours."""

    float_outputs: Array
    quantized_outputs: Array
    """onnxruntime's."""
    graph_outputs: Array
    """Those of `Graph.evaluate`."""

    @property
    def differing(self) -> int:
        """Outputs in which our integers are not onnxruntime's."""
        return int(np.count_nonzero(self.quantized_outputs != self.graph_outputs))

    @property
    def changed(self) -> int | None:
        """Samples of another class than before; None where the output names no class."""
        before, after = classes(self.float_outputs), classes(self.graph_outputs)
        if before is None or after is None:
            return None
        return int(np.count_nonzero(before != after))


def compare(model: PathOrModel, quantized: Quantized, samples: NDArray[np.float32]) -> Comparison:
    """Computes the samples with a float network and with what was made of it."""
    proto, _ = read_model(model)
    before = outputs(proto, samples)
    return Comparison(
        float_outputs=before,
        quantized_outputs=outputs(quantized.model, samples),
        graph_outputs=_evaluated(quantized.graph(), samples),
    )


def classes(values: Array) -> NDArray[np.int64] | None:
    """The class that each output names, (samples,); None if it is not one number a class."""
    rows = values.reshape(len(values), -1) if values.size else values
    long_axes = [length for length in values.shape[1:] if length != 1]
    if len(long_axes) != 1:
        return None
    return np.asarray(rows.argmax(axis=1), np.int64)


def _evaluated(graph: Graph, samples: NDArray[np.float32]) -> Array:
    parts = []
    for start in range(0, len(samples), SAMPLES_AT_ONCE):
        codes = graph.quantize(samples[start : start + SAMPLES_AT_ONCE])
        parts.append(graph.finish(graph.evaluate(codes)[graph.output.name]))
    return np.concatenate(parts)
