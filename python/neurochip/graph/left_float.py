"""Layers that were left in float: work of the host at either end, quantized between codes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from onnx import NodeProto

from ..formats import Array
from ..ops.node import GraphBuilder, Node
from ..ops.values import (
    Codes,
    Constant,
    Dequantized,
    Feed,
    Hosted,
    QuantizedConstant,
    Unknown,
    Value,
)

WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})
ON_HOST = WEIGHTED | {
    "AveragePool",
    "BatchNormalization",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "MaxPool",
    "ReduceMean",
}
"""Operators that are layers elsewhere, and real arithmetic between real numbers."""


COMMUTING = frozenset({"Clip", "Flatten", "MaxPool", "Relu", "Reshape", "Transpose"})
"""Operators through which a QuantizeLinear moves."""


def quantizes(node: NodeProto) -> bool:
    """Whether an operator has to do with codes."""
    return "Quant" in node.op_type or node.op_type.startswith(("QLinear", "QGemm"))


class LeftFloat:
    """What follows each tensor of a model, which decides about the real weights before it."""

    def __init__(self, nodes: Sequence[NodeProto]) -> None:
        """Looks at the nodes, each of which comes after those it reads from."""
        self._ends: set[str] = set()
        """The tensors after which nothing has to do with codes."""
        self._rounded: set[str] = set()
        """The tensors that are rounded next, perhaps clamped or moved before."""
        self._dequantized = {
            tensor for node in nodes for tensor in node.output if node.op_type == "DequantizeLinear"
        }
        readers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in reversed(nodes):
            following = [each for tensor in node.output for each in readers[tensor]]
            if all(each.output[0] in self._ends and not quantizes(each) for each in following):
                self._ends.update(node.output)
            if following and all(self._rounds(each) for each in following):
                self._rounded.update(node.output)
            for tensor in node.input:
                readers[tensor].append(node)

    def on_host(self, node: Node, builder: GraphBuilder) -> Value | None:
        """The node as float work on the host, where it is such; None where it is a layer.

        Before the first QuantizeLinear it is where its constants are real numbers; after a layer
        of the chip, where they are and no codes follow.
        """
        position = _only_real_input(node)
        if node.op_type not in ON_HOST or position is None:
            return None
        value = node.inputs[position]
        if not isinstance(value, (Feed, Hosted)) and not self._ends_in_float(node, value, builder):
            return None
        if node.op_type in WEIGHTED:
            builder.note(
                f"{node.name!r} was left in float: the host computes it, and neither its time nor "
                "its energy is counted; onnxruntime may sum in another order"
            )
        return builder.host(node, position)

    def behind_codes(self, node: Node, builder: GraphBuilder) -> Value | None:
        """The node as float work after the last layer, where it is such, whatever it computes."""
        position = _only_real_input(node)
        if node.output_name not in self._ends or position is None:
            return None
        value = node.inputs[position]
        is_input = isinstance(value, Dequantized) and value.tensor is builder.input
        if is_input or isinstance(value, (Feed, Hosted)):
            return None
        return builder.host(node, position)

    def with_codes(self, node: Node, builder: GraphBuilder) -> Node:
        """The node with its real weights as codes, if onnxruntime's optimizer quantizes them.

        It (1.31) does so to a Conv or Gemm between a DequantizeLinear and a QuantizeLinear: int8
        with one scale and one zero point, which reach from the smallest to the largest weight.
        """
        if node.op_type not in ("Conv", "Gemm") or node.output_name not in self._rounded:
            return node
        source, weights = node.input(0), node.input(1)
        if not isinstance(source, Dequantized) or not isinstance(weights, Constant):
            return node
        if node.input_name(0) not in self._dequantized:
            return node
        if not weights.array.size or not np.isfinite(weights.array).all():
            return node
        builder.note(
            f"{node.name!r} was left in float between codes: its weights have 8 bits here, as "
            "onnxruntime's optimizer quantizes them"
        )
        return replace(node, inputs=(source, _codes(weights.array), *node.inputs[2:]))

    def _rounds(self, node: NodeProto) -> bool:
        if node.op_type in COMMUTING:
            return node.output[0] in self._rounded
        return node.op_type == "QuantizeLinear"

    def _ends_in_float(self, node: Node, value: Value | None, builder: GraphBuilder) -> bool:
        """Whether this is the first layer of a float end, after a layer of the chip."""
        if node.op_type not in WEIGHTED or node.output_name not in self._ends:
            return False
        return not (isinstance(value, Dequantized) and value.tensor is builder.input)


def _only_real_input(node: Node) -> int | None:
    """Where a node reads real numbers that are computed, if its other inputs are constants.

    None if it reads anything else, or has more than one result.
    """
    computed = [
        position
        for position, value in enumerate(node.inputs)
        if not isinstance(value, Constant | None)
    ]
    if len(computed) != 1 or any(node.proto.output[1:]):
        return None
    (position,) = computed
    is_real = not isinstance(node.inputs[position], (Codes, QuantizedConstant, Unknown))
    return position if is_real else None


def _codes(weights: Array) -> QuantizedConstant:
    """Weights as int8 with the scale and zero point that onnxruntime's optimizer gives them."""
    low, high = np.float32(min(weights.min(), 0)), np.float32(max(weights.max(), 0))
    scale = np.float32((high - low) / np.float32(255)) or np.float32(1)
    zero_point = int(np.clip(np.rint(np.float32(-128) - low / scale), -128, 127))
    codes = np.clip(np.rint(weights / scale) + zero_point, -128, 127).astype(np.int16)
    return QuantizedConstant(codes, 8, True, scale.reshape(1), np.array([zero_point], np.int64), 0)
