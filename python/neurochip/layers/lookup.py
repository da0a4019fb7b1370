"""Lookup: any function of one code, as a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """output = table[channel, input - smallest code]."""

    name: str
    inputs: tuple[Tensor]
    output: Tensor
    table: NDArray[np.int32]
    """(1 or channels, number of input codes), entries are output codes."""

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        (source,) = codes
        entries = self.table.astype(self.output.format.dtype).ravel()
        index = source.astype(np.intp) - self.inputs[0].format.qmin
        if len(self.table) > 1:
            offsets = np.arange(len(self.table)) * self.table.shape[1]
            index += offsets.reshape((-1,) + (1,) * (source.ndim - 2))
        return entries[index]
