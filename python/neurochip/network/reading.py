"""What the host reads for one output of the network: from neurons to codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import Format
from ..plain import each, optional, real, table, text, whole
from .by_value import ByValue
from .host_json import format_json, format_of, index_json, index_of, shape_of
from .neurons import MAX_S1, MIN_S1
from .populations import NOWHERE, Readout
from .spike_codes import Code

MAX_BIAS = 1 << 53


@dataclass(frozen=True, slots=True, eq=False)
class Reading(ByValue):
    """From what was read of a population to the codes of an output."""

    name: str
    """The output's."""
    population: int
    """Of those that the host reads, in the order in which a run hands them over."""
    code: Code | None
    """What its neurons send; None where membranes are read."""
    readout: Readout | None
    """How membranes become accumulators; None where spikes are read."""
    shape: tuple[int, ...]
    """Of the output's tensor."""
    format: Format
    index: NDArray[np.int32]
    """For each value of the tensor: the neuron that holds it, -1 for the zero point."""
    tail: tuple[str, ...]
    """Operators of the float work after it."""

    def read(self, sent: NDArray[np.int64]) -> NDArray[np.int64]:
        """Codes (count, neurons) of the population, from values or membranes read."""
        if self.code is not None:
            return self.code.codes(sent)
        assert self.readout is not None, "the output is sent, or its membranes are read"
        # Channels are the last axis of neurons: one number a channel is repeated along them.
        neurons = sent.shape[1]
        s1, bias = np.resize(self.readout.s1, neurons), np.resize(self.readout.bias, neurons)
        return Readout(s1, bias).accumulators(sent)

    def codes(self, read: NDArray[np.int64]) -> NDArray[np.int32]:
        """Codes (count, *shape) of the output, from those of its population."""
        codes = read[:, self.index]
        codes[:, self.index == NOWHERE] = self.format.zero_point
        return codes.astype(np.int32).reshape(len(read), *self.shape)

    def to_json(self) -> dict[str, Any]:
        """As plain data, without the code: the image's populations have it."""
        return {
            "name": self.name,
            "population": self.population,
            "readout": _readout_json(self.readout),
            "shape": list(self.shape),
            "format": format_json(self.format),
            "index": index_json(self.index, self.shape),
            "tail": list(self.tail),
        }

    @staticmethod
    def from_json(data: Any, what: str, codes: Sequence[Code | None]) -> Reading:
        """Reads `to_json` back.

        Args:
            data: The plain data.
            what: What it is called in a message.
            codes: What each of the populations that the host reads sends.

        Raises:
            KeyError: If a field is missing.
            ValueError: If one holds something else, or much more than expected.
        """
        told = table(data, what)
        shape = shape_of(told["shape"], f"{what}.shape")
        population = whole(told["population"], f"{what}.population", 0, len(codes) - 1)
        return Reading(
            name=text(told["name"], f"{what}.name"),
            population=population,
            code=codes[population],
            readout=optional(_readout)(told["readout"], f"{what}.readout"),
            shape=shape,
            format=format_of(told["format"], f"{what}.format"),
            index=index_of(told["index"], f"{what}.index", prod(shape)),
            tail=each(told["tail"], f"{what}.tail", text),
        )

    def check(self, neurons: int) -> None:
        """Compares index, shape and readout with the neurons that they are for.

        Raises:
            ValueError: If one does not fit.
        """
        if len(self.index) != prod(self.shape):
            raise ValueError("an index is too long or too short")
        if not NOWHERE <= self.index.min(initial=0) <= self.index.max(initial=0) < neurons:
            raise ValueError(f"an index leaves {NOWHERE} to {neurons - 1}")
        scale = self.format.scale
        if scale.ndim and (not self.shape or len(scale) != self.shape[0]):
            raise ValueError(f"an output of shape {self.shape} has {len(scale)} scales")
        if (self.code is None) != (self.readout is not None):
            raise ValueError("membranes are read where spikes are sent, or neither is")
        if self.readout is not None:
            lengths = len(self.readout.s1), len(self.readout.bias)
            if any(not length or neurons % length for length in lengths):
                raise ValueError(f"the readout is not that of {neurons} neurons")


def _readout_json(readout: Readout | None) -> dict[str, Any] | None:
    return None if readout is None else {"s1": readout.s1.tolist(), "bias": readout.bias.tolist()}


def _readout(data: Any, what: str) -> Readout:
    told = table(data, what)
    s1 = each(told["s1"], f"{what}.s1", partial(real, low=MIN_S1, high=MAX_S1))
    bias = each(told["bias"], f"{what}.bias", partial(whole, low=-MAX_BIAS, high=MAX_BIAS))
    return Readout(np.array(s1, np.float64), np.array(bias, np.int64))
