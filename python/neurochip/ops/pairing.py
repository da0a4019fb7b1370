"""Sums and products of two quantized tensors, whichever operator they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..formats import Format, Tensor
from ..layers import Add, Multiply
from .builder import GraphBuilder
from .movement import rearrange
from .node import Node
from .values import Dequantized, HostOp, LayerBuilder, QuantizedConstant, Refusal, Shape, Target

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
    """A view combined with quantized constants, one a channel or one in all."""

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
