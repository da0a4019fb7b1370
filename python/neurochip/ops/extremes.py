"""Max and Min of a value and constants."""

from __future__ import annotations

from functools import partial

import numpy as np

from .affine import Column, with_constant
from .builder import Builder
from .node import Node
from .pointwise import Function, clamp
from .registry import onnx_op
from .values import Constant, QuantizedConstant, Refusal, Value


@onnx_op("Max", "Min")
def extreme(node: Node, builder: Builder) -> Value:
    """Reads the larger or the smaller of a value and a constant, one or one per channel."""
    if len(node.inputs) == 1:
        (value,) = node.inputs
        if value is None:
            raise Refusal("an input is missing")
        return value
    known = [isinstance(each, (Constant, QuantizedConstant)) for each in node.inputs]
    if len(node.inputs) != 2 or sum(known) != 1:
        raise Refusal(
            f"it compares {known.count(False)} tensors and {known.count(True)} constants; one "
            "tensor and one constant are supported"
        )
    constant = known.index(True)
    array = node.required(constant, "operand")
    if array.size == 1:
        bound = float(array.ravel()[0])
        low, high = (bound, np.inf) if node.op_type == "Max" else (-np.inf, bound)
        return clamp(node, builder, low, high, 1 - constant)
    return with_constant(node, builder, constant, partial(_with_bounds, node.op_type), None)


def _with_bounds(op_type: str, bounds: Column) -> Function:
    choose = np.maximum if op_type == "Max" else np.minimum
    return lambda row: np.asarray(choose(row, bounds))
