"""Comparison: the chip against its compiled network and its graph, value by value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..graph import Graph
from ..image import Image
from ..interpret import Sent, interpret
from ..lower.layout import channels_last
from ..network import InputNeurons, Population
from .run import Agreement

CHECKED_SAMPLES = 16
CHECKED_SHARE = 10
"""By default so many samples are compared, or one in so many, whichever is more."""


def samples_to_check(check: int | str | None, compare: bool | None, samples: int) -> int:
    """How many samples of a run are compared, from the first.

    Args:
        check: A number, `all`, `none`, or None for the default.
        compare: The earlier form of `all` and `none`.
        samples: How many the run has.

    Raises:
        InputError: If `check` is none of these, or both are given.
    """
    if compare is not None:
        if check is not None:
            raise InputError(
                "`compare` is the earlier name of `check`, and both are given", hint="give `check`"
            )
        check = "all" if compare else "none"
    if check is None:
        return min(samples, max(CHECKED_SAMPLES, -(-samples // CHECKED_SHARE)))
    if check in ("all", "none"):
        return samples if check == "all" else 0
    if not isinstance(check, int | np.integer) or isinstance(check, bool) or check < 0:
        raise InputError(
            f"`check` is {check!r}, expected a number of samples, 'all' or 'none'",
            hint="leave it out to compare the first samples",
        )
    return min(int(check), samples)


class AgreementCount:
    """Counts values that differ, batch by batch, while the spikes are held."""

    def __init__(self, image: Image) -> None:
        """Starts with nothing compared."""
        self.image = image
        self.populations = [
            each
            for each in image.populations
            if each.facts.tensor is not None and not isinstance(each.model, InputNeurons)
        ]
        self._is_the_graph = image.graph is not None and all(
            each.facts.proven for each in image.populations
        )
        self._samples = 0
        self._compared = np.zeros(len(self.populations), np.int64)
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
        records = {each.name: sent for each, sent in self.image.by_population(record)}
        graph = self.image.graph
        if graph is not None:
            read = self.image.read(handed_over)
            self._differing["exact"] += self._exact(graph, samples, records, read)
        if not self._is_the_graph:
            sent = interpret(self.image.network, self.image.chip, codes)
            read_by_name = self.image.values_read(handed_over)
            self._differing["compiled"] += self._compiled(sent, records, read_by_name)
        neurons = np.array([each.num_neurons for each in self.populations], np.int64)
        self._compared += len(samples) * neurons
        self._samples += len(samples)

    @property
    def compiled(self) -> Agreement:
        """With the compiled network; where that is the graph itself, with the graph."""
        return self._agreement("exact" if self._is_the_graph else "compiled")

    @property
    def exact(self) -> Agreement | None:
        """With the graph in exact integers; None for an image file, which holds none."""
        return None if self.image.graph is None else self._agreement("exact")

    def _agreement(self, evaluation: str) -> Agreement:
        names = tuple(each.name for each in self.populations)
        return Agreement(names, self._differing[evaluation], self._compared, self._samples)

    def _exact(
        self,
        graph: Graph,
        samples: NDArray[Any],
        records: Mapping[str, NDArray[np.uint8]],
        read: Sequence[NDArray[np.int64]],
    ) -> NDArray[np.int64]:
        """By population: codes that are not the graph's in exact integers."""
        wanted = graph.evaluate(graph.quantize(samples))
        names = [each.name for each in self.image.populations_read]
        of_reads = dict(zip(names, read, strict=True))

        def codes(population: Population) -> NDArray[np.int64]:
            name, code = population.name, population.code
            return of_reads[name] if code is None else code.codes(code.read(records[name]))

        return _differing(
            codes(each) != channels_last(wanted[str(each.facts.tensor)])
            for each in self.populations
        )

    def _compiled(
        self,
        sent: Mapping[str, Sent],
        records: Mapping[str, NDArray[np.uint8]],
        read: Mapping[str, NDArray[Any]],
    ) -> NDArray[np.int64]:
        """By population: neurons that do not send, or hold, what their constants say."""
        return _differing(
            sent[each.name].values != read[each.name]
            if each.code is None
            else sent[each.name].differs_from(records[each.name])
            for each in self.populations
        )


def _differing(differ: Iterable[NDArray[np.bool_]]) -> NDArray[np.int64]:
    return np.array([np.count_nonzero(each) for each in differ], np.int64)
