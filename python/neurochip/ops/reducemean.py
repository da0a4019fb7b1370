"""ReduceMean: an average over the map of each channel, or over any other axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from .averaging import average, whole_map
from .axes import counted
from .builder import GraphBuilder
from .movement import rearrange
from .node import Node
from .registry import onnx_op
from .sliding import NO_PADS, lift
from .values import Dequantized, Refusal, Value


@onnx_op("ReduceMean")
def reduce_mean(node: Node, builder: GraphBuilder) -> Value:
    """Reads the mean over some axes, an attribute or an input."""
    view = builder.view(node, 0)
    builder.note(
        f"{node.name!r}: ReduceMean is rounded once, from the exact integer sum, like "
        "GlobalAveragePool; onnxruntime computes it in float32"
    )
    return channel_means(node, builder, view, node.constant(1, "axes"))


def channel_means(
    node: Node,
    builder: GraphBuilder,
    view: Dequantized,
    axes: np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None,
) -> Value:
    """The mean over some axes, in the shape the node asks for.

    Axes that stay become channels, and those that go a map, which one window covers.
    """
    rank = len(view.shape) + 1
    given = node.attributes.get("axes") if axes is None else axes.tolist()
    chosen = sorted(set(counted(given or [], rank)))
    if not chosen or chosen[0] == 0:
        told = "all axes" if not chosen else f"axes {given} of {rank}"
        raise Refusal(f"it averages {told}, samples included")
    means = _as_map(node, builder, view, chosen)
    mean = average(node, means, whole_map(means), NO_PADS)
    lengths = [1 if axis in chosen else length for axis, length in enumerate(view.shape, 1)]
    if not node.attributes.get("keepdims", 1):
        lengths = [length for axis, length in enumerate(view.shape, 1) if axis not in chosen]
    index = np.arange(means.shape[0], dtype=np.int32).reshape(lengths)
    return mean if index.shape == mean.shape else rearrange(node, builder, mean, index)


def _as_map(
    node: Node, builder: GraphBuilder, view: Dequantized, chosen: Sequence[int]
) -> Dequantized:
    """The view with the axes that stay in front, as channels of a map of the others."""
    if chosen == list(range(2, len(view.shape) + 1)):
        return lift(node, builder, view)
    stay = [axis - 1 for axis in range(1, len(view.shape) + 1) if axis not in chosen]
    order = np.arange(prod(view.shape), dtype=np.int32).reshape(view.shape)
    moved = order.transpose(*stay, *(axis - 1 for axis in chosen))
    channels = prod(view.shape[axis] for axis in stay)
    index = np.ascontiguousarray(moved.reshape(channels, -1, 1))
    arranged = rearrange(node, builder, view, index)
    assert isinstance(arranged, Dequantized), "a moved view is a view"
    return arranged
