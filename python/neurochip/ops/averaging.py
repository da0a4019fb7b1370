"""Averages over windows, whichever operator they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor
from ..layers import AveragePool
from ..layers.windows import Pads, pad_map
from .node import Node
from .sliding import NO_PADS, Sliding
from .values import Dequantized, HostOp, LayerBuilder, Refusal, Shape, Target


@dataclass(frozen=True, slots=True, eq=False)
class Average:
    """The mean of a view over each window."""

    view: Dequantized
    windows: Sliding
    counts: NDArray[np.int64]
    counts_padding: bool
    """Whether the padding counts, as zeros."""
    host_op: HostOp

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return (self.view.shape[0], *self.windows.size)

    @property
    def beyond_padding(self) -> bool:
        """Whether padding counts, and windows reach beyond all of it."""
        return self.counts_padding and self.windows.pads != self.windows.declared

    @property
    def whole_map(self) -> bool:
        """Whether one window covers the map and nothing else."""
        return self.windows.kernel == self.view.shape[1:] and not any(self.windows.pads)

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Adds the layer, with input scale / (output scale * count) formed in float32."""
        builder.note_float(self.host_op.name, self.view.tensor.format, target.format)
        divisors = target.format.scale * self.counts.astype(np.float32)
        multiplier = (self.view.tensor.format.scale / divisors).astype(np.float32)
        if not self.whole_map:
            builder.note(
                f"{self.host_op.name!r}: sums of part of a map are rounded once, from the exact "
                "integer; onnxruntime sums in float32, which differs by one level in rare ties"
            )
        if self.beyond_padding:
            builder.note(
                f"{self.host_op.name!r}: windows that reach beyond its padding (`ceil_mode`) are "
                "divided by their part inside of it, as ONNX specifies; onnxruntime's integer "
                "kernel divides by the whole kernel, which can differ by many levels"
            )
        layer = AveragePool(
            name=self.host_op.name,
            inputs=(self.view.tensor,),
            output=target.tensor(self.shape),
            kernel=self.windows.kernel,
            strides=self.windows.strides,
            pads=self.windows.pads,
            dilations=self.windows.dilations,
            counts=self.counts,
            multiplier=multiplier,
            global_=self.whole_map,
        )
        return builder.emit(layer)

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Leaves the mean to the host."""
        return self.view.tensor, (self.host_op,)


def average(node: Node, view: Dequantized, windows: Sliding, counted: Pads) -> Average:
    """The mean over windows; of the padding, only `counted` rows and columns count, as zeros."""
    _, height, width = view.shape
    top, left, bottom, right = windows.pads
    inside = np.zeros((1, 1, top + height + bottom, left + width + right), np.int64)
    rows = slice(top - counted[0], top + height + counted[2])
    columns = slice(left - counted[1], left + width + counted[3])
    inside[:, :, rows, columns] = 1
    counts = np.zeros((1, 1, *windows.size), np.int64)
    for seen in windows.taps(inside):
        counts += seen
    if (counts == 0).any():
        raise Refusal("one of its windows lies in the padding alone")
    host_op = HostOp(node.name, node.op_type, _Mean(windows, counts.astype(np.float32)))
    counts_padding = bool(node.attributes.get("count_include_pad", 0))
    return Average(view, windows, counts[0, 0], counts_padding, host_op)


@dataclass(frozen=True, slots=True, eq=False)
class _Mean:
    """The mean over windows of real numbers."""

    windows: Sliding
    counts: NDArray[np.float32]
    """(1, 1, *windows.size)."""

    def __call__(self, real: Array) -> Array:
        """One number a window."""
        views = self.windows.taps(pad_map(real, self.windows.pads, 0))
        return np.asarray(sum(views) / self.counts)


def counted_pads(node: Node, windows: Sliding) -> Pads:
    """The padding that counts: all that is declared, or none."""
    if node.attributes.get("count_include_pad", 0):
        return windows.declared
    return NO_PADS


def whole_map(view: Dequantized) -> Sliding:
    """The single window that covers a view."""
    kernel = (view.shape[1], view.shape[2])
    return Sliding(kernel, (1, 1), NO_PADS, NO_PADS, (1, 1), (1, 1))
