"""Why a model cannot be imported, and what to change: one entry a reason, however many nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from onnx import defs

from ..errors import UnsupportedOpError
from ..graph.file import read_model
from ..ops.remedies import kind, remedy
from ..tables import WIDTH

ONNX = "ai.onnx"
"""Of operators that name no domain."""
NODES_TOLD = 3
"""Of those that are refused for one reason; a document has all of them."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Nodes of one operator that are refused for one kind of reason."""

    operator: str
    opset: int | None
    """Of the operator's meaning in this model; None where nothing says so."""
    nodes: tuple[str, ...]
    reason: str
    """As reported of the first of them."""
    change: str
    """What to change about the model."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A model that cannot be imported."""

    name: str
    ir_version: int
    opsets: Mapping[str, int]
    """Which version of its operators the model asks for, by domain."""
    num_nodes: int
    """All nodes of the model."""
    reasons: tuple[Reason, ...]

    @property
    def num_refused(self) -> int:
        """How many nodes are refused."""
        return sum(len(each.nodes) for each in self.reasons)

    @property
    def versions(self) -> str:
        """What the model says of its own age."""
        opsets = ", ".join(f"{domain} opset {version}" for domain, version in self.opsets.items())
        return f"{opsets}, IR version {self.ir_version}"


def refused(path: Path, error: UnsupportedOpError) -> Refused:
    """What is refused of the model in a file, from the error that its import ended with."""
    proto, name = read_model(path)
    opsets = {each.domain or ONNX: int(each.version) for each in proto.opset_import}
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for operator, nodes in error.nodes.items():
        for node, reason in nodes:
            found.setdefault((operator, kind(reason)), []).append((node, reason))
    reasons = [
        Reason(
            operator,
            _opset(operator, opsets),
            tuple(node for node, _ in nodes),
            nodes[0][1],
            remedy(nodes[0][1]),
        )
        for (operator, _), nodes in found.items()
    ]
    return Refused(name, proto.ir_version, opsets, len(proto.graph.node), tuple(reasons))


def reason_lines(each: Reason) -> Iterator[str]:
    """A reason, in a few lines: the nodes, why, and what to change."""
    told = ", ".join(f"'{name}'" for name in each.nodes[:NODES_TOLD])
    more = len(each.nodes) - NODES_TOLD
    opset = "" if each.opset is None else f" (opset {each.opset})"
    yield f"{each.operator}{opset} at {told}" + (f" and {more:,} more" if more > 0 else "")
    for word, text in (("reason", each.reason), ("change", each.change)):
        if text:
            yield from wrap(
                text,
                WIDTH,
                initial_indent=f"  {word}  ",
                subsequent_indent=" " * (len(word) + 4),
                break_long_words=False,
                break_on_hyphens=False,
            )


def _opset(operator: str, opsets: Mapping[str, int]) -> int | None:
    """The opset that defines the operator as the model means it; of others', their domain's."""
    domain, _, name = operator.rpartition(".")
    version = opsets.get(domain or ONNX)
    if domain or version is None:
        return version
    try:
        return int(defs.get_schema(name, version, "").since_version)
    except defs.SchemaError:
        return None
