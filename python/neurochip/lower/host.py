"""Host: what a graph does before its first layer and after its last, as plain data.

Moves of values (reshape, transpose, slice) travel as an index, and integers that are codes already
are taken as they are. Other float work is done by the graph, so only an image that has its graph
can run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..graph import Graph, Output
from ..network import NOWHERE, Code, Host, Population, Reading, Readout
from .layout import View, to_neurons

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


def host_of(
    graph: Graph,
    views: Mapping[str, View],
    populations: Mapping[str, Population],
    readouts: Mapping[str, Readout],
) -> Host:
    """The host's part of a network.

    Args:
        graph: What was lowered.
        views: Where each output lives: in one population.
        populations: By name.
        readouts: By population, how membranes that are read become accumulators.
    """
    index, codes = head_index(graph), takes_codes(graph)
    known = np.full(graph.input.shape, NOWHERE) if index is None else index
    names = outputs_of(graph, views)
    return Host(
        input_shape=graph.input_shape,
        input_format=graph.input.format,
        input_range=(graph.input.low, graph.input.high),
        input_code=_input_code(populations),
        input_index=to_neurons(known, graph.input.shape).astype(np.int32),
        takes_codes=codes,
        head=tuple(op.op_type for op in graph.head) if index is None else (),
        outputs=tuple(
            _reading(output, views[output.tensor.name], names, populations, readouts)
            for output in graph.outputs
        ),
        input_integers=None if codes else graph.integers,
    )


def outputs_of(graph: Graph, views: Mapping[str, View]) -> tuple[str, ...]:
    """The populations that the host reads, each once."""
    return tuple(dict.fromkeys(_read_from(views[each.tensor.name]) for each in graph.outputs))


def _read_from(view: View) -> str:
    (population,) = view.parts
    return population


def _input_code(populations: Mapping[str, Population]) -> Code:
    code = next(iter(populations.values())).code
    assert code is not None, "the input sends what it is given"
    return code


def _reading(
    output: Output,
    view: View,
    names: Sequence[str],
    populations: Mapping[str, Population],
    readouts: Mapping[str, Readout],
) -> Reading:
    population = _read_from(view)
    return Reading(
        name=output.name,
        population=names.index(population),
        code=populations[population].code,
        readout=readouts.get(population),
        shape=output.tensor.shape,
        format=output.tensor.format,
        index=np.ascontiguousarray(view.neuron).ravel(),
        tail=tuple(op.op_type for op in output.tail),
    )
