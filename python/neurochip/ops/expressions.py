"""Real numbers that wait for their QuantizeLinear, and how it moves up through them.

Rounding is monotone, so it commutes with everything that only picks values or clamps them: the
integers are rounded first and picked or clamped after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from .values import Dequantized, Expression, HostOp, LayerBuilder, Shape, Target, every_code

Emit: TypeAlias = "Callable[[LayerBuilder, Tensor, str], Tensor]"
"""Adds the layer that does something to codes, given them and its output's name."""


@dataclass(frozen=True, slots=True, eq=False)
class Pointwise:
    """A function of each value of a view, perhaps another one in each channel."""

    view: Dequantized
    function: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """Takes a row of numbers; returns a row, or one row per channel."""
    host_ops: tuple[HostOp, ...]
    """The same, for the host."""
    name: str

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return self.view.shape

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Adds the table."""
        source = self.view.tensor
        real = self.function(source.format.dequantize(every_code(source)))
        return builder.look_up(self.name, source, real, target)

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Leaves the function to the host."""
        return self.view.tensor, self.host_ops


@dataclass(frozen=True, slots=True, eq=False)
class Clamped:
    """Values of another expression, clamped: a Relu or a Clip."""

    child: Expression
    low: float
    high: float
    host_op: HostOp

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return self.child.shape

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Clamps the codes instead."""
        bounds = target.format.quantize(np.array([self.low, self.high], np.float32))
        low, high = int(bounds[0]), int(bounds[1])
        if low > target.low or high < target.high:
            op = self.host_op
            builder.note(
                f"{op.op_type} at {op.name!r} cuts codes that its QuantizeLinear would keep: "
                "done in integers here, in float32 by onnxruntime"
            )
        return self.child.quantize(builder, target.narrowed(low, high))

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Leaves the clamp to the host."""
        tensor, ops = self.child.finish(builder)
        return tensor, (*ops, self.host_op)


@dataclass(frozen=True, slots=True, eq=False)
class Picked:
    """Values of another expression, moved or selected: MaxPool, Reshape, Transpose, ..."""

    child: Expression
    shape: Shape
    child_name: str
    emit: Emit
    """Does the same to codes."""
    host_op: HostOp
    index: NDArray[np.int32] | None = None
    """Where values are only moved: of this shape, their flat positions in the other, -1 for 0."""

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Rounds first, then picks."""
        inner = Target(self.child_name, target.format, target.low, target.high)
        return self.emit(builder, self.child.quantize(builder, inner), target.name)

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Leaves the picking to the host."""
        tensor, ops = self.child.finish(builder)
        return tensor, (*ops, self.host_op)
