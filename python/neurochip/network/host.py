"""What the host does before the first spike and after the last: it travels in the image as JSON.

Moves of values (reshape, transpose) travel as an index. Other float work does not: that before the
first layer needs the graph, and a run from an image file ends with the values before that after the
last, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, InputError
from ..formats import Array, Format
from ..inputs import Normalization
from ..plain import each, optional, real, table, text, truth, whole
from .by_value import ByValue
from .host_json import format_json, format_of, index_json, index_of, shape_of
from .populations import NOWHERE
from .reading import Reading
from .spike_codes import Code

INTEGERS = ((0, 255), (-128, 127))
"""What samples of integers may be: uint8 or int8."""
MAX_CODE = 1 << 14
"""Ends of the input's range: what neurons send is computed with in 16 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Host(ByValue):
    """From samples to codes of the input's neurons, and from what was read back to values."""

    input_shape: tuple[int, ...]
    """What the user feeds, without the sample axis."""
    input_format: Format
    input_range: tuple[int, int]
    input_code: Code
    """What the input's neurons send."""
    input_index: NDArray[np.int32]
    """For each input neuron: the flat position of its value in a sample, -1 for a zero."""
    takes_codes: bool
    """Whether samples hold the input's codes themselves, not real numbers."""
    head: tuple[str, ...]
    """Operators before the first layer where the index does not tell what they do."""
    outputs: tuple[Reading, ...]
    """What the host reads, one for each output of the network."""
    normalization: Normalization | None = None
    """What is done to samples before they are the model's input."""
    input_integers: tuple[int, int] | None = None
    """The ends of integers that samples hold and that are no codes, but computed with first."""

    @property
    def integers(self) -> tuple[int, int] | None:
        """The smallest and the largest integer of samples; None where they are real numbers."""
        codes = self.input_format.qmin, self.input_format.qmax
        return codes if self.takes_codes else self.input_integers

    def real(self, samples: Array) -> Array:
        """Samples (count, *input_shape) as what the input's neurons get: (count, neurons).

        Raises:
            ImageError: If the host computes with samples first, which is not in an image file.
        """
        if self.head:
            raise ImageError(
                f"the host computes {', '.join(self.head)} before the first layer, "
                "which an image file does not hold",
                hint="run the model file, or scale the samples first and remove these operators",
            )
        flat = samples.reshape(len(samples), -1)[:, self.input_index]
        flat[:, self.input_index == NOWHERE] = 0
        return flat

    def sent(self, codes: Array) -> NDArray[np.uint8]:
        """Codes (count, neurons) of the input's neurons as what they send."""
        low, high = self.input_range
        values = self.input_code.values(np.clip(codes.astype(np.int64), low, high))
        return values.astype(np.uint8)  # two's complement

    def to_json(self) -> dict[str, Any]:
        """As plain data, without the codes: the image's populations have them."""
        return {
            "input_shape": list(self.input_shape),
            "input_format": format_json(self.input_format),
            "input_range": list(self.input_range),
            "input_index": index_json(self.input_index, self.input_shape),
            "takes_codes": self.takes_codes,
            "head": list(self.head),
            "outputs": [output.to_json() for output in self.outputs],
            **self._optional_json(),
        }

    def _optional_json(self) -> dict[str, Any]:
        """What most images do not need to say."""
        told = {
            "normalization": self.normalization and asdict(self.normalization),
            "input_integers": self.input_integers and list(self.input_integers),
        }
        return {name: value for name, value in told.items() if value is not None}

    @staticmethod
    def from_json(
        data: Mapping[str, Any], input_code: Code, read_codes: Sequence[Code | None]
    ) -> Host:
        """Reads `to_json` back.

        Args:
            data: The plain data.
            input_code: What the input's neurons send.
            read_codes: What each of the populations that the host reads sends.

        Raises:
            KeyError: If a field is missing.
            ValueError: If one holds something else, or much more than expected.
        """
        work = table(data, "work")
        shape = shape_of(work["input_shape"], "input_shape")
        input_format = format_of(work["input_format"], "input_format")
        if input_format.scale.ndim or not input_format.scale or input_format.bits > 8:
            raise ValueError("`input_format` is not one scale above 0 and 8 bits at most")
        code = partial(whole, low=-MAX_CODE, high=MAX_CODE)
        low, high = each(work["input_range"], "input_range", code)
        return Host(
            input_shape=shape,
            input_format=input_format,
            input_range=(low, high),
            input_code=input_code,
            input_index=index_of(work["input_index"], "input_index", prod(shape)),
            takes_codes=truth(work["takes_codes"], "takes_codes"),
            head=each(work["head"], "head", text),
            outputs=each(work["outputs"], "outputs", partial(Reading.from_json, codes=read_codes)),
            normalization=optional(_normalization)(work.get("normalization"), "normalization"),
            input_integers=optional(_integers)(work.get("input_integers"), "input_integers"),
        )

    def check(self, num_inputs: int, neurons_read: Sequence[int]) -> None:
        """Compares indices with the populations and shapes they are for.

        Raises:
            ValueError: If one does not fit.
            InputError: If the normalization does not.
        """
        size = prod(self.input_shape)
        if len(self.input_index) != num_inputs:
            raise ValueError("an index is too long or too short")
        if not NOWHERE <= self.input_index.min(initial=0) <= self.input_index.max(initial=0) < size:
            raise ValueError(f"an index leaves {NOWHERE} to {size - 1}")
        if len({output.name for output in self.outputs}) < len(self.outputs):
            raise ValueError("two outputs have one name")
        if {output.population for output in self.outputs} != set(range(len(neurons_read))):
            raise ValueError("a population is read for no output")
        for output in self.outputs:
            output.check(neurons_read[output.population])
        if self.normalization is not None:
            self.check_normalization(self.normalization)

    def check_normalization(self, asked_for: Normalization) -> None:
        """Compares a normalization with the input.

        Raises:
            InputError: If samples are integers, or have another number of channels.
        """
        refuse_for_integers(self.integers)
        asked_for.check(self.input_shape)


def refuse_for_integers(integers: tuple[int, int] | None) -> None:
    """Refuses to normalize integers.

    Raises:
        InputError: If a model takes them.
    """
    if integers is not None:
        raise InputError(
            f"the model takes integers from {integers[0]} to {integers[1]}, as they are: mean and "
            "std are for real numbers",
            hint="leave `mean` and `std` out: the model scales and normalizes by itself",
        )


def _normalization(data: Any, what: str) -> Normalization:
    told = table(data, what)
    return Normalization(*(each(told[name], f"{what}.{name}", real) for name in ("mean", "std")))


def _integers(data: Any, what: str) -> tuple[int, int]:
    low, high = each(data, what, partial(whole, low=-MAX_CODE, high=MAX_CODE))
    if (low, high) not in INTEGERS:
        raise ValueError(f"`{what}` is {low} to {high}, expected the range of uint8 or int8")
    return low, high
