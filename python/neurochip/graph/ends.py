"""Layers that were left in float at either end of a network: they are work of the host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from onnx import NodeProto

from ..ops.builder import Builder
from ..ops.node import Node
from ..ops.values import (
    Codes,
    Constant,
    Feed,
    Hosted,
    QuantizedConstant,
    Unknown,
    Value,
    View,
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


def quantizes(node: NodeProto) -> bool:
    """Whether an operator has to do with codes."""
    return "Quant" in node.op_type or node.op_type.startswith(("QLinear", "QGemm"))


def float_ends(nodes: Sequence[NodeProto]) -> frozenset[str]:
    """The tensors, by name, behind which nothing has to do with codes.

    In front of a QuantizeLinear onnxruntime quantizes real weights itself, and not as they are.

    Args:
        nodes: Each after those it reads from.
    """
    readers: dict[str, list[NodeProto]] = defaultdict(list)
    ends: set[str] = set()
    for node in reversed(nodes):
        following = [each for tensor in node.output for each in readers[tensor]]
        if all(each.output[0] in ends and not quantizes(each) for each in following):
            ends.update(node.output)
        for tensor in node.input:
            readers[tensor].append(node)
    return frozenset(ends)


def on_host(node: Node, builder: Builder, ends: frozenset[str]) -> Value | None:
    """The node as float work on the host, where it is such; None where it is a layer.

    Before the first QuantizeLinear it is where its constants are real numbers; behind a layer of
    the chip, where they are and no codes follow.
    """
    if node.op_type not in ON_HOST or any(node.proto.output[1:]):
        return None
    computed = [n for n, value in enumerate(node.inputs) if not isinstance(value, Constant | None)]
    if len(computed) != 1:
        return None
    value = node.inputs[computed[0]]
    if value is None or isinstance(value, (Constant, Codes, QuantizedConstant, Unknown)):
        return None
    if not isinstance(value, (Feed, Hosted)) and not _ends_in_float(node, value, builder, ends):
        return None
    if node.op_type in WEIGHTED:
        builder.note(
            f"{node.name!r} was left in float: the host computes it, and neither its time nor its "
            "energy is counted; onnxruntime may sum in another order"
        )
    return builder.host(node, computed[0])


def _ends_in_float(node: Node, value: Value, builder: Builder, ends: frozenset[str]) -> bool:
    """Whether this is the first layer of a float end, behind a layer of the chip."""
    if node.op_type not in WEIGHTED or node.output_name not in ends:
        return False
    return not (isinstance(value, View) and value.tensor == builder.input)
