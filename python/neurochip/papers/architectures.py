"""The networks of the papers, and of our benchmarks, as float ONNX with synthetic weights.

Structures are those of the publications named, or said to be ours: the SDANN paper's own Tiny-VGG
and Tiny-YOLO may differ. Weights are seeded: costs are those
of the architecture, accuracy has no meaning. `ARCHITECTURES` has them by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onnx import ModelProto

from ..quantize import Quantized, quantize
from .synthetic import FloatModelBuilder, Floats, Signal, pictures

CIFAR = (3, 32, 32)
IMAGENET = (3, 224, 224)
VOC = (3, 416, 416)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A float network, and the images that its weights were scaled on."""

    name: str
    model: ModelProto
    samples: Floats
    """(count, channels, height, width) in [0, 1]."""

    def quantized(self, bits: int = 8) -> Quantized:
        """The network with uint8 activations, or fewer bits, and int8 weights per tensor."""
        return quantize(self.model, self.samples, bits=bits)


def cifar10net(seed: int = 0) -> Architecture:
    """CIFAR10Net (Fang and others, 2021, as in SpikingJelly) with ReLU for spiking neurons.

    As in the SDANN paper (section 4.2.1), averages of ten features stand in place of the layer that
    votes. Dropout does nothing at inference and is left out. 36.7 M parameters.
    """
    builder = _cifar("cifar10net", seed)
    last = builder.input
    for _ in range(2):
        for _ in range(3):
            last = _normalized(builder, last, 256)
        last = builder.max_pool(last)
    last = builder.flatten(last)
    for features in (2048, 100):
        last = builder.relu(builder.dense(last, features))
    return _finish(builder, builder.averages(last, 10))


VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of 3x3 convolutions, 0 where a pool halves the map (Simonyan and Zisserman, table D)."""


def vgg16_cifar(seed: int = 0) -> Architecture:
    """VGG-16 for 32x32 images: batch norms, one dense layer for three; 14.7 M parameters."""
    builder = _cifar("vgg16_cifar", seed)
    last = builder.input
    for channels in VGG16:
        last = _normalized(builder, last, channels) if channels else builder.max_pool(last)
    return _finish(builder, builder.dense(builder.flatten(last), 10))


def vgg16(seed: int = 0) -> Architecture:
    """VGG-16 for ImageNet: 138 M parameters, 13.5 M neurons before pooling."""
    builder = _imagenet("vgg16", seed)
    last = builder.input
    for channels in VGG16:
        if channels:
            last = builder.relu(builder.convolution(last, channels))
        else:
            last = builder.max_pool(last)
    last = builder.flatten(last)
    for features in (4096, 4096):
        last = builder.relu(builder.dense(last, features))
    return _finish(builder, builder.dense(last, 1000))


def tiny_vgg(seed: int = 0) -> Architecture:
    """A VGG for ImageNet, structure ours; 5.76 M parameters, as the paper's largest deployed."""
    builder = _imagenet("tiny_vgg", seed)
    last = builder.input
    for channels in (16, 48, 96, 256, 512, 768):
        if channels > 16:
            last = builder.max_pool(last)
        last = _normalized(builder, last, channels)
    return _finish(builder, builder.dense(builder.global_average(last), 1000))


def tiny_yolo(seed: int = 0) -> Architecture:
    """Tiny YOLO v2 for VOC (Redmon and Farhadi): 13x13 cells of 5 boxes; ReLU for its leaky one.

    Not the SDANN paper's own: these are 15.9 M parameters, its largest deployed network has 5.76 M.
    """
    builder = FloatModelBuilder("tiny_yolo", pictures(1, VOC, seed), seed)
    last = builder.input
    for channels in (16, 32, 64, 128, 256):
        last = builder.max_pool(_normalized(builder, last, channels))
    last = _normalized(builder, last, 512)
    last = builder.max_pool(last, stride=1, pads=(0, 0, 1, 1))
    for channels in (1024, 1024):
        last = _normalized(builder, last, channels)
    return _finish(builder, builder.convolution(last, 125, kernel=1))


def resnet18(seed: int = 0) -> Architecture:
    """ResNet-18 for ImageNet (He and others, table 1): 11.7 M parameters."""
    return _imagenet_resnet("resnet18", seed, (2, 2, 2, 2))


def resnet34(seed: int = 0) -> Architecture:
    """ResNet-34 for ImageNet (He and others, table 1): 21.8 M parameters."""
    return _imagenet_resnet("resnet34", seed, (3, 4, 6, 3))


def resnet18_cifar(seed: int = 0) -> Architecture:
    """ResNet-18 for 32x32 images: a 3x3 stem without pool; 11.2 M parameters."""
    return _cifar_resnet("resnet18_cifar", seed, (2, 2, 2, 2), 64)


def resnet34_cifar(seed: int = 0) -> Architecture:
    """ResNet-34 for 32x32 images: a 3x3 stem without pool; 21.3 M parameters."""
    return _cifar_resnet("resnet34_cifar", seed, (3, 4, 6, 3), 64)


def resnet20(seed: int = 0) -> Architecture:
    """ResNet-20 for CIFAR-10 (He and others, section 4.2), 1x1 shortcuts; 0.27 M parameters."""
    return _cifar_resnet("resnet20", seed, (3, 3, 3), 16)


ARCHITECTURES: dict[str, Callable[[int], Architecture]] = {
    build.__name__: build
    for build in (
        cifar10net,
        vgg16_cifar,
        vgg16,
        tiny_vgg,
        tiny_yolo,
        resnet18,
        resnet34,
        resnet18_cifar,
        resnet34_cifar,
        resnet20,
    )
}


def _cifar(name: str, seed: int) -> FloatModelBuilder:
    return FloatModelBuilder(name, pictures(16, CIFAR, seed), seed)


def _imagenet(name: str, seed: int) -> FloatModelBuilder:
    return FloatModelBuilder(name, pictures(1, IMAGENET, seed), seed)


def _finish(builder: FloatModelBuilder, output: Signal) -> Architecture:
    return Architecture(builder.name, builder.model(output), builder.input.values)


def _normalized(builder: FloatModelBuilder, source: Signal, channels: int) -> Signal:
    return builder.relu(builder.normalized(source, channels))


def _imagenet_resnet(name: str, seed: int, blocks: tuple[int, ...]) -> Architecture:
    builder = _imagenet(name, seed)
    stem = builder.relu(builder.normalized(builder.input, 64, kernel=7, stride=2))
    last = _stages(builder, builder.max_pool(stem, size=3, pads=(1, 1, 1, 1)), blocks, 64)
    return _finish(builder, builder.dense(builder.global_average(last), 1000))


def _cifar_resnet(name: str, seed: int, blocks: tuple[int, ...], channels: int) -> Architecture:
    builder = _cifar(name, seed)
    last = _stages(builder, _normalized(builder, builder.input, channels), blocks, channels)
    return _finish(builder, builder.dense(builder.global_average(last), 10))


def _stages(
    builder: FloatModelBuilder, last: Signal, blocks: tuple[int, ...], channels: int
) -> Signal:
    """Stages of basic blocks; each but the first halves the map and doubles the channels."""
    for stage, count in enumerate(blocks):
        for block in range(count):
            stride = 2 if stage and not block else 1
            last = _basic_block(builder, last, channels << stage, stride)
    return last


def _basic_block(builder: FloatModelBuilder, source: Signal, channels: int, stride: int) -> Signal:
    """Two 3x3 convolutions beside the identity, or beside a 1x1 projection where sizes change.

    Neither branch has a mean: sums of many blocks would drift away from zero.
    """
    inner = builder.relu(builder.normalized(source, channels, stride=stride))
    branch = builder.normalized(inner, channels, mean=0.0)
    if stride == 1 and source.values.shape[1] == channels:
        return builder.relu(builder.add(branch, source))
    shortcut = builder.normalized(source, channels, kernel=1, stride=stride, mean=0.0)
    return builder.relu(builder.add(branch, shortcut))
