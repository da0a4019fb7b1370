"""Small float networks of many architectures, and what onnxruntime's quantizer makes of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from float_networks import FloatNetwork

Build = Callable[[FloatNetwork], Any]


class Corpus(FloatNetwork):
    """Nodes with weights that keep the spread of what passes through."""

    def weights(self, *shape: int) -> str:
        fan_in = int(np.prod(shape[1:]))
        return self.constant((self.rng.normal(size=shape) * (2 / fan_in) ** 0.5).astype("f"))

    def conv(self, inputs: int, outputs: int, size: int = 3, groups: int = 1, **given: Any) -> str:
        """A convolution that keeps the size of its map unless told otherwise."""
        reach = size // 2 * given.get("dilations", [1])[0]
        others = [self.weights(outputs, inputs // groups, size, size), self.offsets(outputs)]
        window = {"kernel_shape": [size, size], "pads": [reach] * 4, "group": groups}
        return self.add("Conv", *others, **(window | given))

    def gemm(self, inputs: int, outputs: int) -> str:
        return self.add("Gemm", self.weights(outputs, inputs), self.offsets(outputs), transB=1)

    def product(self, inputs: int, outputs: int) -> str:
        """A matrix product and its bias as PyTorch and Keras write them for maps."""
        kernel = self.rng.normal(size=(inputs, outputs)) * (2 / inputs) ** 0.5
        self.add("MatMul", self.constant(kernel.astype("f")))
        return self.add("Add", self.offsets(outputs))

    def offsets(self, count: int) -> str:
        return self.constant((self.rng.normal(size=count) * 0.1).astype("f"))

    def relu6(self) -> str:
        return self.add("Clip", *(self.constant(np.float32(bound)) for bound in (0, 6)))

    def halve(self, op_type: str = "MaxPool") -> str:
        return self.add(op_type, kernel_shape=[2, 2], strides=[2, 2])

    def head(self, channels: int, classes: int = 5) -> None:
        """The mean of each channel, and a class."""
        self.add("GlobalAveragePool")
        self.add("Flatten")
        self.gemm(channels, classes)

    def whole(self, axes: str) -> str:
        """A constant of int64, such as a shape."""
        return self.constant(np.array([int(each) for each in axes.split()], np.int64))


def mlp(net: Corpus) -> None:
    net.add("Flatten")
    for inputs, outputs in ((192, 24), (24, 16)):
        net.gemm(inputs, outputs)
        net.add("Relu")
    net.gemm(16, 5)
    net.add("Softmax")


def lenet(net: Corpus) -> None:
    for inputs, outputs in ((3, 4), (4, 6)):
        net.conv(inputs, outputs)
        net.add("Relu")
        net.halve()
    net.add("Reshape", net.whole("-1 24"))
    net.gemm(24, 12)
    net.add("Relu")
    net.gemm(12, 5)


def vgg(net: Corpus) -> None:
    for inputs, outputs in ((3, 4), (4, 4), (4, 8)):
        net.conv(inputs, outputs)
        net.batch_norm(outputs)
        net.add("Relu")
    net.halve()
    net.add("Dropout")
    net.head(8)


def resnet(net: Corpus) -> None:
    net.conv(3, 4)
    net.batch_norm(4)
    first = net.add("Relu")
    net.conv(4, 4)
    net.batch_norm(4)
    net.add("Relu")
    net.conv(4, 4)
    net.batch_norm(4)
    net.add("Add", first)
    second = net.add("Relu")
    net.conv(4, 8, strides=[2, 2])
    main = net.add("Relu")
    net.last = second
    net.conv(4, 8, size=1, strides=[2, 2])
    net.add("Add", main)
    net.add("Relu")
    net.head(8)


def mobilenet(net: Corpus) -> None:
    net.conv(3, 8, strides=[2, 2])
    net.relu6()
    net.conv(8, 8, groups=8)
    net.relu6()
    source = net.conv(8, 4, size=1)
    net.conv(4, 12, size=1)
    net.relu6()
    net.conv(12, 12, groups=12)
    net.relu6()
    net.conv(12, 4, size=1)
    net.add("Add", source)
    net.head(4)


def inception(net: Corpus) -> None:
    net.conv(3, 4)
    source = net.add("Relu")
    parts = []
    for size in (1, 3, 5):
        net.last = source
        net.conv(4, 3, size=size)
        parts.append(net.add("Relu"))
    net.add("MaxPool", source=source, kernel_shape=[3, 3], pads=[1] * 4)
    net.conv(4, 2, size=1)
    last = net.add("Relu")
    net.add("Concat", *parts[1:], last, source=parts[0], axis=1)
    net.head(11)


def squeezenet(net: Corpus) -> None:
    net.conv(3, 8)
    net.add("Relu")
    net.conv(8, 3, size=1)
    squeezed = net.add("Relu")
    net.conv(3, 4, size=1)
    left = net.add("Relu")
    net.last = squeezed
    net.conv(3, 4)
    right = net.add("Relu")
    net.add("Concat", right, source=left, axis=1)
    net.conv(8, 5, size=1)
    net.add("Relu")
    net.add("GlobalAveragePool")
    net.add("Flatten")


def densenet(net: Corpus) -> None:
    source = net.conv(3, 4)
    for channels in (4, 7, 10):
        net.last = source
        net.batch_norm(channels)
        net.add("Relu")
        new = net.conv(channels, 3)
        source = net.add("Concat", new, source=source, axis=1)
    net.add("Relu")
    net.head(13)


def squeeze_excite(net: Corpus) -> None:
    net.conv(3, 8)
    source = net.add("Relu")
    net.add("GlobalAveragePool")
    net.conv(8, 2, size=1)
    net.add("Relu")
    net.conv(2, 8, size=1)
    gate = net.add("HardSigmoid", alpha=1 / 6, beta=0.5)
    net.add("Mul", gate, source=source)
    net.head(8)


def one_dimension(net: Corpus) -> None:
    net.add("Reshape", net.whole("0 3 64"))
    for inputs, outputs in ((3, 6), (6, 6)):
        kernel, offsets = net.weights(outputs, inputs, 5), net.offsets(outputs)
        net.add("Conv", kernel, offsets, kernel_shape=[5], pads=[2, 2])
        net.add("Relu")
        net.add("MaxPool", kernel_shape=[2], strides=[2])
    net.head(6)


def upsampling(net: Corpus) -> None:
    net.conv(3, 8, strides=[2, 2])
    net.add("Relu")
    net.conv(8, 12)
    net.add("Relu")
    net.add("DepthToSpace", blocksize=2)
    net.conv(3, 2)


def detection_head(net: Corpus) -> None:
    net.conv(3, 8, strides=[2, 2])
    net.add("Relu")
    net.conv(8, 14, size=1)
    net.add("Reshape", net.whole("0 2 7 4 4"))
    net.add("Transpose", perm=[0, 1, 3, 4, 2])
    net.add("Sigmoid")
    net.add("Reshape", net.whole("0 -1 7"))


def halves(net: Corpus) -> None:
    """A ShuffleNet block: half of the channels goes through, and the channels are mixed."""
    net.conv(3, 8)
    net.add("Relu")
    net.add("Split", axis=1)
    left, right = net.last, f"{net.last}_right"
    net.nodes[-1].output.append(right)
    net.last = right
    net.conv(4, 4, groups=4)
    net.conv(4, 4, size=1)
    done = net.add("Relu")
    net.add("Concat", done, source=left, axis=1)
    net.add("Reshape", net.whole("0 2 4 8 8"))
    net.add("Transpose", perm=[0, 2, 1, 3, 4])
    net.add("Reshape", net.whole("0 8 8 8"))
    net.conv(8, 5, size=1)
    net.add("Relu")
    net.head(5)


def mixer(net: Corpus) -> None:
    net.conv(3, 8, size=2, pads=[0] * 4, strides=[2, 2])
    net.add("Reshape", net.whole("0 8 16"))
    source = net.last
    net.product(16, 12)
    net.add("Relu")
    net.product(12, 16)
    net.add("Add", source)
    net.add("Transpose", perm=[0, 2, 1])
    net.product(8, 12)
    net.add("Relu")
    net.product(12, 8)
    net.add("Flatten")
    net.gemm(128, 5)


def leaky(net: Corpus) -> None:
    for inputs, outputs in ((3, 6), (6, 6)):
        net.conv(inputs, outputs)
        net.add("LeakyRelu", alpha=0.1)
    net.halve()
    net.conv(6, 4)
    net.add("LeakyRelu", alpha=0.1)
    net.head(4)


def averaging(net: Corpus) -> None:
    for inputs, outputs in ((3, 4), (4, 6)):
        net.conv(inputs, outputs)
        net.add("Relu")
        net.halve("AveragePool")
    net.add("Flatten")
    net.gemm(24, 5)


def grouped(net: Corpus) -> None:
    net.conv(3, 8)
    net.add("Relu")
    net.conv(8, 8, groups=2, dilations=[2, 2])
    net.add("Relu")
    net.conv(8, 12, groups=4, strides=[2, 2])
    net.add("Relu")
    net.head(12)


def channels_last(net: Corpus) -> None:
    """As Keras is exported: maps turned round before and behind, the mean over axes."""
    net.add("Transpose", perm=[0, 2, 3, 1])
    net.add("Transpose", perm=[0, 3, 1, 2])
    net.conv(3, 6)
    net.add("Relu")
    net.halve()
    net.add("Transpose", perm=[0, 2, 3, 1])
    net.add("Reshape", net.whole("-1 96"))
    net.product(96, 5)


def autoencoder(net: Corpus) -> None:
    net.add("Reshape", net.whole("-1 192"))
    widths = (192, 24, 8, 24, 192)
    for inputs, outputs in pairwise(widths):
        net.add("Relu")
        net.gemm(inputs, outputs)
    net.add("Reshape", net.whole("-1 3 8 8"))


def unet(net: Corpus) -> None:
    """Down and up again; what comes up is joined with what was there before."""
    net.conv(3, 4)
    wide = net.add("Relu")
    net.halve()
    net.conv(4, 8)
    net.add("Relu")
    net.conv(8, 16, size=1)
    net.add("DepthToSpace", blocksize=2, mode="CRD")
    net.add("Concat", wide, axis=1)
    net.conv(8, 4)
    net.add("Relu")
    net.conv(4, 1, size=1)
    net.add("Sigmoid")


def temporal(net: Corpus) -> None:
    """Causal convolutions over time: padded in front, wider and wider, with residual sums."""
    net.add("Reshape", net.whole("0 3 64"))
    channels = 3
    for dilation in (1, 2, 4):
        source = net.last
        net.add("Pad", net.whole(f"0 0 {2 * dilation} 0 0 0"))
        kernel, offsets = net.weights(6, channels, 3), net.offsets(6)
        net.add("Conv", kernel, offsets, kernel_shape=[3], dilations=[dilation])
        done = net.add("Relu")
        if channels == 6:
            net.add("Add", done, source=source)
        channels = 6
    net.head(6)


def keywords(net: Corpus) -> None:
    """Depthwise separable, with windows that are no squares and pads that are uneven."""
    net.conv(3, 8, pads=[0, 1, 1, 2], strides=[1, 2], auto_pad="NOTSET")
    net.add("Relu")
    for _ in range(2):
        net.conv(8, 8, groups=8)
        net.add("Relu")
        net.conv(8, 8, size=1)
        net.add("Relu")
    net.add("ReduceMean", axes=[2, 3], keepdims=0)
    net.gemm(8, 5)
    net.add("Softmax")


def convmixer(net: Corpus) -> None:
    net.conv(3, 8, size=2, pads=[0] * 4, strides=[2, 2])
    net.add("Relu")
    for _ in range(2):
        source = net.last
        net.conv(8, 8, groups=8)
        net.add("Relu")
        net.add("Add", source)
        net.conv(8, 8, size=1)
        net.add("Relu")
    net.add("GlobalMaxPool")
    net.add("Squeeze", net.whole("2 3"))
    net.gemm(8, 5)


def gated(net: Corpus) -> None:
    """Functions that are no clamps, on maps and on vectors."""
    net.conv(3, 6)
    net.add("HardSigmoid", alpha=0.2, beta=0.5)
    net.conv(6, 6)
    net.add("Tanh")
    net.halve()
    net.add("Flatten")
    net.gemm(96, 8)
    net.add("Sigmoid")
    net.gemm(8, 5)
    net.add("LogSoftmax", axis=-1)


ARCHITECTURES: dict[str, Build] = {
    build.__name__: build  # type: ignore[attr-defined]
    for build in (
        mlp,
        lenet,
        vgg,
        resnet,
        mobilenet,
        inception,
        squeezenet,
        densenet,
        squeeze_excite,
        one_dimension,
        upsampling,
        detection_head,
        halves,
        mixer,
        leaky,
        averaging,
        grouped,
        channels_last,
        autoencoder,
        unet,
        temporal,
        keywords,
        convmixer,
        gated,
    )
}

UINT8: dict[str, Any] = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "uint8": UINT8,
    "qoperator": {"quant_format": QuantFormat.QOperator, **UINT8},
    "per channel": {"per_channel": True, **UINT8},
    "int8": {"activation_type": QuantType.QInt8, "per_channel": True},
    "first excluded": {"excluded": ("others", 0), **UINT8},
    "last excluded": {"excluded": ("others", -1), **UINT8},
    "first layer in float": {"excluded": ("weighted", 0), **UINT8},
    "last layer in float": {"excluded": ("weighted", -1), **UINT8},
}


class Samples(CalibrationDataReader):
    """Calibration samples, one by one."""

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._left = iter(samples)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        sample = next(self._left, None)
        return None if sample is None else {"x": sample[None]}


WEIGHTED = ("Conv", "Gemm", "MatMul")


def network(architecture: str, *, normalizing: bool, seed: int = 0) -> Corpus:
    """A float network, with (x - mean) / deviation in front where it normalizes."""
    net = Corpus(3, 8, 8, seed=seed)
    if normalizing:
        mean, deviation = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        for op_type, numbers in (("Sub", mean), ("Div", deviation)):
            net.add(op_type, net.constant(np.array(numbers, np.float32).reshape(1, 3, 1, 1)))
    ARCHITECTURES[architecture](net)
    return net


def quantized(net: Corpus, variant: str, folder: Path) -> ModelProto:
    """What onnxruntime's quantizer makes of a network."""
    choices = dict(VARIANTS[variant])
    model = net.model()
    if "excluded" in choices:
        kind, position = choices.pop("excluded")
        names = [
            node.name
            for node in model.graph.node
            if (node.op_type in WEIGHTED) == (kind == "weighted")
        ]
        choices["nodes_to_exclude"] = [names[position]]
    path = folder / "quantized.onnx"
    logging.disable(logging.WARNING)  # it advises to prepare models that need no preparation
    try:
        quantize_static(model, path, Samples(net.samples(16)), **choices)
    finally:
        logging.disable(logging.NOTSET)
    return ModelProto.FromString(path.read_bytes())
