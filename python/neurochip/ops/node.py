"""One ONNX node with the values of its inputs, and its meaning in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from ..formats import Array
from .reference import evaluated
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
        return evaluated(self.proto, self.opset, arrays)

    def host_op(self, position: int) -> HostOp:
        """The node as a host operation on its input at `position`; the others are constants."""
        others = tuple(
            None if n == position else self.constant(n, "input") for n in range(len(self.inputs))
        )
        evaluate = _OnHost(self.proto, self.opset, position, others)
        return HostOp(self.name, self.op_type, evaluate)


@dataclass(frozen=True, slots=True, eq=False)
class _OnHost:
    """What a node makes of one of its inputs; the others are constants."""

    proto: NodeProto
    opset: int
    position: int
    others: tuple[Array | None, ...]

    def __call__(self, array: Array) -> Array:
        """The node's first output."""
        arrays = list(self.others)
        arrays[self.position] = array
        return evaluated(self.proto, self.opset, arrays)[0]


NUMPY_TYPES = {
    TensorProto.FLOAT: np.dtype(np.float32),
    TensorProto.UINT8: np.dtype(np.uint8),
    TensorProto.INT8: np.dtype(np.int8),
}
"""The element types a model's input may have."""
