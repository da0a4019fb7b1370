"""Head: what the model does with its input before the first layer, as far as a file can say it.

Moves of values (reshape, transpose, slice) travel as an index, and integers that are codes already
are taken as they are. Other float work is done by the graph, so only an image that has its graph
can run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..formats import Array
from ..graph import Graph
from ..network import NOWHERE
from ..ops.values import Refusal

DEQUANTIZE = "DequantizeLinear"

PROBE_SCALES = (1.0, -1.0, 2.0**-20, -(2.0**-20), 2.0**90, -(2.0**90))
"""By which probing values are multiplied; powers of two, which float32 holds as well."""


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


def head_index(graph: Graph) -> NDArray[np.int64] | None:
    """Of the input tensor's shape: where in a sample each value comes from, -1 for a zero.

    None if the values are not only moved.
    """
    skipped = DEQUANTIZE if takes_codes(graph) else ""
    ops = [op for op in graph.head if op.op_type != skipped]
    size = int(np.prod(graph.input_shape))
    # Values are told apart by their numbers, so an operation that changes numbers shows itself;
    # fractions, both signs, the small and the large are there for those that change only some.
    probe = np.arange(1, size + 1, dtype=np.float64) + 0.25
    probes = np.array([[scale] for scale in PROBE_SCALES]) * probe
    moved: Array = probes.reshape(-1, *graph.input_shape)
    try:
        for op in ops:
            moved = op.evaluate(moved)
    except Refusal:
        return None  # an operator that computes with float32 numbers, and takes no others
    moved = np.asarray(moved, np.float64).reshape(len(probes), -1)
    index = np.where(moved[0] == 0, NOWHERE, np.round(moved[0] - 1.25)).astype(np.int64)
    if index.min() < NOWHERE or index.max() >= size:
        return None
    wanted = np.where(index == NOWHERE, 0.0, probes[:, index])
    return index.reshape(graph.input.shape) if np.array_equal(moved, wanted) else None
