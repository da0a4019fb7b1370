"""Tables about a graph: its layers, and the numbers between them."""

from __future__ import annotations

from ..formats import Tensor
from ..graph import Graph
from ..tables import TextColumn, TextTable


def layers_table(graph: Graph) -> TextTable:
    """One row per layer, after one for the input."""
    shape, numbers = TextColumn("output shape", whole=True), ("code", "scale", "zero point")
    table = TextTable(TextColumn("layer"), TextColumn("kind"), shape, *map(TextColumn, numbers))
    table.add_row("(input)", "", *_tensor(graph.input))
    for layer in graph.layers:
        table.add_row(layer.name, type(layer).__name__, *_tensor(layer.output))
    return table


def host_lines(graph: Graph) -> list[str]:
    """What the host computes in float, before and after the chip."""
    lines = [f"on the host before the chip: {op.op_type} {op.name!r}" for op in graph.head]
    done = dict.fromkeys(
        f"on the host after the chip: {op.op_type} {op.name!r}"
        for output in graph.outputs
        for op in output.tail
    )
    return [*lines, *done]


def _tensor(tensor: Tensor) -> tuple[str, str, str, str]:
    number = tensor.format
    code = f"{'int' if number.signed else 'uint'}{number.bits}"
    scale = f"{float(number.scale):.6g}" if number.scale.ndim == 0 else "by channel"
    return " x ".join(map(str, tensor.shape)), code, scale, str(number.zero_point)
