"""Percentiles: below which code most codes of a tensor are, over calibration samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph

CHUNK_SAMPLES = 32


def highest_codes(graph: Graph, calibration: NDArray[Any], percentile: float) -> dict[str, int]:
    """By tensor: the smallest code that so many percent of the samples' codes do not exceed.

    Args:
        graph: The network.
        calibration: Codes of its input, (samples, *shape).
        percentile: 50 to 100.
    """
    counts: dict[str, NDArray[np.int64]] = {}
    formats = {graph.input.name: graph.input.format}
    formats |= {layer.output.name: layer.output.format for layer in graph.layers}
    for start in range(0, len(calibration), CHUNK_SAMPLES):
        for name, codes in graph.evaluate(calibration[start : start + CHUNK_SAMPLES]).items():
            if formats[name].bits <= 8:
                above = codes.astype(np.int64).ravel() - formats[name].qmin
                counts[name] = counts.get(name, 0) + np.bincount(above, minlength=256)
    return {
        name: formats[name].qmin + _percentile(count, percentile) for name, count in counts.items()
    }


def _percentile(counts: NDArray[np.int64], percentile: float) -> int:
    wanted = counts.sum() * percentile / 100
    return int(np.searchsorted(counts.cumsum(), wanted))
