"""Pad with zeros."""

from __future__ import annotations

from math import prod

import numpy as np

from .axes import counted
from .builder import GraphBuilder
from .movement import positions, rearrange
from .node import Node
from .registry import onnx_op
from .values import MAX_VALUES, Codes, Constant, QuantizedConstant, Refusal, Unknown, Value


@onnx_op("Pad")
def pad(node: Node, builder: GraphBuilder) -> Value:
    """Reads constant, edge and reflect padding; the constant must be the real number 0."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal("")
    widths = _widths(node, len(value.shape) + 1)
    _refuse_large(value.shape, widths)
    if node.attributes.get("mode", "constant") != "constant":
        others = [node.constant(n, "input") for n in range(1, len(node.inputs))]
        return rearrange(node, builder, value, positions(node, value.shape, *others))
    fill = node.constant(2, "padding value")
    number = float(node.attributes.get("value", 0.0) if fill is None else fill)
    zero = value.target.format.zero_point if isinstance(value, Codes) else 0
    if number != zero:
        raise Refusal(f"it pads with {number:g}; only zero padding is supported")
    return rearrange(node, builder, value, _padded(value.shape, widths))


def _widths(node: Node, rank: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """(2, axes): what is added before and behind, samples first."""
    pads = node.attributes["pads"] if "pads" in node.attributes else node.required(1, "pads")
    axes = node.constant(3, "axes")
    chosen = list(range(rank)) if axes is None else counted(axes, rank)
    widths = np.zeros((2, rank), np.int64)
    widths[:, chosen] = np.asarray(pads).reshape(2, -1)
    return widths


def _refuse_large(
    shape: tuple[int, ...], widths: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> None:
    """Refuses more values than are ever read, before any is made."""
    added = [max(0, int(begin)) + max(0, int(end)) for begin, end in widths[:, 1:].T]
    padded = [length + width for length, width in zip(shape, added, strict=True)]
    if prod(padded) > MAX_VALUES:
        raise Refusal(f"it pads to shape {padded}, at most {MAX_VALUES} values are supported")


def _padded(
    shape: tuple[int, ...], widths: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    if widths[:, 0].any():
        raise Refusal("it pads the samples")
    source = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    cut = tuple(
        slice(max(0, -begin), length - max(0, -end))
        for length, begin, end in zip(shape, widths[0, 1:], widths[1, 1:], strict=True)
    )
    added = [(max(0, begin), max(0, end)) for begin, end in widths[:, 1:].T]
    return np.pad(source[cut], added, constant_values=-1)
