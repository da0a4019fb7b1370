"""Comparison: the chip against its compiled network and its graph, value by value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph
from ..image import Image, Layer
from ..interpret import Sent, interpret
from ..lower.layout import channels_last
from .run import Agreement


class AgreementCount:
    """Counts values that differ, batch by batch, while the spikes are held."""

    def __init__(self, image: Image) -> None:
        """Starts with nothing compared."""
        self.image = image
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
        graph = self.image.graph
        if graph is not None:
            read = self.image.read(handed_over)
            self._differing["exact"] += self._exact(graph, samples, records, read)
        if not self._is_proven:
            sent = interpret(self.image.network, self.image.chip, codes)
            read_by_name = self.image.values_read(handed_over)
            self._differing["compiled"] += self._compiled(sent, records, read_by_name)
        neurons = np.array([layer.neurons for layer in self.layers], np.int64)
        self._compared += len(samples) * neurons

    @property
    def compiled(self) -> Agreement:
        """With the compiled network; where that is the graph itself, with the graph."""
        return self._agreement("exact" if self._is_proven else "compiled")

    @property
    def _is_proven(self) -> bool:
        """Whether the graph is there, and proven to be the compiled network."""
        return self.image.graph is not None and self.image.network.is_the_graph

    @property
    def exact(self) -> Agreement | None:
        """With the graph in exact integers; None for an image file, which holds none."""
        return None if self.image.graph is None else self._agreement("exact")

    def _agreement(self, evaluation: str) -> Agreement:
        names = tuple(layer.name for layer in self.layers)
        return Agreement(names, self._differing[evaluation], self._compared)

    def _exact(
        self,
        graph: Graph,
        samples: NDArray[Any],
        records: Mapping[str, NDArray[np.uint8]],
        read: Sequence[NDArray[np.int64]],
    ) -> NDArray[np.int64]:
        """By layer: codes that are not the graph's in exact integers."""
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
