"""Pad with zeros."""

from __future__ import annotations

import numpy as np

from .builder import Builder
from .movement import positions, rearrange
from .node import Node
from .registry import onnx_op
from .values import Codes, Constant, QuantizedConstant, Refusal, Unknown, Value


@onnx_op("Pad")
def pad(node: Node, builder: Builder) -> Value:
    """Reads constant, edge and reflect padding; the constant must be the real number 0."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal("")
    if node.attributes.get("mode", "constant") != "constant":
        others = [node.constant(n, "input") for n in range(1, len(node.inputs))]
        return rearrange(node, builder, value, positions(node, value.shape, *others))
    fill = node.constant(2, "padding value")
    number = float(node.attributes.get("value", 0.0) if fill is None else fill)
    zero = value.target.format.zero_point if isinstance(value, Codes) else 0
    if number != zero:
        raise Refusal(f"it pads with {number:g}; only zero padding is supported")
    pads = node.attributes["pads"] if "pads" in node.attributes else node.required(1, "pads")
    axes = node.constant(3, "axes")
    widths = np.zeros((2, len(value.shape) + 1), np.int64)
    chosen = np.arange(len(value.shape) + 1) if axes is None else axes % (len(value.shape) + 1)
    widths[:, chosen] = np.asarray(pads).reshape(2, -1)
    return rearrange(node, builder, value, _padded(value.shape, widths))


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
