"""Max and Min of a value and constants."""

from __future__ import annotations

from functools import partial

import numpy as np

from .affine import Column, with_constant
from .builder import GraphBuilder, unquantized
from .node import Node
from .pointwise import Function, clamp
from .registry import onnx_op
from .values import Constant, Feed, Hosted, QuantizedConstant, Refusal, Shape, Unknown, Value


@onnx_op("Max", "Min")
def extreme(node: Node, builder: GraphBuilder) -> Value:
    """Reads the larger or the smaller of a value and a constant, one or one per channel."""
    if len(node.inputs) == 1:
        (value,) = node.inputs
        if value is None:
            raise Refusal("an input is missing")
        return value
    known = [isinstance(each, (Constant, QuantizedConstant)) for each in node.inputs]
    if len(node.inputs) != 2 or sum(known) != 1:
        raise Refusal(
            f"it compares {known.count(False)} tensors with {known.count(True)} constants; one "
            "with one is supported"
        )
    constant = known.index(True)
    value, array = node.input(1 - constant), node.required(constant, "operand")
    if isinstance(value, Unknown) or value is None:
        raise Refusal(unquantized(node, 1 - constant))
    is_one = array.size == 1 and array.ndim <= len(_shape(value)) + 1
    if isinstance(value, (Feed, Hosted)) or not is_one:
        return with_constant(node, builder, constant, partial(_with_bounds, node.op_type), None)
    bound = float(array.ravel()[0])
    low, high = (bound, np.inf) if node.op_type == "Max" else (-np.inf, bound)
    return clamp(node, builder, low, high, 1 - constant)


def _shape(value: Value) -> Shape:
    assert not isinstance(value, (Constant, QuantizedConstant, Unknown)), "it is computed"
    return value.shape


def _with_bounds(op_type: str, bounds: Column) -> Function:
    choose = np.maximum if op_type == "Max" else np.minimum
    return lambda row: np.asarray(choose(row, bounds))
