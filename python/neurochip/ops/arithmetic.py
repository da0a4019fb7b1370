"""Add, Sub, Mul and Div: of two tensors, or of a tensor and a constant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..formats import Format, Tensor
from ..layers import Add, Multiply
from ..layers.add import add_table
from ..layers.multiply import multiply_table
from .movement import rearrange
from .node import GraphBuilder, Node, activation_format, quantized_constant
from .operands import combined, constant_operand, with_constant
from .registry import onnx_op
from .values import (
    Constant,
    Dequantized,
    Expression,
    HostOp,
    LayerBuilder,
    QuantizedConstant,
    Refusal,
    Shape,
    Target,
    Value,
)

PairTable: TypeAlias = "Callable[[Format, Format, Format], NDArray[np.int32]]"
"""Output codes of all pairs, from both input formats and the output's."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two views of one shape, combined value by value."""

    node: Node
    make: Callable[[str, tuple[Tensor, Tensor], Tensor], Add | Multiply]
    """The layer, of its name, its inputs and its output."""
    first: Dequantized
    second: Dequantized

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return self.first.shape

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Adds the layer."""
        inputs = (self.first.tensor, self.second.tensor)
        builder.note_float(self.node.name, inputs[0].format, inputs[1].format, target.format)
        return builder.emit(self.make(self.node.name, inputs, target.tensor(self.shape)))

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Refuses: two tensors cannot leave the chip as one."""
        raise Refusal("its result is never quantized; end the network with a QuantizeLinear here")


@dataclass(frozen=True, slots=True, eq=False)
class PairWithConstant:
    """A view combined with quantized constants, one per channel or one in all."""

    node: Node
    table: PairTable
    view: Dequantized
    constant: Format
    codes: NDArray[np.int64]
    constant_first: bool

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return self.view.shape

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Adds the rows of the pair table that the constants select."""
        source = self.view.tensor
        selected = self.codes - self.constant.qmin
        if self.constant_first:
            rows = self.table(self.constant, source.format, target.format)[selected]
        else:
            rows = self.table(source.format, self.constant, target.format)[:, selected].T
        return builder.emit_table(self.node.name, source, rows, target)

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Leaves the operation to the host."""
        return self.view.tensor, (self.node.host_op(1 if self.constant_first else 0),)


def pair(
    node: Node,
    builder: GraphBuilder,
    make: Callable[[str, tuple[Tensor, Tensor], Tensor], Add | Multiply],
    first: Dequantized,
    second: Dequantized,
) -> Pair:
    """Combines two views, spreading the smaller one over the larger."""
    try:
        shape = np.broadcast_shapes(first.shape, second.shape)
    except ValueError:
        raise Refusal(
            f"shapes {list(first.shape)} and {list(second.shape)} do not broadcast"
        ) from None
    if len(first.shape) != len(second.shape):
        raise Refusal("its inputs have different numbers of axes, so samples would mix")
    return Pair(
        node, make, _spread(node, builder, first, shape), _spread(node, builder, second, shape)
    )


def constant_format(value: QuantizedConstant) -> Format | None:
    """The format of a constant that QLinearAdd or QLinearMul could read, if it is one."""
    if value.bits > 8 or not value.per_tensor:
        return None
    scale = value.scale[0].reshape(())
    return Format(value.bits, value.signed, scale, int(value.zero_point[0]))


def _spread(node: Node, builder: GraphBuilder, view: Dequantized, shape: Shape) -> Dequantized:
    if view.shape == shape:
        return view
    order = np.arange(int(np.prod(view.shape)), dtype=np.int32).reshape(view.shape)
    index = np.ascontiguousarray(np.broadcast_to(order, shape))
    spread = rearrange(node, builder, view, index)
    if not isinstance(spread, Dequantized):
        raise AssertionError("a moved view is a view")
    return spread


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


@onnx_op("Add")
def add(node: Node, builder: GraphBuilder) -> Value:
    """Reads the sum of two quantized tensors, or of one value and a constant."""
    position = constant_operand(node)
    if position is None:
        return pair(node, builder, Add, builder.view(node, 0), builder.view(node, 1))
    fused = quantized_constant_operand(node, Add)
    if fused is not None:
        return fused
    return with_constant(
        node,
        builder,
        position,
        lambda column: lambda row: row + column,
        lambda total, offset: total.shifted(offset, builder, node.name),
    )


@onnx_op("Sub")
def sub(node: Node, builder: GraphBuilder) -> Value:
    """Reads the difference of two quantized tensors, value - constant and constant - value."""
    position = constant_operand(node)
    if position is None:
        first, second = builder.view(node, 0), builder.view(node, 1)
        builder.note(
            f"{node.name!r}: the difference of two tensors is rounded once, as QLinearAdd rounds a "
            "sum; onnxruntime computes it in float32, which differs by one level in ties"
        )
        return pair(node, builder, partial(Add, sign=-1), first, second)
    if position == 1:
        return with_constant(
            node,
            builder,
            1,
            lambda column: lambda row: row - column,
            lambda total, offset: total.shifted(-offset, builder, node.name),
        )
    minus = np.array([-1.0])
    return with_constant(
        node,
        builder,
        0,
        lambda column: lambda row: column - row,
        lambda total, offset: total.scaled(minus, node.name, builder).shifted(
            offset, builder, node.name
        ),
    )


@onnx_op("Mul")
def mul(node: Node, builder: GraphBuilder) -> Value:
    """Reads the product of two quantized tensors, or of one value and a constant."""
    position = constant_operand(node)
    if position is None:
        return pair(node, builder, Multiply, builder.view(node, 0), builder.view(node, 1))
    fused = quantized_constant_operand(node, Multiply)
    if fused is not None:
        return fused
    return with_constant(
        node,
        builder,
        position,
        lambda column: lambda row: row * column,
        lambda total, gain: total.scaled(gain, node.name, builder),
    )


@onnx_op("Div")
def div(node: Node, builder: GraphBuilder) -> Value:
    """Reads value / constant."""
    if constant_operand(node) != 1:
        raise Refusal("only division by a constant is known")
    return with_constant(
        node,
        builder,
        1,
        lambda column: lambda row: row / column,
        lambda total, divisor: total.scaled(1 / divisor, node.name, builder),
    )


@onnx_op("com.microsoft.QLinearAdd")
def qlinear_add(node: Node, builder: GraphBuilder) -> Value:
    """Reads a sum from codes to codes."""
    return qlinear(node, builder, Add)


@onnx_op("com.microsoft.QLinearMul")
def qlinear_mul(node: Node, builder: GraphBuilder) -> Value:
    """Reads a product from codes to codes."""
    return qlinear(node, builder, Multiply)
