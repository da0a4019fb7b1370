"""Constants that vary along other axes than the channels: those axes become the channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from ..layers import Rearrange
from .node import Node
from .pointwise import along_channels, over_one_sample
from .values import Dequantized, Expression, HostOp, LayerBuilder, Refusal, Shape, Target

Index: TypeAlias = "NDArray[np.int32]"
Combine: TypeAlias = "Callable[[Dequantized, NDArray[Any]], Expression]"
"""From a view and a column, one number a channel or one in all, to what they make."""
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
