"""Comparison: the chip against its compiled network and its graph, value by value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image import Image, Layer
from ..interpret import Sent, interpret
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
        record: NDArray[np.uint8],
        handed_over: NDArray[Any],
    ) -> None:
        """Compares one batch.

        Args:
            samples: The model's input.
            codes: What the input's neurons are given for it.
            record: What every neuron sent, populations one after the other.
            handed_over: What the host reads, populations one after the other.
        """
        records = {layer.name: sent for layer, sent in self.image.by_layer(record)}
        exact = self._exact(samples, records, self.image.read(handed_over))
        compiled = exact
        if not self.network.is_the_graph:
            sent = interpret(self.network, self.image.chip, codes)
            compiled = self._compiled(sent, records, self.image.values_read(handed_over))
        self._differing["exact"] += exact
        self._differing["compiled"] += compiled
        neurons = np.array([layer.neurons for layer in self.layers], np.int64)
        self._compared += len(samples) * neurons

    def agreement(self, evaluation: str) -> Agreement:
        """With what was computed beside the chip: `exact` or `compiled`."""
        names = tuple(layer.name for layer in self.layers)
        return Agreement(names, self._differing[evaluation], self._compared)

    def _exact(
        self,
        samples: NDArray[Any],
        records: Mapping[str, NDArray[np.uint8]],
        read: Sequence[NDArray[np.int64]],
    ) -> NDArray[np.int64]:
        """By layer: codes that are not the graph's in exact integers."""
        graph = self.network.graph
        wanted = graph.evaluate(graph.quantize(samples))
        names = [layer.name for layer in self.image.layers_read]
        of_reads = dict(zip(names, read, strict=True))

        def codes(layer: Layer) -> NDArray[np.int64]:
            if layer.code is None:
                return of_reads[layer.name]
            return layer.code.codes(layer.code.read(records[layer.name]))

        return _differing(
            codes(layer) != channels_last(wanted[str(layer.tensor)]) for layer in self.layers
        )

    def _compiled(
        self,
        sent: Mapping[str, Sent],
        records: Mapping[str, NDArray[np.uint8]],
        read: Mapping[str, NDArray[Any]],
    ) -> NDArray[np.int64]:
        """By layer: neurons that do not send, or hold, what their constants say."""
        return _differing(
            sent[layer.name].values != read[layer.name]
            if layer.code is None
            else sent[layer.name].differs_from(records[layer.name])
            for layer in self.layers
        )


def _differing(differ: Iterable[NDArray[np.bool_]]) -> NDArray[np.int64]:
    return np.array([np.count_nonzero(each) for each in differ], np.int64)
