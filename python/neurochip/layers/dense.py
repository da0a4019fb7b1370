"""Dense: every output is a weighted sum of every input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor
from .accumulate import Weighted, centred, exact_float, interval, requantize, to_integers


@dataclass(frozen=True, eq=False)
class Dense(Weighted):
    """output = requantize(weights (input - zero point) + bias)."""

    name: str
    inputs: tuple[Tensor]
    output: Tensor
    weights: NDArray[np.int32]
    """(features out, features in), zero point already subtracted."""
    bias: NDArray[np.int64]
    multiplier: NDArray[np.float32] | None
    """One a feature; None when the output is the 32-bit accumulator itself."""

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        (source,) = codes
        sums = self._sums(centred(source, self.inputs[0]))
        return requantize(sums, self.bias, self.multiplier, self.output)

    def linear(self, *values: Array) -> NDArray[np.int64]:
        """The sums of weights times values, without the bias."""
        (source,) = values
        return to_integers(self._sums(source))

    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The accumulator's reachable interval, one a feature."""
        return interval(self.signed_sums, self.bias, *self.inputs[0].value_range)

    def _sums(self, values: Array) -> Array:
        dtype = exact_float(self.largest_gain, values)
        rows = values.astype(dtype, copy=False)
        return np.asarray(rows @ self.weights.T.astype(dtype))
