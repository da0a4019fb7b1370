"""ReduceMean over the map, which is a global average."""

from __future__ import annotations

import numpy as np

from .averaging import average, whole_map
from .axes import counted
from .builder import Builder
from .movement import rearrange
from .node import Node
from .registry import onnx_op
from .sliding import NO_PADS, lift
from .values import Refusal, Value, View


@onnx_op("ReduceMean")
def reduce_mean(node: Node, builder: Builder) -> Value:
    """Reads the mean over all axes behind the channels; axes are an attribute or an input."""
    view = builder.view(node, 0)
    builder.note(
        f"{node.name!r}: ReduceMean is rounded once, from the exact integer sum, like "
        "GlobalAveragePool; onnxruntime computes it in float32"
    )
    return channel_means(node, builder, view, node.constant(1, "axes"))


def channel_means(
    node: Node,
    builder: Builder,
    view: View,
    axes: np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None,
) -> Value:
    """The mean of each channel, in the shape the node asks for."""
    rank = len(view.shape) + 1
    given = node.attributes.get("axes") if axes is None else axes.tolist()
    chosen = sorted(counted(given or [], rank))
    if chosen != list(range(2, rank)) or rank < 3:
        raise Refusal(
            f"it averages axes {given} of {rank}; the mean over the whole map of each channel "
            "is supported"
        )
    lifted = lift(node, builder, view)
    mean = average(node, lifted, whole_map(lifted), NO_PADS)
    kept = (1,) * (rank - 2) if node.attributes.get("keepdims", 1) else ()
    index = np.arange(view.shape[0], dtype=np.int32).reshape(view.shape[0], *kept)
    return mean if index.shape == mean.shape else rearrange(node, builder, mean, index)
