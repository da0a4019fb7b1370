"""Operators that only compute shapes and other constants: supported where they fold away."""

from __future__ import annotations

from math import prod

import numpy as np

from ..formats import Array
from .node import CONSTANT_BYTES_LIMIT, GraphBuilder, Node
from .registry import onnx_op
from .values import Constant, Refusal, Value

FOLDED = (
    "Constant",
    "ConstantOfShape",
    "Equal",
    "Expand",
    "Floor",
    "Range",
    "ReduceProd",
    "Size",
    "Sqrt",
    "Tile",
    "Where",
)
"""Operators that are nothing but constants here."""


def fold(node: Node) -> tuple[Value, ...]:
    """What a node computes from constants."""
    arrays = [node.constant(n, "input") for n in range(len(node.inputs))]
    size = _result_bytes(node, arrays)
    if size > CONSTANT_BYTES_LIMIT:
        raise Refusal(f"it would make a constant of {size} bytes, limit {CONSTANT_BYTES_LIMIT}")
    return tuple(Constant(array) for array in node.evaluate(arrays))


def _result_bytes(node: Node, arrays: list[Array | None]) -> int:
    """An upper estimate of what the node allocates, from its inputs alone."""
    first, *others = [array for array in arrays if array is not None] or [np.zeros(1)]
    if node.op_type == "ConstantOfShape":
        return 8 * int(np.prod(first.astype(object)))
    if node.op_type in ("Expand", "Tile") and others:
        return first.nbytes * int(np.prod(others[0].astype(object)))
    if node.op_type in ("Resize", "Upsample"):
        return _resized_bytes(node, first, others)
    if node.op_type == "Pad":
        pads = others[0].ravel() if others else node.attributes.get("pads", ())
        added = sum(max(0, int(width)) for width in pads)
        return int(first.itemsize * prod(length + added for length in first.shape))
    if node.op_type == "Range" and len(others) == 2:
        with np.errstate(all="ignore"):  # what is no number is a refusal
            return 8 * abs(int((others[0] - first) / others[1]))
    return 0


def _resized_bytes(node: Node, first: Array, others: list[Array]) -> int:
    """The same of a Resize, whose scales or sizes are the last of its inputs."""
    given = others[-1] if others else np.asarray(node.attributes.get("scales", [1.0]))
    factor = float(np.prod(given.astype(np.float64)))
    is_sizes = len(others) > 2
    return int(first.itemsize * min(factor * (1 if is_sizes else first.size), 2.0**62))


@onnx_op(*FOLDED)
def constant(node: Node, builder: GraphBuilder) -> Value:
    """Refuses what did not fold: one of its inputs is computed from the model's input."""
    for position in range(len(node.inputs)):
        node.constant(position, "input")
    raise Refusal("it is supported only where all its inputs are constant")
