"""One random graph: its head, its steps, its outputs, and samples for it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from .drawing import Drawing, Real
from .steps import STEPS, pair

MOST_STEPS = 6
SAMPLES = 3
MOST_VALUES = 1500
"""Of a tensor: small graphs, many of them."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A graph and samples of its input."""

    seed: int
    model: ModelProto
    samples: NDArray[Any]


def draw(seed: int) -> Drawn:
    """The graph of a seed."""
    drawing = Drawing(seed)
    shape = _shape(drawing)
    info, samples, real = _head(drawing, shape)
    tensors = [drawing.quantized(real, shape, 2.0)]
    steps, weights = list(STEPS), np.array(list(STEPS.values()), float)
    count = drawing.integer(1, MOST_STEPS)
    while len(tensors) <= count:
        step = steps[int(drawing.random.choice(len(steps), p=weights / weights.sum()))]
        made = pair(drawing, tensors) if drawing.chance(4) else step(drawing, tensors[-1])
        if made is not None and 0 < prod(made.shape) <= MOST_VALUES:
            tensors.append(made)
    _outputs(drawing, tensors)
    return Drawn(seed, drawing.model(info), samples)


def _shape(drawing: Drawing) -> tuple[int, ...]:
    rank = drawing.choose([1, 2, 3, 3, 3])
    if rank == 1:
        return (drawing.integer(1, 24),)
    return (drawing.integer(1, 4), *(drawing.integer(2, 8) for _ in range(rank - 1)))


def _head(drawing: Drawing, shape: tuple[int, ...]) -> tuple[Any, NDArray[Any], str]:
    """The input, its samples, and float work before the first QuantizeLinear."""
    count = (SAMPLES, *shape)
    if drawing.chance(8):
        info = helper.make_tensor_value_info("x", TensorProto.UINT8, [1, *shape])
        real = drawing.node("Cast", ["x"], to=TensorProto.FLOAT)
        real = drawing.node("Mul", [real, drawing.constant(np.float32(1 / 64))])
        samples = drawing.random.integers(0, 256, count).astype(np.uint8)
        return info, samples, drawing.node("Sub", [real, drawing.constant(np.float32(2))])
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])
    samples = drawing.uniform(-2.2, 2.2, count)
    if not drawing.chance(5):
        return info, samples, "x"
    column = (1, shape[0], *(1 for _ in shape[1:]))
    offset = drawing.constant(drawing.uniform(-0.5, 0.5, column))
    real = drawing.node("Sub", ["x", offset])
    scale = drawing.constant(drawing.uniform(0.7, 1.5, column))
    return info, samples, drawing.node(drawing.choose(["Mul", "Div"]), [real, scale])


def _outputs(drawing: Drawing, tensors: list[Real]) -> None:
    """The last tensor, perhaps after float work, and sometimes others."""
    last = tensors[-1]
    drawing.outputs = [last.name]
    if drawing.chance(5):
        drawing.outputs = [drawing.node("Softmax", [last.name], axis=1)]
    elif drawing.chance(10):
        drawing.outputs = [drawing.node("ArgMax", [last.name], axis=1, keepdims=0)]
        drawing.types[drawing.outputs[0]] = TensorProto.INT64
    for tensor in tensors[1:-1]:
        if drawing.chance(8):
            drawing.outputs.append(tensor.name)
