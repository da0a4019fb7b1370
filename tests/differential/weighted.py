"""Weighted layers: convolutions and products, with weights and biases of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from .drawing import Drawing, Real

ENDS_OF_INT32 = (2**31 - 1, -(2**31))


def convolution(drawing: Drawing, source: Real) -> Real | None:
    """A Conv over a line or a map, perhaps in groups, and what follows it."""
    if len(source.shape) not in (2, 3):
        return None
    channels, *lengths = source.shape
    groups = drawing.choose([1, 1, 1, channels])
    out = groups * drawing.integer(1, 3) if groups > 1 else drawing.integer(1, 6)
    kernel = [drawing.integer(1, min(3, length)) for length in lengths]
    pads = [drawing.integer(0, side // 2) for side in kernel * 2]
    strides = [drawing.integer(1, 2) for _ in kernel]
    sizes = [
        (length + pads[axis] + pads[axis + len(kernel)] - kernel[axis]) // strides[axis] + 1
        for axis, length in enumerate(lengths)
    ]
    shape = (out, channels // groups, *kernel)
    codes, scale = _weights(drawing, shape, 0)
    names = [source.name, codes, *_bias(drawing, out, scale, source, gemm=False)]
    real = drawing.node(
        "Conv", names, kernel_shape=kernel, pads=pads, strides=strides, group=groups
    )
    return _after(drawing, real, (out, *sizes), _size(source, scale, shape[1:]))


def gemm(drawing: Drawing, source: Real) -> Real | None:
    """A Gemm of a row of features."""
    if len(source.shape) != 1:
        return None
    features, out = source.shape[0], drawing.integer(1, 8)
    is_transposed = drawing.chance(2)
    shape = (out, features) if is_transposed else (features, out)
    codes, scale = _weights(drawing, shape, 0 if is_transposed else 1)
    names = [source.name, codes, *_bias(drawing, out, scale, source, gemm=True)]
    real = drawing.node("Gemm", names, transB=int(is_transposed))
    return _after(drawing, real, (out,), _size(source, scale, (features,)))


def product(drawing: Drawing, source: Real) -> Real | None:
    """A MatMul along the last axis, perhaps with a bias added."""
    features, out = source.shape[-1], drawing.integer(1, 6)
    codes, scale = _weights(drawing, (features, out), 1)
    real = drawing.node("MatMul", [source.name, codes])
    size = _size(source, scale, (features,))
    shape = (*source.shape[:-1], out)
    if drawing.chance(2):
        real = drawing.node("Add", [real, drawing.constant(drawing.uniform(-size, size, (out,)))])
    return _after(drawing, real, shape, size, channels_first=len(shape) == 1)


def _weights(drawing: Drawing, shape: tuple[int, ...], axis: int) -> tuple[str, Any]:
    """Dequantized weights, and their scale: one, or one per channel."""
    per_channel = drawing.opset >= 13 and drawing.chance(2)
    signed = not drawing.chance(5)
    dtype = np.int8 if signed else np.uint8
    limits = np.iinfo(dtype)
    codes = drawing.random.integers(limits.min, limits.max + 1, shape).astype(dtype)
    count = (shape[axis],) if per_channel else ()
    scale = drawing.uniform(0.002, 0.02, count)
    # onnxruntime wants one zero point for all channels.
    zero = np.zeros(count, dtype) if signed else np.full(count, drawing.integer(100, 140), dtype)
    names = [drawing.constant(each) for each in (codes, scale, zero)]
    along = {"axis": axis} if per_channel else {}
    return drawing.node("DequantizeLinear", names, **along), scale


def _bias(drawing: Drawing, out: int, scale: Any, source: Real, *, gemm: bool) -> list[str]:
    """None, float, one number for all of a Gemm, or int32: some at the ends of int32."""
    kind = drawing.choose(["none", "float", "int32", "int32", "one", "row"])
    size = 3000 * float(np.mean(source.scale * scale))
    if kind == "none" and not (gemm and drawing.opset < 11):
        return []
    if kind == "one" and gemm:
        return [drawing.constant(drawing.uniform(-size, size))]
    if kind == "row" and gemm:
        return [drawing.constant(drawing.uniform(-size, size, (1, out)))]
    if kind == "float":
        return [drawing.constant(drawing.uniform(-size, size, (out,)))]
    codes = drawing.random.integers(-3000, 3000, out).astype(np.int32)
    if drawing.chance(5):
        codes[drawing.integer(0, out - 1)] = drawing.choose(ENDS_OF_INT32)
    scales = np.asarray(source.scale * scale, np.float32)
    names = [codes, scales, np.zeros(scales.shape, np.int32)]
    along = {"axis": 0} if scales.ndim and drawing.opset >= 13 else {}
    return [drawing.node("DequantizeLinear", [*map(drawing.constant, names)], **along)]


def _size(source: Real, scale: Any, depth: tuple[int, ...]) -> float:
    """How large sums are about: half of all codes times half of all weights, at random signs."""
    return float(source.scale * np.mean(scale)) * 74 * 74 * float(np.sqrt(np.prod(depth)))


def _after(
    drawing: Drawing, real: str, shape: tuple[int, ...], size: float, channels_first: bool = True
) -> Real:
    """What may stand between a weighted layer and its QuantizeLinear."""
    channels = shape[0]
    if channels_first and len(shape) > 1 and drawing.chance(4):
        gain, mean = drawing.uniform(-1.5, 1.5, (channels,)), drawing.uniform(-1, 1, (channels,))
        statistics = [gain, drawing.uniform(-1, 1, (channels,)), mean * size / 4]
        statistics.append(drawing.uniform(0.5, 2, (channels,)))
        names = [drawing.constant(np.asarray(each, np.float32)) for each in statistics]
        real = drawing.node("BatchNormalization", [real, *names])
    is_positive = drawing.chance(2)
    if is_positive:
        real = drawing.node("Relu", [real])
    elif drawing.chance(6):
        bounds = [drawing.constant(np.float32(each)) for each in (0, size / 2)]
        real = drawing.node("Clip", [real, *bounds])
    return drawing.quantized(real, shape, size, is_positive=is_positive)
