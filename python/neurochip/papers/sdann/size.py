"""Size: which networks the suite measures, and on how many samples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SdannSize:
    """How much is measured."""

    trained: tuple[tuple[str, str, int], ...]
    """Network, data set, and of how many samples accuracy is reported."""
    read: tuple[tuple[str, str, int], ...]
    """The same for readings of RoT, which are told apart by whole test sets."""
    synthetic: tuple[tuple[str, int], ...]
    """Architecture, and of how many images SOPs are counted."""
    searched: int
    """Samples that the search for hybrid settings judges by; it checks on as many others."""
    trials: int
    """Evaluations that the search spends on refinement."""
    pipelined: tuple[str, ...]
    """Trained networks that are run cycle by cycle, with samples in flight."""
    by_layer: tuple[str, ...]
    """Networks whose SOPs are reported layer by layer."""


FULL = SdannSize(
    trained=(
        ("cifar10_vgg_max", "cifar10", 1000),
        ("cifar10_resnet", "cifar10", 1000),
        ("mnist_lenet", "mnist", 2000),
        ("mnist_dscnn", "mnist", 2000),
        ("mnist_mlp", "mnist", 2000),
        ("digits_cnn", "digits", 500),
        ("digits_resnet", "digits", 500),
        ("digits_mlp", "digits", 500),
    ),
    read=(("cifar10_vgg_max", "cifar10", 10_000), ("cifar10_resnet", "cifar10", 10_000)),
    synthetic=(
        ("cifar10net", 8),
        ("resnet18_cifar", 8),
        ("vgg16_cifar", 8),
        ("vgg16", 1),
        ("resnet18", 2),
        ("resnet34", 2),
        ("tiny_vgg", 2),
        ("tiny_yolo", 2),
    ),
    searched=250,
    trials=12,
    pipelined=(
        "cifar10_vgg_max",
        "cifar10_resnet",
        "mnist_lenet",
        "mnist_mlp",
        "digits_cnn",
        "digits_resnet",
    ),
    by_layer=("cifar10_vgg_max", "cifar10_resnet", "digits_cnn", "cifar10net", "vgg16"),
)

QUICK = SdannSize(
    trained=(
        ("cifar10_vgg_max", "cifar10", 16),
        ("mnist_lenet", "mnist", 100),
        ("digits_cnn", "digits", 100),
        ("digits_resnet", "digits", 100),
    ),
    read=(("cifar10_vgg_max", "cifar10", 16), ("digits_cnn", "digits", 100)),
    synthetic=(("cifar10net", 1), ("tiny_vgg", 1)),
    searched=16,
    trials=2,
    pipelined=("digits_cnn", "digits_resnet"),
    by_layer=("digits_cnn", "cifar10net"),
)

AS_PUBLISHED = {
    "cifar10net": "Fang and others, with ReLU and averages for votes",
    "vgg16": "Simonyan and Zisserman",
    "resnet18": "He and others",
    "resnet34": "He and others",
}
"""Architectures whose structure is exactly that of a publication, and whose."""

NOT_THE_PAPERS = {
    "resnet18_cifar": "the usual one for 32x32 images, with a 3x3 stem and no pool, "
    "11.2 M parameters; the paper's may differ",
    "vgg16_cifar": "the usual one for 32x32 images, with batch norms and one dense layer, "
    "14.7 M parameters; the paper's may differ",
    "tiny_vgg": "ours, 5.76 M parameters, as many as the largest network that the paper deploys; "
    "the paper's Tiny-VGG may differ",
    "tiny_yolo": "Tiny YOLO v2 (Redmon and Farhadi) with ReLU, 15.9 M parameters; the paper's "
    "Tiny-YOLO is another network, for the largest that it deploys has 5.76 M",
}
"""Architectures that stand beside networks of the paper and are not these, and what they are."""

COUNTERPARTS = {"cifar10_vgg_max": "cifar10net", "cifar10_resnet": "resnet18_cifar"}
"""Trained networks of ours beside those of the paper that do the same task; ours are smaller."""
