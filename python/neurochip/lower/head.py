"""Head: what the model does with its input before the first layer, as far as a file can say it.

Moves of values (reshape, transpose, slice) travel as an index, and integers that are codes already
are taken as they are. Other float work is done by the graph, so only an image that has its graph
can run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph

DEQUANTIZE = "DequantizeLinear"


def takes_codes(graph: Graph) -> bool:
    """Whether the model's input is integer and what it holds is the codes themselves."""
    if graph.integers is None or all(op.op_type != DEQUANTIZE for op in graph.head):
        return False
    format = graph.input.format
    codes = np.arange(format.qmin, format.qmax + 1).astype(format.dtype)
    samples = np.broadcast_to(
        codes.reshape(-1, *(1 for _ in graph.input_shape)), (len(codes), *graph.input_shape)
    )
    wanted = np.clip(codes, graph.input.low, graph.input.high)
    found = graph.quantize(np.ascontiguousarray(samples)).reshape(len(codes), -1)
    return bool((found == wanted[:, None]).all())


def integers_taken(graph: Graph) -> tuple[int, int] | None:
    """The smallest and the largest integer of a model that takes integers; None of others."""
    format = graph.input.format
    return (format.qmin, format.qmax) if takes_codes(graph) else graph.integers


def head_index(graph: Graph) -> NDArray[np.int32] | None:
    """Of the input tensor's shape: where in a sample each value comes from, -1 for a zero.

    None if the values are not only moved.
    """
    skipped = DEQUANTIZE if takes_codes(graph) else ""
    size = int(np.prod(graph.input_shape))
    index: NDArray[np.int32] | None = np.arange(size, dtype=np.int32).reshape(graph.input_shape)
    for op in graph.head:
        if op.op_type != skipped and index is not None:
            index = op.index(index)
    return index
