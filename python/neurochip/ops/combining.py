"""Add and Mul: two tensors, or a tensor and a constant."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..formats import Format
from ..layers import Add, Multiply
from ..layers.add import add_table
from ..layers.multiply import multiply_table
from .affine import constant_operand
from .along_axes import combined
from .builder import GraphBuilder
from .node import Node
from .pairing import PairWithConstant, constant_format, pair
from .quantization import activation_format, quantized_constant
from .values import Constant, Dequantized, Expression, QuantizedConstant, Value

TABLES = {Add: add_table, Multiply: multiply_table}


def quantized_constant_operand(node: Node, kind: type[Add] | type[Multiply]) -> Expression | None:
    """The node as onnxruntime fuses it when a view meets an 8-bit constant; None if not so."""
    position = constant_operand(node)
    if position is None:
        return None
    view, constant = node.input(1 - position), node.input(position)
    if not isinstance(view, Dequantized) or not isinstance(constant, QuantizedConstant):
        return None
    format = constant_format(constant)
    if format is None:
        return None
    return _with_codes(node, kind, view, constant, format, position)


def _with_codes(
    node: Node,
    kind: type[Add] | type[Multiply],
    view: Dequantized,
    constant: QuantizedConstant,
    format: Format,
    position: int,
) -> Expression:
    """A view and the codes at `position`."""

    def combine(view: Dequantized, column: NDArray[Any]) -> PairWithConstant:
        levels = column.ravel().astype(int)
        return PairWithConstant(node, TABLES[kind], view, format, levels, position == 0)

    return combined(node, 1 if position == 0 else 0, view, constant.codes, combine)


def qlinear(node: Node, builder: GraphBuilder, kind: type[Add] | type[Multiply]) -> Value:
    """QLinearAdd or QLinearMul: (a, scale, zero point, b, scale, zero point, scale, zero point)."""
    output = activation_format(node, 6, 7)
    for position in (0, 3):
        constant = node.input(position)
        if isinstance(constant, Constant):
            other = 3 - position
            view = Dequantized(builder.codes_as(node, other, other + 1, other + 2))
            codes = quantized_constant(node, constant.array, position + 1, position + 2, 0)
            format = constant_format(codes)
            if format is not None:
                merged = _with_codes(node, kind, view, codes, format, position)
                return builder.quantized(merged, node, output)
    first = Dequantized(builder.codes_as(node, 0, 1, 2))
    second = Dequantized(builder.codes_as(node, 3, 4, 5))
    return builder.quantized(pair(node, builder, kind, first, second), node, output)
