"""Which tensors of a prepared network get a format of their own, and which share one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from onnx import GraphProto, ModelProto, NodeProto

from ..errors import ModelError, UnsupportedOpError
from ..ops import REGISTRY
from .prepare import CLAMPS, MOVERS

SUMS = frozenset({"Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "GlobalAveragePool"})
TABLES = frozenset({"LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish"})
SHARING = MOVERS | {"AveragePool", "Slice", "Split", "Pad"}
"""Their output has the format of their input: onnxruntime's quantizer writes it so."""
QUANTIZED = SUMS | TABLES | SHARING | CLAMPS
"""Everything else stays float, which the importer accepts of the last operators alone."""


@dataclass(frozen=True, slots=True)
class Point:
    """A tensor with a format of its own."""

    tensor: str
    layer: str
    """The node that computes it; `(input)` for the network's input."""
    op_type: str
    outermost: bool
    """Whether it is the network's input or output, which keep 8 bits."""


@dataclass(frozen=True, slots=True)
class Points:
    """All tensors of a network that hold codes."""

    own: tuple[Point, ...]
    shared: Mapping[str, str]
    """The other tensors, by name: the one whose format they have."""


def refuse_quantized(model: ModelProto, name: str) -> None:
    """Refuses a model that has codes in it already.

    Raises:
        ModelError: If it does.
    """
    nodes = model.graph.node
    if any("Quant" in node.op_type or node.op_type.startswith("QLinear") for node in nodes):
        hint = "run it as it is, or quantize the float model it was made from"
        raise ModelError(f"'{name}' is quantized already", hint)


def refuse_unknown(graph: GraphProto, name: str) -> None:
    """Refuses operators that could not be imported afterwards, all at once.

    Raises:
        UnsupportedOpError: If there are any.
    """
    found = defaultdict(list)
    for node in graph.node:
        if _full_name(node) not in REGISTRY:
            found[_full_name(node)].append((node.name, ""))
    if found:
        raise UnsupportedOpError(f"'{name}'", found, cannot="that neurochip cannot import")


def points(graph: GraphProto) -> Points:
    """Finds the tensors that will hold codes in a prepared graph."""
    weights = {tensor.name for tensor in graph.initializer}
    readers: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for tensor in node.input:
            readers[tensor].append(node)
    uses = Counter({tensor: len(found) for tensor, found in readers.items()})
    uses.update(output.name for output in graph.output)
    source = graph.input[0].name
    own = [Point(source, "(input)", "", True)]
    shared: dict[str, str] = {}
    absorbed: dict[str, NodeProto] = {}
    for node in graph.node:
        tensor, first = node.output[0], node.input[0] if node.input else ""
        if node.op_type not in QUANTIZED or all(each in weights for each in node.input):
            continue
        if node.op_type in SHARING and _root(first, own, shared):
            shared.update(dict.fromkeys(node.output, shared.get(first, first)))
        elif uses[tensor] == 1 and _is_clamped(readers[tensor]):
            absorbed[tensor] = node
        else:
            summed = absorbed.get(first)
            layer = node if summed is None else summed
            op_type = node.op_type if summed is None else f"{summed.op_type} + {node.op_type}"
            own.append(Point(tensor, layer.name, op_type, _is_last(tensor, readers, graph)))
            if summed is not None:
                shared[first] = tensor
    return Points(tuple(own), shared)


def _root(tensor: str, own: list[Point], shared: Mapping[str, str]) -> bool:
    return tensor in shared or any(point.tensor == tensor for point in own)


def _is_clamped(readers: list[NodeProto]) -> bool:
    return len(readers) == 1 and readers[0].op_type in CLAMPS


def _is_last(tensor: str, readers: Mapping[str, list[NodeProto]], graph: GraphProto) -> bool:
    """Whether no quantized sum follows, only float work or moves."""
    following = [node for node in readers[tensor] if node.op_type in QUANTIZED]
    if any(node.op_type not in SHARING for node in following):
        return False
    return all(_is_last(output, readers, graph) for node in following for output in node.output)


def _full_name(node: NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
