"""Networks to measure with: the committed ones, and seeded ones of published shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurochip.formats import Format, Tensor
from neurochip.graph import Graph, Output, load
from neurochip.layers import AveragePool, Convolution, Dense, Layer, MaxPool, Rearrange

LENET = Path(__file__).parents[1] / "examples" / "mnist_lenet.onnx"
WEIGHT_SPREAD = 25
"""Standard deviation of seeded 8-bit weights: what trained ones have."""
ACTIVITY = 0.5
"""Share of the activations that are not zero after ReLU."""


def lenet() -> tuple[Graph, NDArray[np.float32]]:
    """The committed MNIST LeNet, and strokes that are as bright and as sparse as its digits."""
    return load(LENET), strokes(256)


def strokes(count: int) -> NDArray[np.float32]:
    """Seeded pictures (count, 1, 28, 28) of thick random walks: 19 % of the pixels are lit."""
    rng = np.random.default_rng(0)
    pictures = np.zeros((count, 28, 28), np.float32)
    for picture in pictures:
        position = rng.integers(8, 20, 2)
        while (picture > 0).mean() < 0.19:
            position = np.clip(position + rng.integers(-1, 2, 2), 4, 22)
            y, x = position
            lit = rng.uniform(0.3, 1.0, (2, 2)).astype(np.float32)
            picture[y : y + 2, x : x + 2] = np.maximum(picture[y : y + 2, x : x + 2], lit)
    return pictures[:, None]


def convolution(channels: int = 64, size: int = 32) -> tuple[Graph, NDArray[np.float32]]:
    """One 3x3 convolution, `channels` to `channels`, on half-active 8-bit maps."""
    builder = _Builder((channels, size, size))
    builder.convolution(channels)
    rng = np.random.default_rng(1)
    samples = rng.uniform(0, 1, (8, channels, size, size)) * (
        rng.random((8, channels, size, size)) < ACTIVITY
    )
    return builder.graph("convolution"), samples.astype(np.float32)


def cifar_network() -> tuple[Graph, NDArray[np.float32]]:
    """A CIFAR-10 VGG of seven convolutions (64 to 256 channels), seeded weights."""
    builder = _Builder((3, 32, 32))
    for channels, convolutions in ((64, 2), (128, 2), (256, 3)):
        for _ in range(convolutions):
            builder.convolution(channels)
        builder.max_pool()
    builder.global_average()
    builder.dense(10)
    samples = np.random.default_rng(2).uniform(0, 1, (32, 3, 32, 32)).astype(np.float32)
    return builder.graph("cifar10_vgg"), samples


class _Builder:
    """A sequence of layers whose scales keep half of the activations alive."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.rng = np.random.default_rng(0)
        self.layers: list[Layer] = []
        self.input = self.last = _tensor("input", shape)

    def convolution(self, channels: int) -> None:
        """A 3x3 convolution with ReLU, padded to keep its size."""
        source = self.last
        weights = self._weights((channels, source.shape[0], 3, 3))
        target = _tensor(f"conv{len(self.layers)}", (channels, *source.shape[1:]))
        layer = Convolution(
            target.name,
            (source,),
            target,
            weights,
            np.zeros(channels, np.int64),
            (1, 1),
            (1, 1, 1, 1),
            (1, 1),
            1,
            self._multiplier(weights),
        )
        self._append(layer)

    def max_pool(self) -> None:
        """Halves both sides."""
        source = self.last
        channels, height, width = source.shape
        target = _tensor(f"pool{len(self.layers)}", (channels, height // 2, width // 2))
        self._append(MaxPool(target.name, (source,), target, (2, 2), (2, 2), (0, 0, 0, 0), (1, 1)))

    def global_average(self) -> None:
        """The mean of each channel."""
        source = self.last
        _, height, width = source.shape
        count = height * width
        target = _tensor(f"mean{len(self.layers)}", (source.shape[0], 1, 1))
        layer = AveragePool(
            target.name,
            (source,),
            target,
            (height, width),
            (1, 1),
            (0, 0, 0, 0),
            (1, 1),
            np.full((1, 1), count),
            np.full((1, 1), 1 / count, np.float32),
            True,
        )
        self._append(layer)

    def dense(self, features: int) -> None:
        """Weights for every input."""
        source = self.last
        count = int(np.prod(source.shape))
        flat = _tensor("flat", (count,))
        self._append(Rearrange("flatten", (source,), flat, np.arange(count, dtype=np.int32)))
        weights = self._weights((features, count))
        target = _tensor("logits", (features,))
        self._append(
            Dense(
                "logits",
                (flat,),
                target,
                weights,
                np.zeros(features, np.int64),
                self._multiplier(weights),
            )
        )

    def graph(self, name: str) -> Graph:
        """What was built."""
        outputs = (Output(self.last.name, self.last),)
        return Graph(name, self.input, self.input.shape, (), tuple(self.layers), outputs, ())

    def _append(self, layer: Layer) -> None:
        self.layers.append(layer)
        self.last = layer.output

    def _weights(self, shape: tuple[int, ...]) -> NDArray[np.int32]:
        return np.clip(self.rng.normal(0, WEIGHT_SPREAD, shape), -127, 127).astype(np.int32)

    def _multiplier(self, weights: NDArray[np.int32]) -> NDArray[np.float32]:
        """Brings a sum of independent inputs back to 8 bits."""
        fan_in = weights[0].size
        spread = WEIGHT_SPREAD * np.sqrt(fan_in) * 80
        return np.full(len(weights), 80 / spread, np.float32)


def _tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    return Tensor(name, shape, Format(8, False, np.asarray(1 / 255, np.float32), 0), 0, 255)
