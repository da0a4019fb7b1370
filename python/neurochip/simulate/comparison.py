"""Comparison: the chip against its graph in integers, layer by layer, value by value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph
from ..image import Image
from ..lower import Network
from ..lower.views import channels_last
from .run import Agreement


class Comparison:
    """Counts values that differ, batch by batch, while the spikes are at hand."""

    def __init__(self, image: Image, network: Network) -> None:
        """Starts with nothing compared."""
        self.image, self.network = image, network
        self.layers = [
            layer for layer in image.layers if layer.tensor is not None and layer.model != "input"
        ]
        self._compared = np.zeros(len(self.layers), np.int64)
        self._differing = {name: np.zeros_like(self._compared) for name in ("exact", "compiled")}

    def add(
        self,
        samples: NDArray[Any],
        codes: NDArray[np.uint8],
        read: Sequence[NDArray[np.int64]],
    ) -> None:
        """Compares one batch.

        Args:
            samples: The model's input.
            codes: The record of what every neuron sent, populations one after the other.
            read: Codes of each population that the host reads.
        """
        ours = self._tensors(codes, read)
        for name, wanted in _evaluations(self.network, samples).items():
            for number, layer in enumerate(self.layers):
                differ = ours[layer.name] != channels_last(wanted[str(layer.tensor)])
                self._differing[name][number] += np.count_nonzero(differ)
        self._compared += np.array([ours[layer.name].size for layer in self.layers], np.int64)

    def agreement(self, evaluation: str) -> Agreement | None:
        """With an evaluation of the graph: `exact`, or `compiled` if there is one."""
        if evaluation == "compiled" and not self.network.evaluable:
            return None
        names = tuple(layer.name for layer in self.layers)
        return Agreement(names, self._differing[evaluation], self._compared)

    def _tensors(
        self, codes: NDArray[np.uint8], read: Sequence[NDArray[np.int64]]
    ) -> dict[str, NDArray[np.int64]]:
        """Each population's codes of its tensor."""
        names = [layer.name for layer in self.image.layers_read]
        return dict(zip(names, read, strict=True)) | {
            layer.name: layer.code.codes(layer.code.read(sent))
            for layer, sent in self.image.by_layer(codes)
            if layer.code is not None
        }


def _evaluations(
    network: Network, samples: NDArray[Any]
) -> Mapping[str, Mapping[str, NDArray[Any]]]:
    """The graph in exact integers, and with the chip's constants."""
    graph: Graph = network.graph
    inputs = graph.quantize(samples)
    exact = graph.evaluate(inputs)
    if not network.evaluable:
        return {"exact": exact}
    compiled = graph.evaluate(inputs, network.arithmetic) if network.arithmetic else exact
    return {"exact": exact, "compiled": compiled}
