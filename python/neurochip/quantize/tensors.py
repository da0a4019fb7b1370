"""Which tensors of a prepared network get a format of their own, and which share one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from onnx import GraphProto, ModelProto, NodeProto

from ..errors import ModelError, UnsupportedOpError
from ..ops import REGISTRY
from ..ops.refused import reason
from .moves import CLAMPS, MOVERS

SUMS = frozenset({"Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "GlobalAveragePool"})
TABLES = frozenset({"LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish"})
SHARING = MOVERS | {"AveragePool", "Slice", "Split", "Pad"}
"""Their output has the format of their input: onnxruntime's quantizer writes it so."""
MOVES = (MOVERS - {"MaxPool"}) | {"Slice", "Split"}
"""Of these, those that the host does as well, after the last layer."""
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
    """All tensors of a network that hold codes, and the nodes that do not compute with codes."""

    own: tuple[Point, ...]
    shared: Mapping[str, str]
    """The other tensors, by name: the one whose format they have."""
    float_nodes: tuple[str, ...]


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
            found[_full_name(node)].append((node.name, reason(_full_name(node))))
    if found:
        raise UnsupportedOpError(f"'{name}'", found, cannot="that neurochip cannot import")


def points(graph: GraphProto) -> Points:
    """Finds the tensors that will hold codes in a prepared graph."""
    search = _CodesSearch(graph)
    for node in graph.node:
        search.visit(node)
    return Points(tuple(search.own.values()), search.shared, tuple(search.float_nodes))


class _CodesSearch:
    """One walk over the nodes, in the order in which they compute."""

    def __init__(self, graph: GraphProto) -> None:
        self.own: dict[str, Point] = {}
        self.shared: dict[str, str] = {}
        self.float_nodes: list[str] = []
        self._constants = {tensor.name for tensor in graph.initializer}
        self._results = {output.name for output in graph.output}
        self._producers: dict[str, NodeProto] = {}
        self._absorbed: dict[str, NodeProto] = {}
        self._after_codes: set[str] = set()
        """What float nodes compute from tensors that hold codes."""
        self._readers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in graph.node:
            for tensor in node.input:
                self._readers[tensor].append(node)

    def visit(self, node: NodeProto) -> None:
        """Gives the node's tensors formats if it computes with codes."""
        self._producers.update(dict.fromkeys(node.output, node))
        if not self._computes_codes(node):
            self.float_nodes.append(node.name)
            if any(self._holds_codes(each) or each in self._after_codes for each in node.input):
                self._after_codes.update(node.output)
            return
        data = [each for each in node.input if each and each not in self._constants]
        for tensor in data[:1] if node.op_type in SHARING | CLAMPS else data:
            if not self._holds_codes(tensor):
                self._add(tensor, tensor not in self._after_codes)
        if node.op_type in SHARING:
            source = self.shared.get(data[0], data[0])
            self.shared.update(dict.fromkeys(node.output, source))
        elif self._is_only_clamped(node.output[0]):
            self._absorbed[node.output[0]] = node
        else:
            self._add(node.output[0], self._is_last(node.output[0]))

    def _add(self, tensor: str, outermost: bool) -> None:
        """A format for a tensor, which the sum that a clamp has absorbed shares."""
        node = self._producers.get(tensor)
        layer, op_type = ("(input)", "") if node is None else (node.name, node.op_type)
        if node is not None and node.op_type in CLAMPS and node.input[0] in self._absorbed:
            absorbed = self._absorbed[node.input[0]]
            self.shared[node.input[0]] = tensor
            layer, op_type = absorbed.name, f"{absorbed.op_type} + {op_type}"
        self.own[tensor] = Point(tensor, layer, op_type, outermost)

    def _holds_codes(self, tensor: str) -> bool:
        return tensor in self.own or tensor in self.shared or tensor in self._absorbed

    def _computes_codes(self, node: NodeProto) -> bool:
        """Whether the node's result is codes.

        A sum or product with a constant stays float: the importer makes a table of it. So do moves
        of float work that nothing but moves follows.
        """
        if self._shifts_or_scales(node):
            return False
        if node.op_type in MOVES and node.input[0] in self._after_codes:
            return not all(self._is_last(output) for output in node.output)
        return node.op_type in QUANTIZED and not self._constants.issuperset(node.input)

    def _shifts_or_scales(self, node: NodeProto) -> bool:
        return node.op_type in ("Add", "Mul") and not self._constants.isdisjoint(node.input)

    def _is_only_clamped(self, tensor: str) -> bool:
        readers = self._readers[tensor]
        return len(readers) == 1 and readers[0].op_type in CLAMPS and tensor not in self._results

    def _is_last(self, tensor: str) -> bool:
        """Whether no sum or table follows, only float work or moves."""
        for node in self._readers[tensor]:
            moves = node.op_type in SHARING or node.op_type not in QUANTIZED
            if not moves and not self._shifts_or_scales(node):
                return False
            if not all(self._is_last(output) for output in node.output):
                return False
        return True


def _full_name(node: NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
