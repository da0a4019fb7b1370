"""Resize and Upsample to the nearest value, which move values and compute none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axes import counted
from .movement import rearrange
from .node import GraphBuilder, Node, unquantized
from .registry import onnx_op
from .values import MAX_VALUES, Constant, QuantizedConstant, Refusal, Unknown, Value


@dataclass(frozen=True, slots=True)
class Axis:
    """How one axis is resized."""

    length: int
    resized: int
    scale: np.float32
    """Values of the result for one of the input."""
    by_size: bool
    """Whether the length of the result was given, and the scale follows from it."""


@onnx_op("Resize", "Upsample")
def resize(node: Node, builder: GraphBuilder) -> Value:
    """Reads which value of each axis is nearest, for scales or for sizes."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal(unquantized(node, 0))
    mode = node.attributes.get("mode", "nearest")
    if mode != "nearest":
        raise Refusal(f"its mode is {mode!r}, which computes new values; `nearest` is supported")
    axes = _axes(node, (1, *value.shape), builder.batch)
    if axes[0].resized != 1:
        raise Refusal("it resizes the axis of the samples")
    shape = [axis.resized for axis in axes[1:]]
    if min(shape) < 1:
        raise Refusal(f"its scales or sizes make a result of shape {shape}, which holds nothing")
    if prod(shape) > MAX_VALUES:
        raise Refusal(f"its result has shape {shape}, at most {MAX_VALUES} values")
    if tuple(shape) == value.shape:
        return value  # copied, whatever the scales
    places = np.arange(prod(value.shape), dtype=np.int32).reshape(value.shape)
    chosen = [_nearest(node, axis) for axis in axes[1:]]
    return rearrange(node, builder, value, np.ascontiguousarray(places[np.ix_(*chosen)]))


def _axes(node: Node, lengths: Sequence[int], batch: int) -> list[Axis]:
    """All axes, samples first; those that are not named stay as they are."""
    scales, sizes = _given(node)
    named = node.attributes.get("axes")
    chosen = list(range(len(lengths))) if named is None else counted(named, len(lengths))
    given = scales if sizes is None else sizes
    if not np.isfinite(given).all():
        raise Refusal("its scales are not finite numbers")
    if len(given) != len(chosen):
        raise Refusal(f"it has {len(given)} scales or sizes for {len(chosen)} axes")
    if node.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Refusal("its sizes keep the aspect ratio")
    axes = [Axis(length, length, np.float32(1), by_size=False) for length in lengths]
    for axis, wanted in zip(chosen, given.tolist(), strict=True):
        length = lengths[axis]
        if sizes is None:
            scale = np.float32(wanted)
            axes[axis] = Axis(length, floor(np.float32(length) * scale), scale, by_size=False)
        else:
            resized = 1 if axis == 0 and wanted == batch else int(wanted)
            axes[axis] = Axis(length, resized, np.float32(resized / length), by_size=True)
    return axes


def _given(node: Node) -> tuple[NDArray[np.generic], NDArray[np.generic] | None]:
    """The scales, or the sizes: where they stand depends on the opset."""
    if node.op_type == "Upsample" and node.opset < 9:
        return np.array(node.attributes.get("scales", []), np.float32), None
    first = node.opset >= 11 and node.op_type == "Resize"
    scales = node.constant(2 if first else 1, "scales")
    sizes = node.constant(3, "sizes") if first else None
    nothing = np.zeros(0, np.float32)
    return nothing if scales is None else scales, sizes


def _nearest(node: Node, axis: Axis) -> NDArray[np.intp]:
    """Of each value of the result along an axis: the nearest one of the input.

    In float32, as onnxruntime computes coordinates.
    """
    if axis.length == axis.resized and axis.scale == 1:
        return np.asarray(np.arange(axis.length), np.intp)
    simple = node.op_type == "Upsample" or node.opset < 11
    if simple:
        # Before opset 11 there is one rule: rounding down, or up where values are left out.
        places = np.arange(axis.resized, dtype=np.float32) / axis.scale
        nearest = np.ceil(places) if axis.scale < 1 else np.floor(places)
    else:
        transform = node.attributes.get("coordinate_transformation_mode", "half_pixel")
        rounding = node.attributes.get("nearest_mode", "round_prefer_floor")
        # onnxruntime's roundings to the nearest decide by the sizes where these are given.
        exact = axis.by_size and rounding.startswith("round")
        nearest = _rounded(
            rounding, _coordinates(transform, axis, np.float64 if exact else np.float32)
        )
    places_in_range: NDArray[np.intp] = np.clip(nearest, 0, axis.length - 1).astype(np.intp)
    return places_in_range


def _coordinates(
    transform: str, axis: Axis, dtype: type[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Where the values of the result lie in the input (ONNX, Resize)."""
    half = dtype(0.5)
    places = np.arange(axis.resized, dtype=dtype)
    scaled = _divided(axis, places, dtype)
    centres = _divided(axis, places + half, dtype)
    if transform == "asymmetric":
        return scaled
    if transform == "tf_half_pixel_for_nn":
        return centres
    if transform == "align_corners":
        steps = dtype(max(axis.resized - 1, 1))
        return np.asarray(places * dtype(axis.length - 1) / steps)
    if transform == "half_pixel" or (transform == "pytorch_half_pixel" and axis.resized > 1):
        return np.asarray(centres - half)
    if transform == "pytorch_half_pixel":
        return np.zeros_like(places)
    raise Refusal(f"its coordinates are {transform!r}, which is not supported")


def _divided(
    axis: Axis, places: NDArray[np.floating[Any]], dtype: type[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Places of the result over the scale."""
    if dtype is np.float64:
        return np.asarray(places * axis.length / axis.resized)
    return np.asarray(places / axis.scale)


ROUNDINGS: Mapping[str, Callable[[NDArray[np.floating[Any]]], NDArray[np.floating[Any]]]] = {
    "round_prefer_floor": lambda places: np.asarray(np.ceil(places - places.dtype.type(0.5))),
    "round_prefer_ceil": lambda places: np.asarray(np.floor(places + places.dtype.type(0.5))),
    "floor": np.floor,
    "ceil": np.ceil,
}
"""By `nearest_mode`: the place that is nearest."""


def _rounded(rounding: str, places: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    if rounding not in ROUNDINGS:
        raise Refusal(f"its `nearest_mode` is {rounding!r}, expected {', '.join(ROUNDINGS)}")
    return ROUNDINGS[rounding](places)
