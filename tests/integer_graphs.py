"""Small integer Graphs made directly of layers, with seeded numbers and known accumulators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.formats import Array, Format, Tensor
from neurochip.graph import Graph, HostOp, Output
from neurochip.layers import (
    Add,
    AveragePool,
    Concat,
    Convolution,
    Dense,
    Layer,
    Lookup,
    MaxPool,
    Rearrange,
)
from neurochip.layers.weighted import output_size


@dataclass(frozen=True, slots=True, eq=False)
class OnHost(HostOp):
    """Whatever a test wants the host to do."""

    function: Callable[[Array], Array]

    def evaluate(self, array: Array) -> Array:
        return self.function(array)


def code_format(
    zero_point: int = 0, signed: bool = False, scale: float = 1.0, bits: int = 8
) -> Format:
    return Format(bits, signed, np.asarray(scale, np.float32), zero_point)


ACCUMULATOR = Format(32, True, np.asarray(1, np.float32), 0)


def tensor(
    name: str,
    shape: Sequence[int],
    zero_point: int = 0,
    low: int | None = None,
    high: int | None = None,
    **kind: Any,
) -> Tensor:
    format = code_format(zero_point, **kind)
    low = format.qmin if low is None else low
    return Tensor(name, tuple(shape), format, low, format.qmax if high is None else high)


def graph_of(source: Tensor, layers: Sequence[Layer], output: Tensor | None = None) -> Graph:
    last = layers[-1].output if output is None else output
    return Graph("made", source, source.shape, (), tuple(layers), (Output(last.name, last),), ())


def convolution(
    name: str,
    source: Tensor,
    weights: NDArray[Any],
    output: Tensor,
    *,
    bias: NDArray[Any] | int = 0,
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
    groups: int = 1,
    multiplier: float | NDArray[Any] | None = 0.01,
) -> Convolution:
    """A convolution whose output has the shape of `output`, which is replaced if it does not."""
    size = [
        output_size(
            source.shape[1 + axis],
            weights.shape[2 + axis],
            strides[axis],
            pads[axis] + pads[axis + 2],
            dilations[axis],
        )
        for axis in (0, 1)
    ]
    shape = (len(weights), size[0], size[1])
    made = Tensor(output.name, shape, output.format, output.low, output.high)
    channels = np.zeros(len(weights))
    factors = None if multiplier is None else np.float32(channels + multiplier)
    offsets = np.asarray(channels + bias, np.int64)
    return Convolution(
        name, (source,), made, weights.astype(np.int32), offsets, strides, pads, dilations, groups,
        factors,
    )  # fmt: skip


def dense(
    name: str,
    source: Tensor,
    weights: NDArray[Any],
    output: Tensor,
    bias: NDArray[Any] | int = 0,
    multiplier: float | NDArray[Any] | None = 0.01,
) -> Dense:
    outputs = np.zeros(len(weights))
    factors = None if multiplier is None else np.float32(outputs + multiplier)
    made = Tensor(output.name, (len(weights),), output.format, output.low, output.high)
    offsets = np.asarray(outputs + bias, np.int64)
    return Dense(name, (source,), made, weights.astype(np.int32), offsets, factors)


def max_pool(
    name: str,
    source: Tensor,
    kernel: tuple[int, int],
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
) -> MaxPool:
    size = [
        output_size(
            source.shape[1 + axis],
            kernel[axis],
            strides[axis],
            pads[axis] + pads[axis + 2],
            dilations[axis],
        )
        for axis in (0, 1)
    ]
    shape = (source.shape[0], size[0], size[1])
    made = Tensor(f"{name}/out", shape, source.format, source.low, source.high)
    return MaxPool(name, (source,), made, kernel, strides, pads, dilations)


def global_average(name: str, source: Tensor, output: Tensor) -> AveragePool:
    """The multiplier is formed of the two scales in onnxruntime's order."""
    channels, height, width = source.shape
    count = height * width
    made = Tensor(output.name, (channels, 1, 1), output.format, output.low, output.high)
    multiplier = source.format.scale / np.float32(output.format.scale * np.float32(count))
    return AveragePool(
        name,
        (source,),
        made,
        kernel=(height, width),
        strides=(1, 1),
        pads=(0, 0, 0, 0),
        dilations=(1, 1),
        counts=np.full((1, 1), count),
        multiplier=np.full((1, 1), multiplier, np.float32),
        global_=True,
    )


def average(
    name: str,
    source: Tensor,
    output: Tensor,
    kernel: tuple[int, int],
    pads: tuple[int, int, int, int],
    scale: float,
) -> AveragePool:
    """Windows side by side, each divided by the number of values inside the map."""
    channels, height, width = source.shape
    inside = np.pad(np.ones((height, width), np.int64), ((pads[0], pads[2]), (pads[1], pads[3])))
    size = [length // kernel[axis] for axis, length in enumerate(inside.shape)]
    whole = inside[: size[0] * kernel[0], : size[1] * kernel[1]]
    counts = whole.reshape(size[0], kernel[0], size[1], kernel[1]).sum(axis=(1, 3))
    multiplier = (np.float32(scale) / counts.astype(np.float32)).astype(np.float32)
    made = Tensor(output.name, (channels, *counts.shape), output.format, output.low, output.high)
    return AveragePool(
        name, (source,), made, kernel, kernel, pads, (1, 1), counts, multiplier, False
    )


def rearrange(name: str, source: Tensor, index: NDArray[Any]) -> Rearrange:
    low, high = source.low, source.high
    if (index < 0).any():
        low = min(low, source.format.zero_point)
        high = max(high, source.format.zero_point)
    made = Tensor(f"{name}/out", index.shape, source.format, low, high)
    return Rearrange(name, (source,), made, index.astype(np.int32))


def concat(name: str, sources: Sequence[Tensor]) -> Concat:
    """Side by side along the channels."""
    channels = sum(source.shape[0] for source in sources)
    shape = (channels, *sources[0].shape[1:])
    low, high = min(s.low for s in sources), max(s.high for s in sources)
    made = Tensor(f"{name}/out", shape, sources[0].format, low, high)
    index = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    return Concat(name, tuple(sources), made, index)


@dataclass
class Drawing:
    """A random network that grows layer by layer; every drawn number comes from `random`."""

    random: np.random.Generator
    layers: list[Layer] = field(default_factory=list)

    def integer(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.random.integers(low, high + 1))

    def chance(self, one_in: int = 2) -> bool:
        return self.integer(1, one_in) == 1

    def tensor(self, shape: Sequence[int], scale: float = 1.0) -> Tensor:
        """Any integer type, any zero point, codes clamped as by ReLU, by Clip or not at all."""
        name, signed = f"t{len(self.layers)}", self.chance()
        bits = 4 if self.chance(5) else 8
        format = Format(bits, signed, np.asarray(scale, np.float32), 0)
        usual = (
            format.qmin,
            0 if signed else 1 << (bits - 1),
            self.integer(format.qmin, format.qmax),
        )
        zero_point = usual[self.integer(0, 2)]
        low, high = format.qmin, format.qmax
        if self.chance(3):
            low = zero_point
        if self.chance(4):
            high = max(low + 1, self.integer(low, high))
        if low >= high:
            low, high = format.qmin, format.qmax
        format = Format(bits, signed, np.asarray(scale, np.float32), zero_point)
        return Tensor(name, tuple(shape), format, low, high)

    def add(self, layer: Layer) -> Tensor:
        self.layers.append(layer)
        return layer.output

    def weights(self, *shape: int) -> NDArray[np.int32]:
        peak = (1, 7, 40, 127)[self.integer(0, 3)]
        return self.random.integers(-peak, peak + 1, shape).astype(np.int32)

    def scaling(self, layer_weights: NDArray[np.int32], source: Tensor) -> tuple[Any, Any]:
        """Bias and multiplier that spread the accumulators over the output's codes."""
        rows = layer_weights.reshape(len(layer_weights), -1)
        spread = np.abs(rows).sum(axis=1).max() * (source.high - source.low) / 2 + 1
        bias = self.random.integers(-int(spread / 4) - 1, int(spread / 4) + 1, len(rows))
        multiplier = self.random.uniform(50, 400, len(rows) if self.chance() else 1) / spread
        return bias, multiplier

    def convolution(self, source: Tensor, name: str = "") -> Tensor:
        channels, height, width = source.shape
        groups = (1, 1, channels)[self.integer(0, 2)]
        out = groups * self.integer(1, 3)
        kernel = (self.integer(1, min(3, height)), self.integer(1, min(3, width)))
        dilations = (self.integer(1, 2), self.integer(1, 2))
        reach = [(kernel[axis] - 1) * dilations[axis] for axis in (0, 1)]
        pads = [
            self.integer(max(0, reach[a % 2] + 1 - source.shape[1 + a % 2]), reach[a % 2])
            for a in range(4)
        ]
        weights = self.weights(out, channels // groups, *kernel)
        bias, multiplier = self.scaling(weights, source)
        return self.add(
            convolution(
                name or f"conv{len(self.layers)}", source, weights, self.tensor((1, 1, 1)),
                bias=bias, strides=(self.integer(1, 2), self.integer(1, 2)),
                pads=(pads[0], pads[1], pads[2], pads[3]), dilations=dilations, groups=groups,
                multiplier=multiplier,
            )
        )  # fmt: skip

    def dense(self, source: Tensor, outputs: int, accumulator: bool = False) -> Tensor:
        weights = self.weights(outputs, int(np.prod(source.shape)))
        bias, multiplier = self.scaling(weights, source)
        name = f"dense{len(self.layers)}"
        if accumulator:
            output = Tensor(name, (outputs,), ACCUMULATOR, -(2**31), 2**31 - 1)
            return self.add(dense(name, source, weights, output, bias, None))
        return self.add(dense(name, source, weights, self.tensor((outputs,)), bias, multiplier))

    def max_pool(self, source: Tensor) -> Tensor:
        kernel = tuple(min(self.integer(1, 5), source.shape[1 + axis]) for axis in (0, 1))
        strides = (self.integer(1, 2), self.integer(1, 2))
        pads = [self.integer(0, (kernel[axis % 2] - 1) // 2) for axis in range(4)]
        return self.add(
            max_pool(
                f"max{len(self.layers)}", source, (kernel[0], kernel[1]), strides,
                (pads[0], pads[1], pads[2], pads[3]),
            )
        )  # fmt: skip

    def average(self, source: Tensor) -> Tensor:
        scale = float(source.format.scale) / self.random.uniform(0.3, 2)
        output = self.tensor((1, 1, 1), scale)
        return self.add(global_average(f"average{len(self.layers)}", source, output))

    def windowed_average(self, source: Tensor) -> Tensor:
        kernel = (
            self.integer(1, min(3, source.shape[1])),
            self.integer(1, min(3, source.shape[2])),
        )
        pads = [self.integer(0, kernel[axis % 2] - 1) for axis in range(4)]
        output, scale = self.tensor((1, 1, 1)), self.random.uniform(0.3, 2)
        name, padding = f"average{len(self.layers)}", (pads[0], pads[1], pads[2], pads[3])
        return self.add(average(name, source, output, kernel, padding, scale))

    def table(self, source: Tensor, rises: bool) -> Tensor:
        """A rescaling by a factor, or any table at all."""
        output = self.tensor(source.shape)
        codes = np.arange(source.format.qmin, source.format.qmax + 1)
        if rises:
            factor = self.random.uniform(0.3, 1.8)
            entries = (
                np.rint((codes - source.format.zero_point) * factor) + output.format.zero_point
            )
        else:
            entries = self.random.integers(output.low, output.high + 1, codes.shape)
        table = np.clip(entries, output.low, output.high).astype(np.int32)[None]
        return self.add(Lookup(f"table{len(self.layers)}", (source,), output, table))

    def shortcut(self, source: Tensor) -> Tensor:
        """The source, added to a convolution of itself that keeps its shape, or taken from it."""
        channels = source.shape[0]
        weights = self.weights(channels, channels, 3, 3)
        bias, multiplier = self.scaling(weights, source)
        target = self.same_type(source, float(self.random.uniform(0.5, 2)))
        branch = self.add(
            convolution(f"branch{len(self.layers)}", source, weights, target, bias=bias,
                        pads=(1, 1, 1, 1), multiplier=multiplier)
        )  # fmt: skip
        output = self.same_type(source, float(self.random.uniform(0.7, 3)))
        output = Tensor(output.name, source.shape, output.format, output.low, output.high)
        sign = 1 if self.chance() else -1
        return self.add(Add(f"add{len(self.layers)}", (branch, source), output, sign))

    def same_type(self, source: Tensor, scale: float) -> Tensor:
        """A tensor of the source's integer type: onnxruntime adds no others."""
        drawn = source.format
        zero_point = self.integer(drawn.qmin, drawn.qmax)
        format = Format(drawn.bits, drawn.signed, np.asarray(scale, np.float32), zero_point)
        return Tensor(f"t{len(self.layers)}", source.shape, format, format.qmin, format.qmax)

    def transpose(self, source: Tensor) -> Tensor:
        numbers = np.arange(np.prod(source.shape)).reshape(source.shape)
        return self.add(rearrange(f"move{len(self.layers)}", source, numbers.transpose(0, 2, 1)))

    def flatten(self, source: Tensor) -> Tensor:
        numbers = np.arange(np.prod(source.shape))
        return self.add(rearrange(f"flat{len(self.layers)}", source, numbers))

    def padded(self, source: Tensor) -> Tensor:
        """Every second row and column, and as many channels of zeros beside those it has."""
        numbers = np.arange(np.prod(source.shape)).reshape(source.shape)[:, ::2, ::2]
        index = np.concatenate([numbers, np.full(numbers.shape, -1)])
        return self.add(rearrange(f"pad{len(self.layers)}", source, index))

    def joined(self, source: Tensor) -> Tensor:
        """The source beside its own maximum: two populations that hold one tensor."""
        pooled = self.add(max_pool(f"max{len(self.layers)}", source, (3, 3), pads=(1, 1, 1, 1)))
        return self.add(concat(f"join{len(self.layers)}", (source, pooled)))

    def samples(self, source: Tensor, count: int) -> NDArray[np.float32]:
        """Codes of the input, as the real numbers that stand for them."""
        codes = self.random.integers(source.low, source.high + 1, (count, *source.shape))
        return source.format.dequantize(codes)


IN_INTEGERS = (
    "convolution",
    "max_pool",
    "average",
    "rescaling",
    "shortcut",
    "transpose",
    "padded",
    "joined",
)
"""What `drawn` may put between the input and the dense layer at the end."""

STEPS = (*IN_INTEGERS, "windowed_average")
"""And those that onnxruntime computes in float."""


def drawn(
    seed: int, steps: Sequence[str], accumulator: bool, any_table: bool = False
) -> tuple[Graph, NDArray[np.float32]]:
    """A network of these steps, and samples for it."""
    drawing = Drawing(np.random.default_rng(seed))
    shape = (drawing.integer(1, 4), drawing.integer(3, 7), drawing.integer(3, 7))
    source = flow = replace(drawing.tensor(shape, scale=0.5), name="x")
    for step in steps:
        if step == "rescaling":
            flow = drawing.table(flow, rises=not any_table)
        else:
            flow = getattr(drawing, step)(flow)
    if not steps or drawing.chance():
        flow = drawing.dense(drawing.flatten(flow), drawing.integer(1, 6), accumulator)
    graph = graph_of(source, drawing.layers)
    return graph, drawing.samples(source, 6)
