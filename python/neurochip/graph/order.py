"""Which nodes an output depends on, and in which order they can be computed."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from onnx import GraphProto, NodeProto

from ..errors import ModelError


def needed(graph: GraphProto, outputs: Sequence[str]) -> list[NodeProto]:
    """The nodes that outputs depend on, each after those it reads from.

    A file may list its nodes in any order; where several can be next, the first of the file is.

    Raises:
        ModelError: If two nodes compute one tensor, nodes depend on their own results, or an output
            is computed by no node.
    """
    producers = _producers(graph)
    for output in outputs:
        if output not in producers:
            raise ModelError(
                f"the model's output '{output}' is computed by no node",
                hint="name another with `--output-tensor NAME`, or `output_tensor=` in Python",
            )
    wanted = [producers[output] for output in outputs]
    waits_for: dict[int, set[int]] = {}
    while wanted:
        node = wanted.pop()
        if node not in waits_for:
            waits_for[node] = {producers[t] for t in graph.node[node].input if t in producers}
            wanted += waits_for[node]
    return [graph.node[node] for node in _sorted(graph, waits_for)]


def _producers(graph: GraphProto) -> dict[str, int]:
    """By tensor: the position of the node that computes it."""
    producers: dict[str, int] = {}
    for position, node in enumerate(graph.node):
        for tensor in filter(None, node.output):
            first = producers.setdefault(tensor, position)
            if first != position:
                names = f"{_name(graph.node[first])} and {_name(node)}"
                raise ModelError(
                    f"tensor '{tensor}' is computed by two nodes, {names}",
                    hint="export the model again: every tensor has one node that computes it",
                )
    return producers


def _sorted(graph: GraphProto, waits_for: dict[int, set[int]]) -> list[int]:
    """Kahn's algorithm; of the nodes that could be next, it takes the first of the file."""
    readers: dict[int, list[int]] = {node: [] for node in waits_for}
    for node, sources in waits_for.items():
        for source in sources:
            readers[source].append(node)
    missing = {node: len(sources) for node, sources in waits_for.items()}
    ready = [node for node, count in missing.items() if count == 0]
    heapify(ready)
    order = []
    while ready:
        node = heappop(ready)
        order.append(node)
        for reader in readers[node]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heappush(ready, reader)
    if len(order) < len(waits_for):
        stuck = min(node for node, count in missing.items() if count)
        raise ModelError(
            f"node {_name(graph.node[stuck])} waits for a result that depends on its own",
            hint="export the model again: its graph has a cycle",
        )
    return order


def _name(node: NodeProto) -> str:
    return f"'{node.name or next(iter(node.output), '')}' ({node.op_type})"
