"""Tables about a network that was quantized: its tensors, and how it answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ..quantize import Comparison, QuantizedTensor, correct
from ..tables import TextColumn, TextTable


def tensors_table(tensors: Sequence[QuantizedTensor]) -> TextTable:
    """One row per tensor: what it held on the calibration samples, and what stands for that."""
    figures = ("smallest", "largest", "scale", "zero point", "bits", "clipped")
    right = (TextColumn(name, "right") for name in figures)
    table = TextTable(TextColumn("layer"), TextColumn("operator"), *right, gap=2)
    for tensor in tensors:
        table.add_row(
            tensor.layer,
            tensor.op_type,
            f"{tensor.low:.4g}",
            f"{tensor.high:.4g}",
            f"{float(tensor.format.scale):.5g}",
            str(tensor.format.zero_point),
            str(tensor.format.bits),
            _share(tensor.clipped),
        )
    return table


def answers_table(comparison: Comparison, labels: NDArray[np.int64] | None) -> Table:
    """Accuracy before and after, and what differs.

    Raises:
        InputError: If the labels are not of the classes that the network knows.
    """
    table = Table(box=None, show_header=False, padding=(0, 3, 0, 0), pad_edge=False)
    if labels is not None:
        for name, values in (
            ("float accuracy", comparison.float_outputs),
            ("quantized accuracy", comparison.quantized_outputs),
        ):
            found, count = correct(values, labels), len(values)
            table.add_row(name, f"{100 * found / count:.2f} %  ({found:,} of {count:,})")
    if comparison.changed is not None:
        count = len(comparison.float_outputs)
        table.add_row("against float", f"{comparison.changed:,} of {count:,} samples change class")
    outputs = f"{comparison.differing:,} of {comparison.graph_outputs.size:,} outputs differ"
    told = f"{outputs} ({len(comparison.graph_outputs):,} samples)"
    if comparison.float_work:
        told += f", but for float rounding in {', '.join(dict.fromkeys(comparison.float_work))}"
    table.add_row("against onnxruntime", told)
    return table


def _share(share: float) -> str:
    if share == 0:
        return "none"
    return f"{100 * share:.3f} %" if share >= 5e-6 else "< 0.001 %"
