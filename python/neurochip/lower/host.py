"""Host: what a graph does before its first layer and after its last, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..graph import Graph, Output
from ..network import NOWHERE, Code, Host, Population, Reading, Readout
from .head import head_index, takes_codes
from .layout import View, to_neurons


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
