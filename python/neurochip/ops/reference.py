"""Reference: what a node computes, by ONNX's own implementation, in the opset of its model.

That implementation has the newest meaning of Softmax and LogSoftmax, and the newest form of
Unsqueeze:
nodes of older opsets are brought into these.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from onnx import NodeProto, helper

from ..formats import Array
from .values import Refusal

NEWEST = 13
"""From this opset on these operators are what they are today."""


def evaluated(node: NodeProto, opset: int, arrays: Sequence[Array | None]) -> tuple[Array, ...]:
    """What a node computes of its inputs; None stands for one that is left out.

    Raises:
        Refusal: If they do not fit the operator.
    """
    if opset < NEWEST and node.op_type in ("Softmax", "LogSoftmax") and arrays[0] is not None:
        return (_of_rows(node, arrays[0]),)
    if opset < NEWEST and node.op_type == "Unsqueeze":
        node, opset, arrays = _without_attributes(node), NEWEST, [arrays[0], _axes(node)]
    return _run(node, opset, arrays)


def _of_rows(node: NodeProto, array: Array) -> Array:
    """Softmax before opset 13: over everything from its axis on, 1 unless given."""
    axis = int(_attribute(node, "axis", 1))
    axis = axis + array.ndim if axis < 0 else axis
    today = helper.make_node(node.op_type, ["rows"], ["result"], axis=1)
    rows = array.reshape(prod(array.shape[:axis]), -1)
    return _run(today, NEWEST, [rows])[0].reshape(array.shape)


def _axes(node: NodeProto) -> Array:
    """The axes of an Unsqueeze before opset 13, which are an attribute there."""
    return np.array(_attribute(node, "axes", []), np.int64)


def _attribute(node: NodeProto, name: str, default: Any) -> Any:
    found = (each for each in node.attribute if each.name == name)
    return next((helper.get_attribute_value(each) for each in found), default)


def _without_attributes(node: NodeProto) -> NodeProto:
    return helper.make_node(node.op_type, ["data", "axes"], list(node.output), node.name)


def _run(node: NodeProto, opset: int, arrays: Sequence[Array | None]) -> tuple[Array, ...]:
    from onnx.reference import ReferenceEvaluator  # slow to import: only who folds needs it

    names = [f"i{n}" if array is not None else "" for n, array in enumerate(arrays)]
    proto = NodeProto()
    proto.CopyFrom(node)
    proto.domain = ""  # com.microsoft's QuantizeLinear and DequantizeLinear are ONNX's own
    del proto.input[:]
    proto.input.extend(names)
    feeds = {name: array for name, array in zip(names, arrays, strict=True) if array is not None}
    try:
        results = ReferenceEvaluator(proto, opsets={"": opset}).run(None, feeds)
    except Exception as error:  # whatever a malformed node makes the reference raise
        raise Refusal(f"it does not fit samples of its input's shape: {error}") from None
    return tuple(np.asarray(result) for result in results)
