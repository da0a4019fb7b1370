"""Networks of one or two layers, and what it means that one of them is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto

import oracle_onnxruntime
from neurochip.graph import Graph, load
from quantized_models import Codes, Writer

SHAPE = (4, 6, 8)
INPUT = (np.float32(0.031), np.uint8(120))
MIDDLE = (np.float32(0.05), np.uint8(77))
OUTPUT = (np.float32(0.043), np.uint8(130))


def samples(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(16, *shape), scale=2.0).astype(np.float32)


def ours(graph: Graph, real: np.ndarray) -> np.ndarray:
    return graph.finish(graph.evaluate(graph.quantize(real))[graph.output.name])


def assert_exact(model: ModelProto, shape: tuple[int, ...] = SHAPE) -> Graph:
    """The whole model in onnxruntime, then each layer among its integer kernels."""
    graph = load(model)
    real = samples(1, shape)
    np.testing.assert_array_equal(ours(graph, real), oracle_onnxruntime.run(model, real))
    wrong = oracle_onnxruntime.layer_by_layer(graph, real)
    assert {name: counts for name, counts in wrong.items() if counts[0]} == {}
    return graph


def assert_exact_layers(model: ModelProto, shape: tuple[int, ...] = SHAPE) -> Graph:
    """Each layer among onnxruntime's integer kernels; the model itself it runs in float."""
    graph = load(model)
    real = samples(1, shape)
    wrong = oracle_onnxruntime.layer_by_layer(graph, real)
    assert {name: counts for name, counts in wrong.items() if counts[0]} == {}
    np.testing.assert_allclose(
        ours(graph, real),
        oracle_onnxruntime.run(model, real),
        atol=1.01 * float(np.max(graph.output.format.scale)),
    )
    return graph


def weights(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-127, 128, shape).astype(np.int8)


def convolution(writer: Writer, source: Codes, target: Any = MIDDLE, **attributes: Any) -> Codes:
    return writer.weighted(
        "Conv",
        source,
        weights(3, 4, 4, 3, 3),
        np.linspace(0.001, 0.003, 4).astype(np.float32),
        np.zeros(4, np.int8),
        np.arange(-200, 200, 100).astype(np.int32),
        target,
        **({"pads": [1, 1, 1, 1]} | attributes),
    )


def real_convolution(writer: Writer, source: Codes) -> str:
    """The result of a convolution before it is quantized."""
    convolution(writer, source)
    quantize = writer.nodes.pop()
    return str(quantize.input[0])


def dequantized_weights(writer: Writer, array: np.ndarray, scale: float = 0.002) -> str:
    codes = [writer.constant(array), writer.constant(np.float32(scale))]
    return writer.node("DequantizeLinear", [*codes, writer.constant(array.dtype.type(0))])


def start(opset: int = 17) -> tuple[Writer, Codes]:
    writer = Writer("qdq", opset)
    return writer, writer.quantize("x", *INPUT)


def finish(writer: Writer, codes: Codes, shape: tuple[int, ...] = SHAPE) -> ModelProto:
    return writer.model(["n", *shape], writer.dequantize(codes))
