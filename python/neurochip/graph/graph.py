"""The type Graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..formats import Array, Tensor
from ..layers import Layer
from ..ops.values import HostOp
from ..reprs import counted, named


@dataclass(frozen=True, slots=True)
class Output:
    """A result that the host reads from the chip, and what it does with it."""

    name: str
    tensor: Tensor
    tail: tuple[HostOp, ...] = ()

    def finish(self, codes: Array) -> Array:
        """The model's output, (samples, ...), for the codes of its tensor."""
        real: Array = self.tensor.format.dequantize(codes)
        for op in self.tail:
            real = op.evaluate(real)
        return real


@dataclass(frozen=True)
class Graph:
    """A quantized network: float work on the host, integer layers, float work on the host."""

    name: str
    input: Tensor
    input_shape: tuple[int, ...]
    """What the user feeds, without the sample axis; `head` may reshape it."""
    head: tuple[HostOp, ...]
    layers: tuple[Layer, ...]
    """In an order in which every layer comes after those it reads."""
    outputs: tuple[Output, ...]
    """One or more; the first is the one that answers are taken from."""
    notes: tuple[str, ...]
    """Where onnxruntime itself computes in float, or a number had to be rounded at import."""
    integers: tuple[int, int] | None = None
    """The smallest and the largest integer of the model's input; None if it is float32."""

    def __repr__(self) -> str:
        return (
            f"Graph({named(self.name)}, {counted(len(self.layers), 'layer')}, "
            f"{list(self.input_shape)} to {list(self.output.shape)})"
        )

    @property
    def output(self) -> Tensor:
        """The tensor of the first output."""
        return self.outputs[0].tensor

    @property
    def tail(self) -> tuple[HostOp, ...]:
        """What the host does with the first output."""
        return self.outputs[0].tail

    def quantize(self, real: Array) -> Array:
        """The codes of the network's input for samples of the model's input.

        Raises:
            InputError: If the samples do not have the model's shape.
        """
        if real.shape[1:] != self.input_shape:
            raise InputError(
                f"samples have shape {list(real.shape[1:])}, the model takes "
                f"{list(self.input_shape)}"
            )
        codes = self.input.format.quantize(self.real(real))
        return np.clip(codes, self.input.low, self.input.high)

    def real(self, samples: Array) -> Array:
        """What the first QuantizeLinear gets for samples of the model's input."""
        for op in self.head:
            samples = op.evaluate(samples)
        return samples

    def evaluate(self, codes: Array) -> dict[str, Array]:
        """The codes of every tensor by name, in exact integers.

        Args:
            codes: Codes of the input, from `quantize`.
        """
        tensors = {self.input.name: codes}
        for layer in self.layers:
            sources = [tensors[tensor.name] for tensor in layer.inputs]
            tensors[layer.output.name] = layer.evaluate(*sources)
        return tensors

    def finish(self, codes: Array) -> Array:
        """The model's first output for the codes of its tensor."""
        return self.outputs[0].finish(codes)
