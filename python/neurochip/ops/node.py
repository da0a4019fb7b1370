"""One ONNX node with the values of its inputs, and its meaning in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from ..formats import Array
from .values import Constant, HostOp, QuantizedConstant, Refusal, Value

CONSTANT_BYTES_LIMIT = 1 << 28
"""The largest array constant folding may make."""


@dataclass(frozen=True)
class Node:
    """One node of the graph being read."""

    proto: NodeProto
    opset: int
    inputs: tuple[Value | None, ...]
    """None for an optional input that is left out."""

    @property
    def name(self) -> str:
        """The node's name, or its first output's where it has none."""
        return self.proto.name or self.proto.output[0]

    @property
    def op_type(self) -> str:
        """The operator, with its domain in front unless it is ONNX's own."""
        domain = self.proto.domain
        return (
            f"{domain}.{self.proto.op_type}"
            if domain not in ("", "ai.onnx")
            else self.proto.op_type
        )

    @property
    def output_name(self) -> str:
        """The first output's name."""
        return str(self.proto.output[0])

    @cached_property
    def attributes(self) -> Mapping[str, Any]:
        """Attributes by name, as Python values."""
        values = {a.name: helper.get_attribute_value(a) for a in self.proto.attribute}
        return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}

    def input(self, position: int) -> Value | None:
        """The value at a position, None if it is left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def input_name(self, position: int) -> str:
        """The name of the tensor at a position."""
        return str(self.proto.input[position])

    def constant(self, position: int, what: str) -> Array | None:
        """The numbers at a position, None if it is left out.

        Raises:
            Refusal: If they are not known at import.
        """
        value = self.input(position)
        if value is None:
            return None
        if isinstance(value, Constant):
            return value.array
        if isinstance(value, QuantizedConstant):
            return value.real
        raise Refusal(f"its {what} {self.input_name(position)!r} is computed, not constant")

    def required(self, position: int, what: str) -> Array:
        """The numbers at a position that may not be left out."""
        array = self.constant(position, what)
        if array is None:
            raise Refusal(f"it has no {what}")
        return array

    def evaluate(self, arrays: Sequence[Array | None]) -> tuple[Array, ...]:
        """What the node computes, by ONNX's own reference implementation."""
        from onnx.reference import ReferenceEvaluator  # slow to import: only who folds needs it

        names = [f"i{n}" if array is not None else "" for n, array in enumerate(arrays)]
        proto = NodeProto()
        proto.CopyFrom(self.proto)
        proto.domain = ""  # com.microsoft's QuantizeLinear and DequantizeLinear are ONNX's own
        del proto.input[:]
        proto.input.extend(names)
        feeds = {
            name: array for name, array in zip(names, arrays, strict=True) if array is not None
        }
        try:
            results = ReferenceEvaluator(proto, opsets={"": self.opset}).run(None, feeds)
        except Exception as error:  # whatever a malformed node makes the reference raise
            raise Refusal(f"it does not fit samples of its input's shape: {error}") from None
        return tuple(np.asarray(result) for result in results)

    def host_op(self, position: int) -> HostOp:
        """The node as a host operation on its input at `position`; the others are constants."""
        others = [
            None if n == position else self.constant(n, "input") for n in range(len(self.inputs))
        ]

        def evaluate(array: Array) -> Array:
            arrays = [array if n == position else other for n, other in enumerate(others)]
            return self.evaluate(arrays)[0]

        return HostOp(self.name, self.op_type, evaluate)


NUMPY_TYPES = {
    TensorProto.FLOAT: np.dtype(np.float32),
    TensorProto.UINT8: np.dtype(np.uint8),
    TensorProto.INT8: np.dtype(np.int8),
}
"""The element types a model's input may have."""
