"""The papers' networks, synthetic weights: as large as published, alive in depth."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from onnx import TensorProto

from neurochip.papers import ARCHITECTURES, architectures
from neurochip.papers.sdann.size import AS_PUBLISHED, FULL, NOT_THE_PAPERS, QUICK
from neurochip.papers.synthetic import pictures
from neurochip.quantize import compare

PARAMETERS = {
    "resnet18": 11_689_512,
    "tiny_vgg": 5_760_984,
    "resnet20": 272_474,
    "cifar10net": 36_720_484,
}
"""Trainable numbers: torchvision's, ResNet-20's with projections, of Tiny-VGG 5.76 M, and those of
CIFAR10Net from its structure: 6,912 + 5 x 589,824 of convolutions, 6 x 512 of batch norms, and
16,384 x 2,048 + 2,048 and 2,048 x 100 + 100 of dense layers.
"""


@cache
def model_of(name):
    """A network's model, scaled on one image: its structure does not depend on how many."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(architectures, "pictures", lambda _, shape, seed: pictures(1, shape, seed))
        return ARCHITECTURES[name](0).model


def trainable(model):
    """Sizes of all constants but the measured means and variances of batch norms, and shapes."""
    measured = {
        name
        for node in model.graph.node
        if node.op_type == "BatchNormalization"
        for name in node.input[3:]
    }
    return sum(
        int(np.prod(tensor.dims))
        for tensor in model.graph.initializer
        if tensor.name not in measured and tensor.data_type == TensorProto.FLOAT
    )


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_network_has_as_many_parameters_as_published(name):
    model = model_of(name)
    assert trainable(model) == PARAMETERS[name]
    assert model.graph.doc_string == "synthetic weights"


@pytest.mark.parametrize("name", ["resnet20", "vgg16_cifar"])
def test_synthetic_activations_neither_die_nor_saturate_in_depth(name):
    built = ARCHITECTURES[name](0)
    made, samples = built.quantized(), built.samples[:2]
    answers = compare(built.model, made, samples)
    assert answers.differing == 0
    graph = made.graph()
    codes = graph.evaluate(graph.quantize(samples))
    rectified = {each.layer for each in made.tensors if each.op_type.endswith("Relu")}
    relus = [codes[layer.output.name] for layer in graph.layers if layer.name in rectified]
    assert len(relus) == len(rectified)
    assert all(0.1 < (each > 0).mean() < 0.9 for each in relus)
    assert all((each == 255).mean() < 0.01 for each in relus)


def test_cifar10net_is_the_published_structure():
    """Fang and others (2021), with averages of ten features in place of votes."""
    nodes = model_of("cifar10net").graph.node
    convolution = ["Conv", "BatchNormalization", "Relu"]
    features = 2 * (3 * convolution + ["MaxPool"])
    dense = ["Flatten", "Gemm", "Relu", "Gemm", "Relu"]
    averages = ["Reshape", "AveragePool", "Flatten"]
    assert [node.op_type for node in nodes] == features + dense + averages
    pool = {each.name: list(each.ints) for each in nodes[-2].attribute}
    assert pool == {"kernel_shape": [10], "strides": [10]}


def test_every_network_of_the_report_is_as_published_or_said_not_to_be():
    measured = {name for name, _ in (*FULL.synthetic, *QUICK.synthetic)}
    assert set(AS_PUBLISHED) | set(NOT_THE_PAPERS) == measured
    assert not set(AS_PUBLISHED) & set(NOT_THE_PAPERS)


@pytest.mark.parametrize("name", NOT_THE_PAPERS)
def test_a_network_that_is_not_the_papers_has_the_size_that_the_report_tells(name):
    millions = trainable(model_of(name)) / 1e6
    told = re.search(r"[\d.]+(?= M parameters)", NOT_THE_PAPERS[name]).group()
    assert f"{millions:.{len(told.partition('.')[2])}f}" == told


def test_the_same_seed_builds_the_same_file():
    first, second = (ARCHITECTURES["resnet20"](0).model for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )


def test_another_seed_draws_other_weights_and_pictures():
    first, second = (ARCHITECTURES["resnet20"](seed) for seed in (0, 1))
    assert first.model != second.model
    assert not np.array_equal(first.samples, second.samples)
