"""Calibration: what sample inputs look like at each layer, computed only where someone asks.

Layers are evaluated in order, no further than to the tensor that is asked for: on a chip where
every layer is exact none is, unless all sums are to be measured. Codes are dropped once nothing to
come reads them. Percentiles say below which code most codes of each tensor are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from ..graph import Graph
from ..layers import Layer


class Calibration:
    """Codes of the calibration samples, tensor by tensor."""

    def __init__(
        self,
        source: Tensor,
        codes: NDArray[Any],
        layers: Sequence[Layer],
        measures_all_sums: bool = False,
    ) -> None:
        """Starts with the codes of the network's input; `layers` are all that will be lowered."""
        self.measures_all_sums = measures_all_sums
        self._codes: dict[str, NDArray[Any]] = {source.name: codes}
        self._pending = iter(layers)
        # Every layer reads its inputs twice: when it is lowered and when it is evaluated.
        self._reads = Counter(2 * [tensor.name for layer in layers for tensor in layer.inputs])

    @property
    def held(self) -> set[str]:
        """Names of the tensors whose codes are kept at the moment."""
        return set(self._codes)

    def of(self, tensor: Tensor) -> NDArray[Any]:
        """The codes of an input of the layer that is lowered next."""
        while tensor.name not in self._codes:
            layer = next(self._pending)
            codes = layer.evaluate(*(self._codes[source.name] for source in layer.inputs))
            self._codes[layer.output.name] = codes
            self.release(layer)
        return self._codes[tensor.name]

    def release(self, layer: Layer) -> None:
        """Says that a layer was evaluated, or lowered."""
        for tensor in layer.inputs:
            self._reads[tensor.name] -= 1
            if not self._reads[tensor.name]:
                self._codes.pop(tensor.name, None)


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
