"""What the host does before the first spike and after the last: it travels in the image as JSON.

Moves of values (reshape, transpose) travel as an index. Other float work after the last layer, such
as Softmax, does not: a run from an image file ends with the values before it and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..formats import Array, Format
from ..graph import Graph, HostOp
from ..lower.codes import choose_code
from ..lower.network import Network, Readout
from ..lower.views import NOWHERE, to_neurons


@dataclass(frozen=True, slots=True, eq=False)
class Host:
    """From samples to codes of the input's neurons, and from what was read back to values."""

    input_shape: tuple[int, ...]
    """What the user feeds, without the sample axis."""
    input_format: Format
    input_range: tuple[int, int]
    input_base: int
    input_index: NDArray[np.int32]
    """For each input neuron: the flat position of its value in a sample."""
    output_shape: tuple[int, ...]
    output_format: Format
    output_base: int
    """What is added to values sent."""
    output_index: NDArray[np.int32]
    """For each output value: the neuron that holds it, -1 for the zero point."""
    readout: Readout | None
    """How membranes become accumulators; None where spikes are read."""
    tail: tuple[str, ...]
    """Operators of the float work after the last layer."""

    def codes(self, samples: Array) -> NDArray[np.uint8]:
        """Samples (count, *input_shape), real numbers, as codes of the input's neurons."""
        flat = samples.reshape(len(samples), -1)[:, self.input_index]
        codes = self.input_format.quantize(flat).astype(np.int64)
        low, high = self.input_range
        return (np.clip(codes, low, high) - self.input_base).astype(np.uint8)

    def read(self, sent: NDArray[np.int64]) -> NDArray[np.int64]:
        """Codes (count, neurons) of the output's population, from values or membranes read."""
        if self.readout is not None:
            return self.readout.accumulators(sent)
        return sent + self.output_base

    def outputs(self, read: NDArray[np.int64]) -> NDArray[np.int32]:
        """Output codes (count, *output_shape) from those of the output's population."""
        codes = read[:, self.output_index]
        codes[:, self.output_index == NOWHERE] = self.output_format.zero_point
        return codes.astype(np.int32).reshape(len(read), *self.output_shape)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "input_shape": list(self.input_shape),
            "input_format": _format_json(self.input_format),
            "input_range": list(self.input_range),
            "input_base": self.input_base,
            "input_index": _index_json(self.input_index),
            "output_shape": list(self.output_shape),
            "output_format": _format_json(self.output_format),
            "output_base": self.output_base,
            "output_index": _index_json(self.output_index),
            "readout": _readout_json(self.readout),
            "tail": list(self.tail),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Host:
        """Reads `to_json` back.

        Raises:
            ImageError: If the data are not what `to_json` wrote.
        """
        try:
            return Host(
                tuple(data["input_shape"]),
                _format(data["input_format"]),
                (data["input_range"][0], data["input_range"][1]),
                data["input_base"],
                _index(data["input_index"]),
                tuple(data["output_shape"]),
                _format(data["output_format"]),
                data["output_base"],
                _index(data["output_index"]),
                _readout(data["readout"]),
                tuple(data["tail"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ImageError(f"the image's part for the host is damaged: {error}") from error


def host_of(network: Network) -> Host:
    """The host's part of a network.

    Raises:
        ImageError: If the model computes with its float input before it quantizes it.
    """
    graph = network.graph
    output = network.population(network.output)
    return Host(
        graph.input_shape,
        graph.input.format,
        (graph.input.low, graph.input.high),
        choose_code(graph.input).base,
        to_neurons(head_index(graph), graph.input.shape).astype(np.int32),
        graph.output.shape,
        graph.output.format,
        output.code.base if output.code else 0,
        network.output_index.ravel(),
        network.readout,
        tuple(op.op_type for op in graph.tail),
    )


def head_index(graph: Graph) -> NDArray[np.int64]:
    """Of the input tensor's shape: the flat position in a sample from which each value comes."""
    size = int(np.prod(graph.input_shape))
    # Positions are told apart by their numbers, so an operation that changes numbers shows itself.
    positions = np.arange(1, size + 1, dtype=np.float64).reshape(1, *graph.input_shape)
    moved: Array = positions
    for op in graph.head:
        moved = op.evaluate(moved)
    index = np.asarray(moved, np.float64).reshape(graph.input.shape) - 1
    if not np.array_equal(np.sort(index.ravel()), np.arange(size)):
        raise ImageError(
            f"the host computes {_names(graph.head)} before the first QuantizeLinear, "
            "which an image cannot carry",
            hint="scale the samples before they are fed, and remove these nodes from the model",
        )
    return index.astype(np.int64)


def _names(ops: Sequence[HostOp]) -> str:
    return ", ".join(f"{op.op_type} {op.name!r}" for op in ops)


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
    return None if readout is None else {"s1": readout.s1, "bias": readout.bias.tolist()}


def _readout(data: Mapping[str, Any] | None) -> Readout | None:
    if data is None:
        return None
    return Readout(float(data["s1"]), np.array(data["bias"], np.int64))


def _index_json(index: NDArray[Any]) -> list[int] | dict[str, Any]:
    """An index; the usual ones are written as what they are, since they may be long."""
    for name, make in _KNOWN.items():
        for length in (1, 3):
            if len(index) % length == 0 and np.array_equal(index, make(len(index), length)):
                return {"order": name, "channels": length, "count": len(index)}
    return [int(position) for position in index]


def _index(data: Any) -> NDArray[np.int32]:
    if isinstance(data, Mapping):
        index = _KNOWN[data["order"]](data["count"], data["channels"])
    else:
        index = np.array(data, np.int64)
    return index.astype(np.int32)


def _channels_last(count: int, channels: int) -> NDArray[np.int64]:
    """For each value of an image with its channels last: where it is with its channels first."""
    return np.arange(count).reshape(channels, -1).T.ravel()


_KNOWN = {"channels_last": _channels_last}
