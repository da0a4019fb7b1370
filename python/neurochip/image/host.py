"""What the host does before the first spike and after the last: it travels in the image as JSON.

Moves of values (reshape, transpose) travel as an index. Other float work does not: that before the
first layer needs the graph, and a run from an image file ends with the values before that after the
last, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..formats import Array, Format
from ..lower.network import Readout
from ..lower.spike_codes import Code
from ..lower.views import NOWHERE


@dataclass(frozen=True, slots=True, eq=False)
class Host:
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
    output_shape: tuple[int, ...]
    output_format: Format
    output_code: Code | None
    """What the output's neurons send; None where membranes are read."""
    output_index: NDArray[np.int32]
    """For each output value: the neuron that holds it, -1 for the zero point."""
    readout: Readout | None
    """How membranes become accumulators; None where spikes are read."""
    tail: tuple[str, ...]
    """Operators of the float work after the last layer."""

    def codes(self, samples: Array) -> NDArray[np.uint8]:
        """Samples (count, *input_shape) as what the input's neurons send.

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
        return self.sent(flat if self.takes_codes else self.input_format.quantize(flat))

    def sent(self, codes: Array) -> NDArray[np.uint8]:
        """Codes (count, neurons) of the input's neurons as what they send."""
        low, high = self.input_range
        values = self.input_code.values(np.clip(codes.astype(np.int64), low, high))
        return values.astype(np.uint8)  # two's complement

    def read(self, sent: NDArray[np.int64]) -> NDArray[np.int64]:
        """Codes (count, neurons) of the output's population, from values or membranes read."""
        if self.output_code is not None:
            return self.output_code.codes(sent)
        assert self.readout is not None, "the output is sent, or its membranes are read"
        return self.readout.accumulators(sent)

    def outputs(self, read: NDArray[np.int64]) -> NDArray[np.int32]:
        """Output codes (count, *output_shape) from those of the output's population."""
        codes = read[:, self.output_index]
        codes[:, self.output_index == NOWHERE] = self.output_format.zero_point
        return codes.astype(np.int32).reshape(len(read), *self.output_shape)

    def to_json(self) -> dict[str, Any]:
        """As plain data, without the codes: the image's populations have them."""
        return {
            "input_shape": list(self.input_shape),
            "input_format": _format_json(self.input_format),
            "input_range": list(self.input_range),
            "input_index": _index_json(self.input_index, self.input_shape),
            "takes_codes": self.takes_codes,
            "head": list(self.head),
            "output_shape": list(self.output_shape),
            "output_format": _format_json(self.output_format),
            "output_index": _index_json(self.output_index, self.output_shape),
            "readout": _readout_json(self.readout),
            "tail": list(self.tail),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any], input_code: Code, output_code: Code | None) -> Host:
        """Reads `to_json` back."""
        return Host(
            tuple(data["input_shape"]),
            _format(data["input_format"]),
            (data["input_range"][0], data["input_range"][1]),
            input_code,
            _index(data["input_index"]),
            data["takes_codes"],
            tuple(data["head"]),
            tuple(data["output_shape"]),
            _format(data["output_format"]),
            output_code,
            _index(data["output_index"]),
            _readout(data["readout"]),
            tuple(data["tail"]),
        )

    def check(self, num_inputs: int, num_outputs: int) -> None:
        """Compares indices with the populations and shapes they are for.

        Raises:
            ValueError: If one does not fit.
        """
        sizes = int(np.prod(self.input_shape)), int(np.prod(self.output_shape))
        if len(self.input_index) != num_inputs or len(self.output_index) != sizes[1]:
            raise ValueError("an index is too long or too short")
        for index, stop in ((self.input_index, sizes[0]), (self.output_index, num_outputs)):
            if not NOWHERE <= index.min(initial=0) <= index.max(initial=0) < stop:
                raise ValueError(f"an index leaves {NOWHERE} to {stop - 1}")


def _format_json(format: Format) -> dict[str, Any]:
    return {
        "bits": format.bits,
        "signed": format.signed,
        "scale": [float(value) for value in format.scale.ravel()],
        "per_channel": format.scale.ndim > 0,
        "zero_point": format.zero_point,
    }


def _format(data: Mapping[str, Any]) -> Format:
    scale = np.array(data["scale"], np.float32)
    shaped = scale if data["per_channel"] else scale.reshape(())
    return Format(data["bits"], data["signed"], shaped, data["zero_point"])


def _readout_json(readout: Readout | None) -> dict[str, Any] | None:
    return None if readout is None else {"s1": readout.s1.tolist(), "bias": readout.bias.tolist()}


def _readout(data: Mapping[str, Any] | None) -> Readout | None:
    if data is None:
        return None
    return Readout(np.array(data["s1"], np.float64), np.array(data["bias"], np.int64))


def _index_json(index: NDArray[Any], shape: tuple[int, ...]) -> list[int] | dict[str, int]:
    """An index; one that moves channels last is written as that, since it may be long."""
    for channels in (1, shape[0]):
        if np.array_equal(index, _channels_last(len(index), channels)):
            return {"count": len(index), "channels": channels}
    return [int(position) for position in index]


def _index(data: Any) -> NDArray[np.int32]:
    if isinstance(data, Mapping):
        return _channels_last(data["count"], data["channels"])
    return np.array(data, np.int32)


def _channels_last(count: int, channels: int) -> NDArray[np.int32]:
    """For each value of an image with its channels last: where it is with its channels first."""
    if count % channels:
        return np.empty(0, np.int32)  # no such image
    return np.arange(count, dtype=np.int32).reshape(channels, -1).T.ravel()
