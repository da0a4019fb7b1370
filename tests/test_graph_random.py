"""Graph.evaluate equals onnxruntime on networks nobody designed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto

import oracle_onnxruntime
from neurochip.graph import load
from quantized_models import Codes, Dialect, Writer

DIALECTS: tuple[Dialect, ...] = ("qdq", "qoperator")
MODELS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@dataclass
class Maker:
    """Draws the numbers of a model; the structure is drawn by hypothesis."""

    random: np.random.Generator
    signed: bool

    def target(self, size: float) -> tuple[np.float32, Any]:
        """A scale that spreads values of about this size over the codes, and a zero point."""
        dtype = np.int8 if self.signed else np.uint8
        low, high = (-128, 128) if self.signed else (0, 256)
        scale = np.float32(size / self.random.uniform(20, 120))
        return scale, dtype(self.random.integers(low, high))

    def conv(self, writer: Writer, source: Codes, channels: int, out: int, **shape: Any) -> Codes:
        groups = shape.get("group", 1)
        kernel = shape.get("kernel_shape", [1, 1])
        weights = (out, channels // groups, *kernel)
        return self.weighted(writer, "Conv", source, weights, **shape)

    def weighted(
        self,
        writer: Writer,
        kind: Any,
        source: Codes,
        shape: tuple[int, ...],
        target: tuple[np.float32, Any] | None = None,
        **attributes: Any,
    ) -> Codes:
        per_channel = bool(self.random.integers(2))
        signed = self.signed or bool(self.random.integers(2))
        low, high = (-128, 128) if signed else (0, 256)
        dtype = np.int8 if signed else np.uint8
        weights = self.random.integers(low, high, shape).astype(dtype)
        scale = self.random.uniform(0.001, 0.05, shape[0] if per_channel else ())
        # onnxruntime wants one zero point for all channels; 0 is every exporter's choice for int8.
        zero_point = np.zeros(scale.shape, dtype) if signed else np.full(scale.shape, 117, dtype)
        depth = float(np.prod(shape[1:]))
        bias = self.random.integers(-3000, 3000, shape[0]).astype(np.int32)
        size = float(source.scale) * float(scale.mean()) * 74 * 74 * np.sqrt(depth)
        return writer.weighted(
            kind,
            source,
            weights,
            np.asarray(scale, np.float32),
            zero_point,
            bias,
            target or self.target(size),
            **attributes,
        )


@st.composite
def makers(draw: st.DrawFn) -> Maker:
    seed = draw(st.integers(0, 2**32 - 1))
    return Maker(np.random.default_rng(seed), draw(st.booleans()))


def differing(model: ModelProto, shape: tuple[int, ...], maker: Maker) -> int:
    graph = load(model)
    samples = maker.random.normal(size=(5, *shape)).astype(np.float32)
    ours = graph.finish(graph.evaluate(graph.quantize(samples))[graph.output.name])
    theirs = oracle_onnxruntime.run(model, samples)
    assert ours.shape == theirs.shape
    return int((ours != theirs).sum())


@pytest.mark.parametrize("dialect", DIALECTS)
@MODELS
@given(
    maker=makers(),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    dilations=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.sampled_from([1, 2, 4]),
    multiple=st.integers(1, 3),
)
def test_any_convolution_is_exact(
    dialect, maker, kernel, strides, pads, dilations, groups, multiple
):
    writer = Writer(dialect)
    source = writer.quantize("x", *maker.target(3.0))
    result = maker.conv(
        writer,
        source,
        4,
        groups * multiple,
        kernel_shape=kernel,
        strides=strides,
        pads=pads,
        dilations=dilations,
        group=groups,
    )
    model = writer.model(["n", 4, 7, 9], writer.dequantize(result))
    assert differing(model, (4, 7, 9), maker) == 0


@pytest.mark.parametrize("dialect", DIALECTS)
@MODELS
@given(maker=makers(), features=st.integers(1, 300), outputs=st.integers(1, 20))
def test_any_dense_layer_is_exact(dialect, maker, features, outputs):
    writer = Writer(dialect)
    source = writer.quantize("x", *maker.target(3.0))
    result = maker.weighted(writer, "Gemm", source, (outputs, features))
    model = writer.model(["n", features], writer.dequantize(result))
    assert differing(model, (features,), maker) == 0


@pytest.mark.parametrize("kind", ["Add", "Mul"])
@pytest.mark.parametrize("dialect", DIALECTS)
@MODELS
@given(maker=makers(), even=st.booleans())
def test_sums_and_products_of_any_scales_are_exact(dialect, kind, maker, even):
    writer = Writer(dialect)
    source = writer.quantize("x", *maker.target(3.0))
    first = maker.conv(writer, source, 2, 3)
    if even:  # the same scale twice, and twice that scale: every other sum is a tie
        same = (first.scale, maker.target(1.0)[1])
        second = maker.weighted(writer, "Conv", source, (3, 2, 1, 1), same)
        target = (np.float32(first.scale * 2), maker.target(1.0)[1])
    else:
        second = maker.conv(writer, source, 2, 3)
        target = maker.target(float(first.scale + second.scale) * 100)
    result = writer.pair(kind, first, second, target)
    model = writer.model(["n", 2, 6, 6], writer.dequantize(result))
    assert differing(model, (2, 6, 6), maker) == 0


@pytest.mark.parametrize("dialect", DIALECTS)
@MODELS
@given(
    maker=makers(),
    kernel=st.tuples(st.integers(2, 3), st.integers(2, 3)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 1)] * 4),
    ceil_mode=st.integers(0, 1),
    auto_pad=st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]),
)
def test_any_max_pooling_is_exact(dialect, maker, kernel, strides, pads, ceil_mode, auto_pad):
    writer = Writer(dialect)
    source = writer.quantize("x", *maker.target(3.0))
    result = maker.conv(writer, source, 2, 3)
    given = {"pads": pads} if auto_pad == "NOTSET" else {}
    pooled = writer.moving(
        "MaxPool",
        result,
        kernel_shape=kernel,
        strides=strides,
        ceil_mode=ceil_mode,
        auto_pad=auto_pad,
        **given,
    )
    model = writer.model(["n", 2, 8, 11], writer.dequantize(pooled))
    assert differing(model, (2, 8, 11), maker) == 0


@pytest.mark.parametrize("dialect", DIALECTS)
@MODELS
@given(maker=makers(), blocks=st.integers(1, 3), joined=st.booleans())
def test_residual_networks_are_exact(dialect, maker, blocks, joined):
    writer = Writer(dialect)
    flow = maker.conv(writer, writer.quantize("x", *maker.target(3.0)), 3, 4)
    for _ in range(blocks):
        branch = maker.conv(writer, flow, 4, 4, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        branch = maker.conv(writer, branch, 4, 4, kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=4)
        target = maker.target(float(flow.scale + branch.scale) * 100)
        flow = writer.pair("Add", branch, flow, target)
    if joined:
        flow = writer.concat([flow, maker.conv(writer, flow, 4, 4)], maker.target(1.0))
    channels = 8 if joined else 4
    mean = writer.global_average(flow, maker.target(float(flow.scale) * 30))
    flat = writer.moving("Flatten", mean, axis=1)
    logits = maker.weighted(writer, "Gemm", flat, (10, channels))
    model = writer.model(["n", 3, 6, 6], writer.dequantize(logits))
    assert differing(model, (3, 6, 6), maker) == 0
