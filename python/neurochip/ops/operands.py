"""What an operator does to one value: a function, a clamp, or a constant operand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from ..layers import Rearrange
from .axes import over_one_sample
from .expressions import Clamped, Pointwise
from .node import GraphBuilder, Node, unquantized
from .values import (
    Codes,
    Constant,
    Dequantized,
    Expression,
    Feed,
    Hosted,
    HostOp,
    LayerBuilder,
    QuantizedConstant,
    Refusal,
    Shape,
    Target,
    Unknown,
    Value,
)
from .weighted_sum import Fold, folded

Function = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def apply(node: Node, builder: GraphBuilder, position: int, function: Function) -> Value:
    """The node as a table over the codes of its input at `position`."""
    value = node.input(position)
    if isinstance(value, (Feed, Hosted)):
        return builder.host(node, position)
    if isinstance(value, Dequantized):
        return Pointwise(value, function, (node.host_op(position),), node.name)
    if isinstance(value, Pointwise):
        inner = value.function
        ops = (*value.host_ops, node.host_op(position))
        return Pointwise(value.view, lambda row: function(inner(row)), ops, node.name)
    raise Refusal(unquantized(node, position))


def clamp(node: Node, builder: GraphBuilder, low: float, high: float, position: int = 0) -> Value:
    """The node as a clamp of its input at `position`, which rounding commutes with."""
    value = node.input(position)
    if isinstance(value, (Feed, Hosted, Dequantized, Pointwise)):
        bounds = np.float32(low), np.float32(high)
        return apply(node, builder, position, lambda row: np.clip(row, *bounds))
    if value is None or isinstance(value, (Constant, QuantizedConstant, Codes, Unknown)):
        raise Refusal(unquantized(node, position))
    return Clamped(value, low, high, node.host_op(position))


def along_channels(node: Node, array: NDArray[np.generic], shape: Shape) -> NDArray[np.float32]:
    """A constant operand as a column of one number per channel, or of one in all.

    Raises:
        Refusal: If it varies along another axis.
    """
    if array.size == 1 and array.ndim <= len(shape) + 1:
        return array.reshape(1, 1).astype(np.float32)
    full = (1,) * (len(shape) + 1 - array.ndim) + array.shape
    if (
        len(full) == len(shape) + 1
        and all(length == 1 for axis, length in enumerate(full) if axis != 1)
        and full[1] == shape[0]
    ):
        return array.reshape(-1, 1).astype(np.float32)
    raise Refusal(
        f"its constant of shape {list(array.shape)} is not one number per channel "
        f"of a value of shape {list(shape)}"
    )


Column = NDArray[np.float32]
"""One number per channel, or one in all."""


def constant_operand(node: Node) -> int | None:
    """Which of two inputs is constant; None if neither is."""
    for position in (1, 0):
        if isinstance(node.input(position), (Constant, QuantizedConstant)):
            return position
    return None


def with_constant(
    node: Node,
    builder: GraphBuilder,
    position: int,
    function: Callable[[Column], Function],
    fold: Fold | None,
) -> Value:
    """A function of a value and the constant at `position`.

    Args:
        node: The node, of two inputs.
        builder: The graph under construction.
        position: Which input is the constant.
        function: From the constant to the function of one value.
        fold: How a weighted sum absorbs the constant, if it can.
    """
    other = 1 - position
    value = node.input(other)
    if isinstance(value, (Feed, Hosted)):
        return builder.host(node, other)
    array = node.required(position, "operand")
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal(unquantized(node, other))
    if not np.isfinite(array).all():
        raise Refusal("its constant holds numbers that are not finite")
    if isinstance(value, Dequantized):
        return combined(
            node,
            other,
            value,
            array.astype(np.float32),
            lambda view, column: Pointwise(
                view, function(column), (node.host_op(other),), node.name
            ),
        )
    absorbed = None if fold is None else folded(value, array, fold)
    if absorbed is not None:
        return absorbed
    return apply(node, builder, other, function(along_channels(node, array, value.shape)))


Index: TypeAlias = "NDArray[np.int32]"
Combine: TypeAlias = "Callable[[Dequantized, NDArray[Any]], Expression]"
"""From a view and a column, one number per channel or one in all, to what they make."""
MAX_ROWS = 4096
"""Tables of one layer: each takes a row of as many entries as there are codes."""


@dataclass(frozen=True, slots=True, eq=False)
class AlongAxes:
    """What a view and a constant make of each other, channels being other axes in between."""

    node: Node
    position: int
    """Of the view among the node's inputs."""
    view: Dequantized
    order: Index
    """(channels, others, 1): the position in the view of each value in between."""
    column: NDArray[Any]
    combine: Combine

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return self.view.shape

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Moves the axes to the front, adds the tables, and moves the axes back."""
        source, name = self.view.tensor, self.node.name
        moved = Tensor(
            f"{name}_channels_first", self.order.shape, source.format, source.low, source.high
        )
        first = builder.emit(Rearrange(f"{name}_channels_first", (source,), moved, self.order))
        inner = Target(f"{name}_along_axes", target.format, target.low, target.high)
        made = self.combine(Dequantized(first), self.column).quantize(builder, inner)
        back = np.argsort(self.order, axis=None).astype(np.int32).reshape(self.shape)
        output = Tensor(target.name, self.shape, made.format, made.low, made.high)
        return builder.emit(Rearrange(f"{name}_channels_last", (made,), output, back))

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Leaves the operation to the host."""
        return self.view.tensor, (self.node.host_op(self.position),)


def combined(
    node: Node, position: int, view: Dequantized, array: NDArray[Any], combine: Combine
) -> Expression:
    """What `combine` makes of a view, at `position` among the node's inputs, and a constant.

    Raises:
        Refusal: If the constant does not broadcast to samples of the view, or varies along axes
            that would need too many tables.
    """
    try:
        return combine(view, along_channels(node, array, view.shape))
    except Refusal:
        order = _order(array, view.shape)
        if order is None:
            raise
    return AlongAxes(node, position, view, order, array.reshape(-1, 1), combine)


def _order(array: NDArray[Any], shape: Shape) -> Index | None:
    """The positions of samples of this shape, those axes first along which the array varies."""
    own = over_one_sample(array, shape)
    if own is None or array.size > MAX_ROWS:
        return None
    axes = [axis for axis, length in enumerate(own) if length > 1]
    order = np.arange(prod(shape), dtype=np.int32).reshape(shape)
    moved = np.moveaxis(order, axes, range(len(axes)))
    return np.ascontiguousarray(moved).reshape(array.size, -1, 1)
