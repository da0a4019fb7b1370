"""Steps of a random graph besides weighted layers: each takes a tensor and makes another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, TypeAlias

import numpy as np

from .drawing import Drawing, Real
from .weighted import convolution, gemm, product

Step: TypeAlias = "Callable[[Drawing, Real], Real | None]"
"""None where it does not apply."""


def _axes(drawing: Drawing, axes: list[int], since: int) -> tuple[list[str], dict[str, Any]]:
    """Axes as an input from an opset on, as an attribute before."""
    if drawing.opset >= since:
        return [drawing.constant(np.array(axes, np.int64))], {}
    return [], {"axes": axes}


def _same(drawing: Drawing, source: Real, op_type: str, *others: str, **attributes: Any) -> Real:
    """A function of each value that keeps its size, more or less."""
    real = drawing.node(op_type, [source.name, *others], **attributes)
    return drawing.quantized(real, source.shape, source.size)


def _moved(drawing: Drawing, source: Real, real: str, shape: tuple[int, ...]) -> Real:
    """Values that were moved: left as they are, or quantized again, most with the same numbers."""
    if drawing.chance(3):
        return Real(real, shape, source.scale, source.zero)
    if drawing.chance(6):
        return drawing.quantized(real, shape, source.size)
    return drawing.requantized(real, shape, source.scale, source.zero)


def max_pool(drawing: Drawing, source: Real) -> Real | None:
    if len(source.shape) not in (2, 3):
        return None
    channels, *lengths = source.shape
    if drawing.chance(4):
        ones = (1,) * len(lengths)
        return _moved(
            drawing, source, drawing.node("GlobalMaxPool", [source.name]), (channels, *ones)
        )
    kernel = [drawing.integer(1, min(3, length)) for length in lengths]
    strides = [drawing.integer(1, 2) for _ in kernel]
    sizes = [(n - k) // s + 1 for n, k, s in zip(lengths, kernel, strides, strict=True)]
    real = drawing.node("MaxPool", [source.name], kernel_shape=kernel, strides=strides)
    return _moved(drawing, source, real, (channels, *sizes))


def average(drawing: Drawing, source: Real) -> Real | None:
    if len(source.shape) not in (2, 3):
        return None
    channels, *lengths = source.shape
    if drawing.chance(2):
        real = drawing.node("GlobalAveragePool", [source.name])
        return drawing.quantized(real, (channels, *(1 for _ in lengths)), source.size / 2)
    kernel = [drawing.integer(1, min(3, length)) for length in lengths]
    if drawing.chance(3):
        kernel = list(lengths)
    sizes = [n - k + 1 for n, k in zip(lengths, kernel, strict=True)]
    real = drawing.node("AveragePool", [source.name], kernel_shape=kernel)
    return drawing.quantized(real, (channels, *sizes), source.size / 2)


def mean(drawing: Drawing, source: Real) -> Real | None:
    rank = len(source.shape)
    axes = sorted({drawing.integer(1, rank) for _ in range(drawing.integer(1, 2))})
    keeps = drawing.chance(2) or len(axes) == rank
    inputs, attributes = _axes(drawing, axes, 18)
    real = drawing.node("ReduceMean", [source.name, *inputs], keepdims=int(keeps), **attributes)
    shape = [1 if n in axes else length for n, length in enumerate(source.shape, 1)]
    if not keeps:
        shape = [length for n, length in enumerate(source.shape, 1) if n not in axes]
    return drawing.quantized(real, tuple(shape), source.size / 2)


def relu(drawing: Drawing, source: Real) -> Real:
    """Also where the zero point is the highest code, so that one code is left."""
    real = drawing.node("Relu", [source.name])
    if drawing.chance(6):
        dtype = drawing.code_type()
        return drawing.requantized(real, source.shape, source.scale, dtype(np.iinfo(dtype).max))
    return drawing.quantized(real, source.shape, source.size, is_positive=True)


def clip(drawing: Drawing, source: Real) -> Real:
    low, high = -source.size / 3, source.size / 2
    bounds = [drawing.constant(np.float32(each)) for each in (low, high)]
    if drawing.chance(3):
        op_type, bound = drawing.choose([("Max", bounds[0]), ("Min", bounds[1])])
        return _same(drawing, source, op_type, bound)
    return _same(drawing, source, "Clip", *bounds)


SINCE = {"HardSwish": 14, "Mish": 18, "Celu": 12}


def function(drawing: Drawing, source: Real) -> Real | None:
    op_type, attributes = drawing.choose(
        [
            ("LeakyRelu", {"alpha": 0.2}),
            ("Sigmoid", {}),
            ("Tanh", {}),
            ("HardSigmoid", {"alpha": 0.3}),
            ("HardSwish", {}),
            ("Elu", {}),
            ("Celu", {}),
            ("Selu", {}),
            ("Softplus", {}),
            ("Softsign", {}),
            ("Mish", {}),
            ("Abs", {}),
            ("Neg", {}),
            ("ThresholdedRelu", {"alpha": 0.5}),
        ]
    )
    if drawing.opset < SINCE.get(op_type, 0):
        return None
    real = drawing.node(op_type, [source.name], **attributes)
    bounded = op_type in ("Sigmoid", "Tanh", "HardSigmoid", "Softsign")
    return drawing.quantized(real, source.shape, 1.0 if bounded else source.size)


def slopes(drawing: Drawing, source: Real) -> Real:
    return _same(drawing, source, "PRelu", drawing.constant(_column(drawing, source, -0.5, 1.5)))


def _column(drawing: Drawing, source: Real, low: float, high: float) -> Any:
    """One number, or one per channel."""
    if drawing.chance(2):
        return drawing.uniform(low, high)
    shape = (source.shape[0], *(1 for _ in source.shape[1:]))
    return drawing.uniform(low, high, shape)


def with_constant(drawing: Drawing, source: Real) -> Real:
    op_type = drawing.choose(["Add", "Sub", "Mul", "Div"])
    if op_type in ("Add", "Sub"):
        constant = _column(drawing, source, -source.size / 2, source.size / 2)
    else:
        constant = _column(drawing, source, 0.6, 1.6)
    names = [source.name, drawing.constant(constant)]
    if op_type != "Div" and drawing.chance(3):
        names.reverse()
    return drawing.quantized(drawing.node(op_type, names), source.shape, source.size)


def reshape(drawing: Drawing, source: Real) -> Real:
    if drawing.chance(2):
        real = drawing.node("Flatten", [source.name])
        return _moved(drawing, source, real, (prod(source.shape),))
    if len(source.shape) == 3 and drawing.chance(2):
        shape = (source.shape[0], prod(source.shape[1:]))
        target = np.array([0, shape[0], -1])
    else:
        shape = (*source.shape[:-1], 1, source.shape[-1])
        target = np.array([0, *shape])
    if len(shape) > 4:
        return _moved(drawing, source, drawing.node("Identity", [source.name]), source.shape)
    real = drawing.node("Reshape", [source.name, drawing.constant(target)])
    return _moved(drawing, source, real, shape)


def squeeze(drawing: Drawing, source: Real) -> Real | None:
    single = [axis for axis, length in enumerate(source.shape, 1) if length == 1]
    if single and len(source.shape) > 1 and drawing.chance(2):
        inputs, attributes = _axes(drawing, single[:1], 13)
        real = drawing.node("Squeeze", [source.name, *inputs], **attributes)
        shape = [length for axis, length in enumerate(source.shape, 1) if axis != single[0]]
        return _moved(drawing, source, real, tuple(shape))
    if len(source.shape) > 2:
        return None
    inputs, attributes = _axes(drawing, [2], 13)
    real = drawing.node("Unsqueeze", [source.name, *inputs], **attributes)
    return _moved(drawing, source, real, (source.shape[0], 1, *source.shape[1:]))


def transpose(drawing: Drawing, source: Real) -> Real | None:
    rank = len(source.shape)
    if rank < 2:
        return None
    order = [int(axis) for axis in drawing.random.permutation(rank)]
    real = drawing.node("Transpose", [source.name], perm=[0, *(axis + 1 for axis in order)])
    return _moved(drawing, source, real, tuple(source.shape[axis] for axis in order))


def cut(drawing: Drawing, source: Real) -> Real | None:
    """A Slice, a Gather, or a Split whose parts are joined the other way round."""
    axis = drawing.integer(1, len(source.shape))
    length = source.shape[axis - 1]
    if length < 2:
        return None
    kind = drawing.choose(["Slice", "Gather", "Split"])
    shape = list(source.shape)
    if kind == "Slice":
        begin, step = drawing.integer(0, length - 1), drawing.integer(1, 2)
        given = [np.array([each]) for each in (begin, length, axis, step)]
        real = drawing.node("Slice", [source.name, *map(drawing.constant, given)])
        shape[axis - 1] = len(range(begin, length, step))
        return _moved(drawing, source, real, tuple(shape))
    if kind == "Gather":
        places = drawing.random.integers(0, length, drawing.integer(1, 4))
        real = drawing.node("Gather", [source.name, drawing.constant(places)], axis=axis)
        shape[axis - 1] = len(places)
        return _moved(drawing, source, real, tuple(shape))
    sizes = [drawing.integer(1, length - 1)]
    sizes.append(length - sizes[0])
    inputs = [drawing.constant(np.array(sizes))] if drawing.opset >= 13 else []
    attributes: dict[str, Any] = {"axis": axis} | ({} if inputs else {"split": sizes})
    parts = drawing.node("Split", [source.name, *inputs], results=2, **attributes)
    real = drawing.node("Concat", parts[::-1], axis=axis)
    return _moved(drawing, source, real, source.shape)


def pad(drawing: Drawing, source: Real) -> Real | None:
    if len(source.shape) not in (2, 3):
        return None
    before = [0, 0, *(drawing.integer(0, 2) for _ in source.shape[1:])]
    after = [0, 0, *(drawing.integer(0, 1) for _ in source.shape[1:])]
    pads = drawing.constant(np.array(before + after))
    sizes = [a + b + n for a, b, n in zip(before[1:], after[1:], source.shape, strict=True)]
    return _moved(drawing, source, drawing.node("Pad", [source.name, pads]), tuple(sizes))


def rearrange(drawing: Drawing, source: Real) -> Real | None:
    """Blocks of positions to channels and back, and nearest neighbours."""
    if len(source.shape) != 3:
        return None
    channels, height, width = source.shape
    if drawing.chance(2) and channels * height * width < 300:
        scales = np.array([1, 1, drawing.integer(1, 2), drawing.choose([1, 1.5, 2])], np.float32)
        names = [source.name, "", drawing.constant(scales)]
        if drawing.opset < 13:
            names[1] = drawing.constant(np.zeros(0, np.float32))
        real = drawing.node("Resize", names, mode="nearest")
        shape = (channels, int(height * scales[2]), int(width * scales[3]))
        return _moved(drawing, source, real, shape)
    if height % 2 == 0 and width % 2 == 0:
        real = drawing.node("SpaceToDepth", [source.name], blocksize=2)
        return _moved(drawing, source, real, (4 * channels, height // 2, width // 2))
    if channels % 4 == 0:
        mode = drawing.choose(["DCR", "CRD"])
        real = drawing.node("DepthToSpace", [source.name], blocksize=2, mode=mode)
        return _moved(drawing, source, real, (channels // 4, 2 * height, 2 * width))
    return None


def nothing(drawing: Drawing, source: Real) -> Real:
    real = drawing.node(drawing.choose(["Identity", "Dropout"]), [source.name])
    return Real(real, source.shape, source.scale, source.zero)


STEPS: Mapping[Step, int] = {
    convolution: 8,
    gemm: 6,
    product: 3,
    max_pool: 3,
    average: 3,
    mean: 1,
    relu: 3,
    clip: 2,
    function: 2,
    slopes: 1,
    with_constant: 2,
    reshape: 3,
    squeeze: 1,
    transpose: 2,
    cut: 3,
    pad: 1,
    rearrange: 2,
    nothing: 1,
}
"""How often each is drawn."""


def pair(drawing: Drawing, tensors: list[Real]) -> Real | None:
    """Two tensors of one shape, summed, subtracted, multiplied or joined."""
    last = tensors[-1]
    others = [each for each in tensors[:-1] if each.shape == last.shape]
    if not others:
        return None
    other = drawing.choose(others)
    kind = drawing.choose(["Add"] * 6 + ["Sub"] * 2 + ["Concat"] * 4 + ["Mul"])
    names = [last.name, other.name]
    if kind == "Concat":
        real = drawing.node("Concat", names, axis=1)
        shape = (2 * last.shape[0], *last.shape[1:])
        return drawing.quantized(real, shape, max(last.size, other.size))
    size = last.size * other.size / 2 if kind == "Mul" else last.size + other.size
    return drawing.quantized(drawing.node(kind, names), last.shape, size)
