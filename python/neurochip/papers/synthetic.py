"""Synthetic weights: float ONNX networks of any shape that behave as trained ones do.

Every node runs in onnxruntime as it is added, so that each layer is scaled by what really reaches
it: every channel of a weighted layer has the same mean and spread, and a known share of its neurons
is active, however deep the layer lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ..quantize.runtime import session

Floats = NDArray[np.float32]

OPSET = 17
IR_VERSION = 8
LABEL = "synthetic weights"
"""What every model's documentation says, so that no figure of it is taken for a trained one's."""
OFFSET = -0.5
"""Mean of a channel before ReLU, in standard deviations: 31 % of a Gaussian's values stay alive."""
CHANNEL_VALUES = 64
"""Fewer values than this say little about a channel: the whole layer is scaled by one number."""


def pictures(count: int, shape: tuple[int, ...], seed: int = 0) -> Floats:
    """Seeded images (count, *shape) in [0, 1] with the spectrum of photographs, 1 / frequency."""
    rng = np.random.default_rng(seed)
    _, height, width = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf  # no mean: it is set below
    noise = np.fft.rfft2(rng.standard_normal((count, *shape)))
    waves = np.fft.irfft2(noise / frequency, s=(height, width))
    waves /= waves.std(axis=(1, 2, 3), keepdims=True)
    return np.clip(0.45 + 0.25 * waves, 0, 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Signal:
    """A tensor of the network, and its values on the images."""

    name: str
    values: Floats


class FloatModelBuilder:
    """Adds one layer at a time to a float model, with seeded weights."""

    def __init__(self, name: str, samples: Floats, seed: int = 0) -> None:
        """Starts at the model's input, on these samples."""
        self.name = name
        self.input = Signal("input", samples)
        self._rng = np.random.default_rng(seed)
        self._nodes: list[NodeProto] = []
        self._weights: list[TensorProto] = []

    def convolution(
        self, source: Signal, channels: int, kernel: int = 3, stride: int = 1
    ) -> Signal:
        """A convolution that keeps the size but for its stride; no ReLU."""
        shape = (channels, source.values.shape[1], kernel, kernel)
        window: dict[str, Any] = {
            "kernel_shape": [kernel] * 2,
            "strides": [stride] * 2,
            "pads": [kernel // 2] * 4,
        }
        return self._scaled("Conv", source, shape, window)

    def normalized(
        self, source: Signal, channels: int, kernel: int = 3, stride: int = 1, mean: float = OFFSET
    ) -> Signal:
        """A convolution without bias and its batch norm to this mean, as ResNets have; no ReLU."""
        weights = self._constant(self._he((channels, source.values.shape[1], kernel, kernel)))
        window: dict[str, Any] = {
            "kernel_shape": [kernel] * 2,
            "strides": [stride] * 2,
            "pads": [kernel // 2] * 4,
        }
        plain = self._node("Conv", [source], [weights], **window)
        measured, deviation = _statistics(plain.values)
        vectors = (np.ones(channels), np.full(channels, mean), measured, deviation**2)
        norm = [self._constant(vector.astype(np.float32)) for vector in vectors]
        return self._node("BatchNormalization", [plain], norm, epsilon=0.0)

    def dense(self, source: Signal, features: int) -> Signal:
        """A matrix product with bias; no ReLU."""
        return self._scaled("Gemm", source, (features, source.values.shape[1]), {"transB": 1})

    def relu(self, source: Signal) -> Signal:
        """max(x, 0)."""
        return self._node("Relu", [source], [])

    def max_pool(
        self, source: Signal, size: int = 2, stride: int = 2, pads: tuple[int, ...] = (0, 0, 0, 0)
    ) -> Signal:
        """Maxima of windows."""
        window: dict[str, Any] = {
            "kernel_shape": [size] * 2,
            "strides": [stride] * 2,
            "pads": list(pads),
        }
        return self._node("MaxPool", [source], [], **window)

    def add(self, first: Signal, second: Signal) -> Signal:
        """The sum that a residual block ends in."""
        return self._node("Add", [first, second], [])

    def global_average(self, source: Signal) -> Signal:
        """The mean of each channel, as a vector."""
        return self.flatten(self._node("GlobalAveragePool", [source], []))

    def averages(self, source: Signal, size: int) -> Signal:
        """Means of `size` features each, features being a vector: pooling in one dimension."""
        row = self._node("Reshape", [source], [self._constant(np.array([0, 1, -1], np.int64))])
        pooled = self._node("AveragePool", [row], [], kernel_shape=[size], strides=[size])
        return self.flatten(pooled)

    def flatten(self, source: Signal) -> Signal:
        """Everything as a vector."""
        return self._node("Flatten", [source], [])

    def model(self, output: Signal) -> ModelProto:
        """The network from the input to `output`, for any number of samples."""
        tensors = [
            helper.make_tensor_value_info(
                signal.name, TensorProto.FLOAT, ["n", *signal.values.shape[1:]]
            )
            for signal in (self.input, output)
        ]
        graph = helper.make_graph(
            self._nodes, self.name, tensors[:1], tensors[1:], self._weights, doc_string=LABEL
        )
        return _model(graph)

    def _scaled(
        self, op_type: str, source: Signal, shape: tuple[int, ...], attributes: dict[str, Any]
    ) -> Signal:
        """A weighted layer whose weights and bias give every channel the same mean and spread."""
        weights = self._he(shape)
        drawn = _computed(op_type, [source.values, weights], attributes)
        mean, deviation = _statistics(drawn)
        rows = deviation.reshape((-1,) + (1,) * (len(shape) - 1))
        scaled = self._constant((weights / rows).astype(np.float32))
        bias = self._constant((OFFSET - mean / deviation).astype(np.float32))
        return self._node(op_type, [source], [scaled, bias], **attributes)

    def _he(self, shape: tuple[int, ...]) -> Floats:
        weights = self._rng.standard_normal(shape, dtype=np.float32)
        weights *= np.float32(np.sqrt(2 / prod(shape[1:])))
        return weights

    def _constant(self, array: Floats | NDArray[np.int64]) -> TensorProto:
        tensor = numpy_helper.from_array(array, f"constant_{len(self._weights)}")
        self._weights.append(tensor)
        return tensor

    def _node(
        self,
        op_type: str,
        sources: list[Signal],
        constants: list[TensorProto],
        **attributes: Any,
    ) -> Signal:
        """Adds a node and runs it."""
        name = f"{op_type.lower()}_{len(self._nodes)}"
        inputs = [source.name for source in sources] + [constant.name for constant in constants]
        self._nodes.append(helper.make_node(op_type, inputs, [name], name=name, **attributes))
        arrays: list[NDArray[Any]] = [source.values for source in sources]
        arrays += [numpy_helper.to_array(constant) for constant in constants]
        return Signal(name, _computed(op_type, arrays, attributes))


def _statistics(values: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel."""
    channels = values.shape[1]
    axes = (0, *range(2, values.ndim))
    if values.size // channels < CHANNEL_VALUES:
        whole = max(float(values.std()), 1e-3)
        return np.zeros(channels), np.full(channels, whole)
    deviation = values.std(axis=axes, dtype=np.float64)
    floor = 1e-3 * max(float(deviation.mean()), 1e-6)
    return values.mean(axis=axes, dtype=np.float64), np.maximum(deviation, floor)


def _computed(op_type: str, arrays: Sequence[NDArray[Any]], attributes: dict[str, Any]) -> Floats:
    """One operator on these arrays, in onnxruntime."""
    names = [f"x{position}" for position in range(len(arrays))]
    infos = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in zip(names, arrays, strict=True)
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    node = helper.make_node(op_type, names, ["y"], **attributes)
    model = _model(helper.make_graph([node], op_type, infos, [output]))
    (values,) = session(model).run(None, dict(zip(names, arrays, strict=True)))
    return np.asarray(values, np.float32)


def _model(graph: Any) -> ModelProto:
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
