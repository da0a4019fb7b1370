"""Split along an axis other than that of the samples."""

from __future__ import annotations

from dataclasses import replace

from onnx import NodeProto

from .builder import GraphBuilder, unquantized
from .movement import numbered_samples, rearrange, within_sample
from .node import Node
from .registry import onnx_op
from .values import Constant, QuantizedConstant, Refusal, Unknown, Value


@onnx_op("Split")
def split(node: Node, builder: GraphBuilder) -> tuple[Value, ...]:
    """Reads each part as a selection of its own."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal(unquantized(node, 0))
    others = [node.constant(n, "input") for n in range(1, len(node.inputs))]
    parts = []
    results = node.evaluate([numbered_samples(value.shape), *others])
    for name, moved in zip(node.proto.output, results, strict=True):
        proto = NodeProto()
        proto.CopyFrom(node.proto)
        proto.name = str(name)
        proto.output[:] = [name]
        part = replace(node, proto=proto)
        parts.append(rearrange(part, builder, value, within_sample(moved, value.shape)))
    return tuple(parts)
