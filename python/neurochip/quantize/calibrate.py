"""What the tensors of a float network hold on samples: extremes, then histograms between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, helper

from ..errors import QuantizationError
from ..formats import Array
from .runtime import in_parts, session

BINS = 8192
"""Of a histogram: the range kept is known to 1 / 8192 of the range seen."""
VALUES_AT_ONCE = 1 << 25
"""Limit of the values held at a time: 128 MiB."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The values of one tensor on all samples."""

    low: float
    high: float
    counts: NDArray[np.int64]
    """(BINS,): how many values fell into each of equal parts of low to high."""

    @property
    def edges(self) -> NDArray[np.float64]:
        """(BINS + 1,): where the parts begin and end."""
        return np.linspace(self.low, self.high, len(self.counts) + 1)

    @property
    def centres(self) -> NDArray[np.float64]:
        """(BINS,): the middle of each part, which stands for the values in it."""
        edges = self.edges
        return np.asarray((edges[:-1] + edges[1:]) / 2)

    def share_outside(self, low: float, high: float) -> float:
        """The share of values below `low` or above `high`, to the resolution of the parts."""
        centres = self.centres
        return float(self.counts[(centres < low) | (centres > high)].sum() / self.counts.sum())


def calibrate(
    model: ModelProto, tensors: Sequence[str], samples: NDArray[np.float32]
) -> dict[str, Seen]:
    """Measures these tensors on the samples, in two passes.

    Raises:
        QuantizationError: If a tensor holds what is not a finite number.
    """
    runner = _Runner(model, tensors, samples)
    lows = dict.fromkeys(tensors, np.inf)
    highs = dict.fromkeys(tensors, -np.inf)
    for name, values in runner.values():
        if not np.isfinite(values).all():
            raise QuantizationError(
                f"tensor '{name}' holds values that are NaN or infinite on the samples",
                hint="check that the samples are scaled as the network was trained",
            )
        lows[name] = min(lows[name], float(values.min()))
        highs[name] = max(highs[name], float(values.max()))
    counts = {name: np.zeros(BINS, np.int64) for name in tensors}
    for name, values in runner.values():
        counts[name] += histogram(values, lows[name], highs[name])
    return {name: Seen(lows[name], highs[name], counts[name]) for name in tensors}


def histogram(values: Array, low: float, high: float) -> NDArray[np.int64]:
    """How many values lie in each of BINS equal parts of low to high."""
    if low == high:
        counts = np.zeros(BINS, np.int64)
        counts[0] = values.size
        return counts
    parts = (values.ravel().astype(np.float64) - low) * (BINS / (high - low))
    return np.bincount(np.clip(parts, 0, BINS - 1).astype(np.int64), minlength=BINS)


class _Runner:
    """The float network with chosen tensors as outputs, over samples in parts."""

    def __init__(
        self, model: ModelProto, tensors: Sequence[str], samples: NDArray[np.float32]
    ) -> None:
        self._input = model.graph.input[0].name
        self._sees_input = self._input in tensors
        self._names = [name for name in tensors if name != self._input]
        self._samples = samples
        outputs = list(model.graph.output)
        known = {output.name for output in outputs}
        model.graph.output.extend(
            helper.make_empty_tensor_value_info(name) for name in self._names if name not in known
        )
        try:
            self._session = session(model)
        finally:
            del model.graph.output[:]
            model.graph.output.extend(outputs)
        sizes = [
            prod(length for length in output.shape[1:] if isinstance(length, int))
            for output in self._session.get_outputs()
        ]
        self._step = max(1, VALUES_AT_ONCE // max(1, sum(sizes)))

    def values(self) -> Iterator[tuple[str, Array]]:
        """Each tensor's values, part by part."""
        if not self._names:  # onnxruntime takes no names for all outputs
            yield self._input, self._samples
            return
        for part, *results in in_parts(self._session, self._names, self._samples, self._step):
            if self._sees_input:
                yield self._input, part
            yield from zip(self._names, results, strict=True)
