"""Operators in an order, and under names, that onnxruntime's quantizer makes integers of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from onnx import GraphProto, NodeProto, ValueInfoProto, helper, numpy_helper

CLAMPS = frozenset({"Relu", "Clip"})
MOVERS = frozenset({"MaxPool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze"})
"""Operators that commute with a clamp, and whose output means what their input means."""


def move_clamps(graph: GraphProto) -> None:
    """Moves every clamp before the pools and reshapes it stands after: both are monotone moves."""
    moved = True
    while moved:
        moved = False
        uses = uses_of(graph)
        producers = {
            output: position for position, node in enumerate(graph.node) for output in node.output
        }
        for position, clamp in enumerate(graph.node):
            before = producers.get(clamp.input[0]) if clamp.op_type in CLAMPS else None
            if before is None or uses[clamp.input[0]] != 1:
                continue
            mover = graph.node[before]
            if mover.op_type in MOVERS and len(mover.output) == 1:
                _swap(graph, before, position)
                moved = True
                break


def split_sums(graph: GraphProto) -> None:
    """Makes a Sum of any number of tensors, as Caffe2 writes it, Adds of two."""
    nodes: list[NodeProto] = []
    for node in graph.node:
        nodes += _adds_of_sum(node) if node.op_type == "Sum" else [node]
    del graph.node[:]
    graph.node.extend(nodes)


def _adds_of_sum(node: NodeProto) -> list[NodeProto]:
    first, *others = node.input
    if not others:
        return [helper.make_node("Identity", [first], node.output, node.name)]
    between = [f"{node.output[0]}_of_{count}" for count in range(2, len(node.input))]
    return [
        helper.make_node("Add", [before, each], [after], f"{node.name}_{after}")
        for before, each, after in zip(
            (first, *between), others, (*between, node.output[0]), strict=True
        )
    ]


def restore_hard_swish(graph: GraphProto) -> None:
    """Makes a HardSwish of the product into which onnxruntime takes it apart.

    It is a table; a product of two tensors is more than neurons compute.
    """
    uses = uses_of(graph)
    gates = {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "HardSigmoid" and uses[node.output[0]] == 1 and _is_of_swish(node)
    }
    replaced: set[str] = set()
    for node in graph.node:
        pairs = (tuple(node.input), tuple(reversed(node.input))) if node.op_type == "Mul" else ()
        for source, gate in pairs:
            if gate in gates and gates[gate].input[0] == source:
                made = helper.make_node("HardSwish", [source], node.output, node.name)
                node.CopyFrom(made)
                replaced.add(gate)
    nodes = [node for node in graph.node if node.output[0] not in replaced]
    del graph.node[:]
    graph.node.extend(nodes)


def _is_of_swish(node: NodeProto) -> bool:
    given = {each.name: each.f for each in node.attribute}
    alpha, beta = given.get("alpha", 0.2), given.get("beta", 0.5)
    return bool(abs(alpha - 1 / 6) < 1e-6 and beta == 0.5)


def rename_pools(graph: GraphProto) -> None:
    """Gives pools over whole maps the names under which they keep codes.

    A mean over both axes of a map is a global average, of which alone there is an integer kernel; a
    global maximum is one over a window as large as its map, whose output means what its input does.
    """
    values = (*graph.value_info, *graph.input)
    maps = {each.name: _lengths(each)[2:] for each in values}
    for node in graph.node:
        window = maps.get(node.input[0]) if node.op_type == "GlobalMaxPool" else None
        if window and all(window):
            pool = helper.make_node(
                "MaxPool", node.input, node.output, node.name, kernel_shape=window
            )
            node.CopyFrom(pool)
    _rename_means(graph, {name: 2 + len(axes) for name, axes in maps.items()})


def _lengths(value: ValueInfoProto) -> list[int]:
    """How long the axes of a tensor are; 0 where that is open."""
    return [int(axis.dim_value) for axis in value.type.tensor_type.shape.dim]


def _rename_means(graph: GraphProto, ranks: Mapping[str, int]) -> None:
    axes_inputs = {
        node.input[1] for node in graph.node if node.op_type == "ReduceMean" and node.input[1:]
    }
    constants = {
        tensor.name: numpy_helper.to_array(tensor).tolist()
        for tensor in graph.initializer
        if tensor.name in axes_inputs
    }
    nodes: list[NodeProto] = []
    for node in graph.node:
        is_map = node.op_type == "ReduceMean" and ranks.get(node.input[0]) == 4
        nodes += _pool_of_mean(node, constants) if is_map else [node]
    del graph.node[:]
    graph.node.extend(nodes)


def _pool_of_mean(node: NodeProto, constants: Mapping[str, Any]) -> list[NodeProto]:
    """A global pool, and a Flatten where the mean drops the axes; or the mean as it is."""
    given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    axes = constants.get(node.input[1]) if node.input[1:] else given.get("axes")
    if axes is None or sorted(axis % 4 for axis in axes) != [2, 3]:
        return [node]
    result = node.output[0]
    if given.get("keepdims", 1):
        return [helper.make_node("GlobalAveragePool", node.input[:1], [result], node.name)]
    pooled = f"{result}_pooled"
    return [
        helper.make_node("GlobalAveragePool", node.input[:1], [pooled], node.name),
        helper.make_node("Flatten", [pooled], [result], f"{node.name}_flatten"),
    ]


def _swap(graph: GraphProto, mover_at: int, clamp_at: int) -> None:
    """From source -> mover -> clamp to source -> clamp -> mover, tensor names kept."""
    mover, clamp = NodeProto(), NodeProto()
    mover.CopyFrom(graph.node[mover_at])
    clamp.CopyFrom(graph.node[clamp_at])
    source, between, result = mover.input[0], mover.output[0], clamp.output[0]
    clamp.input[0], clamp.output[0] = source, between
    mover.input[0], mover.output[0] = between, result
    # Whatever else the mover reads was computed before it; what a clamp reads is constant.
    graph.node[mover_at].CopyFrom(clamp)
    graph.node[clamp_at].CopyFrom(mover)


def uses_of(graph: GraphProto) -> Counter[str]:
    """How often each tensor is read; being an output of the model counts."""
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(output.name for output in graph.output)
    return uses
