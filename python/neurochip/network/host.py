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
from ..layers.weighted import INT32_MAX, INT32_MIN
from ..plain import each, optional, real, table, text, truth, whole
from .codec import ByValue
from .neurons import MAX_S1, MIN_S1
from .populations import NOWHERE, Readout
from .spike_codes import Code

MAX_VALUES = 1 << 26
"""Values of a sample or of an output: checked before any array of them is made."""
MAX_AXES = 31
"""Of a sample or an output: NumPy 1.26 has 32, and one counts samples."""
MAX_SCALE = float(np.finfo(np.float32).max)


def format_json(format: Format) -> dict[str, Any]:
    """A format as plain data."""
    return {
        "bits": format.bits,
        "signed": format.signed,
        "scale": [float(value) for value in format.scale.ravel()],
        "per_channel": format.scale.ndim > 0,
        "zero_point": format.zero_point,
    }


def format_of(data: Any, what: str) -> Format:
    """Reads `format_json` back.

    Raises:
        ValueError: If it holds something else.
    """
    told = table(data, what)
    scale = each(told["scale"], f"{what}.scale", partial(real, low=0, high=MAX_SCALE))
    per_channel = truth(told["per_channel"], f"{what}.per_channel")
    if not per_channel and len(scale) != 1:
        raise ValueError(f"`{what}` has {len(scale)} scales, expected one")
    return Format(
        whole(told["bits"], f"{what}.bits", 1, 32),
        truth(told["signed"], f"{what}.signed"),
        np.array(scale if per_channel else scale[0], np.float32),
        whole(told["zero_point"], f"{what}.zero_point", INT32_MIN, INT32_MAX),
    )


def shape_of(data: Any, what: str) -> tuple[int, ...]:
    """The shape of a sample or of an output.

    Raises:
        ValueError: If it is none, or of too many values.
    """
    shape = each(data, what, partial(whole, low=1, high=MAX_VALUES))
    if len(shape) > MAX_AXES or prod(shape) > MAX_VALUES:
        raise ValueError(
            f"`{what}` has {len(shape)} axes and {prod(shape)} values, "
            f"expected {MAX_AXES} and {MAX_VALUES} at most"
        )
    return shape


def index_json(index: NDArray[Any], shape: tuple[int, ...]) -> list[int] | dict[str, int]:
    """An index; one that moves channels last is written as that, since it may be long."""
    for channels in (1, shape[0]):
        if np.array_equal(index, _channels_last(len(index), channels)):
            return {"count": len(index), "channels": channels}
    return [int(position) for position in index]


def index_of(data: Any, what: str, values: int) -> NDArray[np.int32]:
    """Reads `index_json` back; `values` are those of the shape it belongs to."""
    if isinstance(data, Mapping):
        # Its positions are those of so many values, each once.
        count = whole(data["count"], f"{what}.count", 0, values)
        return _channels_last(count, whole(data["channels"], f"{what}.channels", 1, values))
    return np.array(each(data, what, partial(whole, low=INT32_MIN, high=INT32_MAX)), np.int32)


def _channels_last(count: int, channels: int) -> NDArray[np.int32]:
    """For each value of an image with its channels last: where it is with its channels first."""
    if count % channels:
        return np.empty(0, np.int32)  # no such image
    return np.arange(count, dtype=np.int32).reshape(channels, -1).T.ravel()


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
