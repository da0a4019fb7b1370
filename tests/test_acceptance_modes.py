"""Networks of the zoo in every mode on Darwin3, layer by layer from equal integers.

The digits run from the repository; MNIST and CIFAR-10 need NEUROCHIP_DATA. By default a few
images each; NEUROCHIP_ACCEPT=all runs whole test sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import neurochip as nc
from float_networks import FloatNetwork
from neurochip.graph import Graph, load
from neurochip.layers import AveragePool, Layer, Weighted
from neurochip.quantize import quantize
from one_population import codes_computed, membranes, population_of
from scaled_by_hand import scaled_by_hand
from test_acceptance import (
    BATCH,
    EIGHT_BITS,
    EVERYTHING,
    FOUR_BITS,
    HAVE_FOUR_BITS,
    NETWORKS,
    pictures,
    scaled,
    zoo_model,
)

ROOT = Path(__file__).parents[1]
CALIBRATION_SAMPLES = 256 if EVERYTHING else 64
MOST_DIFFERING = 0.00005
"""Values that the constants of double membranes may change, of each layer's."""
LOSS_OF_DOUBLE, LOSS_OF_SCALED = 0.0005, 0.001
"""Of the accuracy."""


def variants(data_set: str, network: str) -> tuple[str, ...]:
    """The quantizations of a network that are run."""
    if EVERYTHING:
        return (*EIGHT_BITS, *(FOUR_BITS if network in HAVE_FOUR_BITS else ()))
    return EIGHT_BITS if data_set == "digits" else ("uint8_qdq",)


MODELS = [
    pytest.param(data_set, network, variant, id=f"{network}-{variant}")
    for data_set, networks in NETWORKS.items()
    for network in networks
    for variant in variants(data_set, network)
]
COLLAPSING = [
    pytest.param(data_set, network, variant, id=f"{network}-{variant}")
    for data_set, networks in NETWORKS.items()
    for network in networks
    for variant in (EIGHT_BITS if EVERYTHING else ("uint8_qdq",))
]


@dataclass(frozen=True)
class Case:
    """A quantized network, test images with their labels, and images to calibrate with."""

    graph: Graph
    x: NDArray[np.float32]
    labels: NDArray[np.integer]
    calibration: NDArray[np.float32]

    def compiled(self, **fields: object) -> nc.Image:
        """For Darwin3, with these settings."""
        settings = nc.Settings(nc.LayerSettings(**fields))
        return nc.compile(self.graph, calibration=self.calibration, settings=settings)

    def accuracy(self, predictions: NDArray[np.integer]) -> float:
        return float((predictions == self.labels).mean())

    def exact_accuracy(self) -> float:
        """In exact integers, which is onnxruntime's."""
        parts = [self.x[start : start + BATCH] for start in range(0, len(self.x), BATCH)]
        name = self.graph.output.name
        outputs = [self.graph.evaluate(self.graph.quantize(part))[name] for part in parts]
        return self.accuracy(self.graph.finish(np.concatenate(outputs)).argmax(axis=1))

    def of_each_layer(
        self,
        image: nc.Image,
        compare: Callable[[Layer, dict[str, NDArray[np.generic]]], object],
    ) -> None:
        """Calls `compare` with the exact tensors before each layer that is not proven exact."""
        for start in range(0, len(self.x), BATCH):
            codes = self.graph.evaluate(self.graph.quantize(self.x[start : start + BATCH]))
            for layer in self.graph.layers:
                population = population_of(image.network, layer)
                if population is not None and not population.facts.proven:
                    compare(layer, {name: codes[name] for name in _before(self.graph, layer)})


def _before(graph: Graph, layer: Layer) -> list[str]:
    """The names of all tensors before the layer's own."""
    names = [graph.input.name, *(each.output.name for each in graph.layers)]
    return names[: names.index(layer.output.name)]


@pytest.fixture
def case(request: pytest.FixtureRequest, data_set: str, network: str, variant: str) -> Case:
    """A network of the zoo; the digits are in the repository, the others beside NEUROCHIP_DATA."""
    path = ROOT / "tests" / "data" / "zoo" / network / f"{variant}.onnx"
    if data_set == "digits" and not EVERYTHING:
        archive = np.load(ROOT / "examples" / "digits.npz")
        x, labels = archive["x"][:100, None].astype(np.float32) / 255, archive["y"][:100]
        calibration = archive["x_calibration"][:CALIBRATION_SAMPLES, None].astype(np.float32) / 255
        return Case(load(path), x, labels, calibration)
    data = request.getfixturevalue("data")
    x, labels = pictures(data, data_set)
    if data_set == "cifar10" and not EVERYTHING:
        x, labels = x[:4], labels[:4]
    samples = scaled(np.load(data / f"{data_set}.npz")["x_calibration"][:CALIBRATION_SAMPLES])
    return Case(load(zoo_model(data, network, variant)), x, labels, samples)


@pytest.mark.parametrize(("data_set", "network", "variant"), MODELS)
def test_double_membranes_are_exact_and_their_constants_nearly_so(case):
    image = case.compiled(integration="double")
    assert {each.facts.mode for each in image.populations} <= {"exact", "double", "streaming"}
    differing, compared = Counter(), Counter()

    def compare(layer, codes):
        if isinstance(layer, Weighted):
            assert_sums_are_exact(image, layer, codes)
        computed = codes_computed(image.network, image.chip, layer, codes)
        levels = np.abs(computed - evaluated(layer, codes))
        assert levels.max(initial=0) <= 1, layer.name
        differing[layer.name] += int(np.count_nonzero(levels))
        compared[layer.name] += levels.size

    case.of_each_layer(image, compare)
    for name, count in compared.items():
        assert differing[name] <= MOST_DIFFERING * count, name
    run = nc.simulate(image, case.x, timing="none", check="all")
    assert run.compiled_agreement.differing.sum() == 0
    assert run.overflows.sum() == 0
    ours, exact = case.accuracy(run.predictions), case.exact_accuracy()
    total = f"{differing.total()} of {compared.total()}"
    print(f"double: {total} differ, {exact:.2%} -> {ours:.2%}, {+differing}")
    assert abs(ours - exact) <= LOSS_OF_DOUBLE


@pytest.fixture(params=["made", "lenet"])
def average_pools(request: pytest.FixtureRequest) -> Case:
    """A network with two 2 x 2 average pools whose scales are kept, as onnxruntime writes them.

    Their multiplier is 1/4, so every fourth sum is half-way between two codes. `made` is quantized
    here and runs on the digits, `lenet` runs on MNIST; the weights of both are random.
    """
    if request.param == "made":
        archive = np.load(ROOT / "examples" / "digits.npz")
        count = None if EVERYTHING else 100
        x, labels = archive["x"][:count, None].astype(np.float32) / 255, archive["y"][:count]
        calibration = archive["x_calibration"][:CALIBRATION_SAMPLES, None].astype(np.float32) / 255
        return Case(quantize(pooled().model(), calibration).graph(), x, labels, calibration)
    data = request.getfixturevalue("data")
    path = data.parent / "models" / "structure" / "lenet_avg_qdq_u8s8_pc.onnx"
    if not path.exists():
        pytest.skip(f"no {path.name} in models/structure beside NEUROCHIP_DATA")
    archive = np.load(data / "mnist.npz")
    x, labels = pictures(data, "mnist")
    calibration = scaled(archive["x_calibration"][:CALIBRATION_SAMPLES])
    return Case(load(path), x, labels, calibration)


def pooled() -> FloatNetwork:
    """Two convolutions, each with an average pool behind it, and a dense layer."""
    network = FloatNetwork(1, 8, 8)
    for channels_in, channels in ((1, 8), (8, 8)):
        network.convolution(channels_in, channels)
        network.add("Relu")
        network.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    network.add("Flatten")
    network.add("Gemm", network.random(10, 32), network.random(10), transB=1)
    return network


def test_double_membranes_lose_half_of_the_ties_of_average_pools_and_no_other_value(average_pools):
    """onnxruntime rounds halves to even codes; a line rounds neighbouring ones to the same side."""
    image = average_pools.compiled(integration="double")
    differing, ties, compared = Counter(), Counter(), Counter()

    def compare(layer, before):
        codes = before[layer.inputs[0].name].astype(int) - layer.inputs[0].format.zero_point
        ours = codes_computed(image.network, image.chip, layer, before)
        changed = ours != evaluated(layer, before)
        differing[layer.name] += int(np.count_nonzero(changed))
        compared[layer.name] += changed.size
        if isinstance(layer, AveragePool):
            np.testing.assert_array_equal(layer.multiplier, 0.25)
            sums = sum(codes[:, :, y::2, x::2] for y in (0, 1) for x in (0, 1))
            ties[layer.name] += int(np.count_nonzero(sums % 4 == 2))
            assert not changed[sums % 4 != 2].any(), "only ties may differ"

    average_pools.of_each_layer(image, compare)
    assert len(ties) == 2
    for name, count in compared.items():
        most = 0.6 * ties[name] if ties[name] else MOST_DIFFERING * count
        assert differing[name] <= most, name
    assert all(differing[name] > 0.4 * ties[name] > 0 for name in ties)
    shares = {name: f"{differing[name] / compared[name]:.2%}" for name in ties}
    run = nc.simulate(image, average_pools.x, timing="none", check="all")
    assert run.compiled_agreement.differing.sum() == 0
    assert run.overflows.sum() == 0
    exact = average_pools.exact_accuracy()
    print(f"double: {shares}, {exact:.2%} -> {average_pools.accuracy(run.predictions):.2%}")


def evaluated(layer: Layer, codes: Mapping[str, NDArray[np.generic]]) -> NDArray[np.int64]:
    """What onnxruntime computes of a layer, whose inputs are among the codes."""
    inputs = (codes[tensor.name] for tensor in layer.inputs)
    return layer.evaluate(*inputs).astype(np.int64)


def assert_sums_are_exact(
    image: nc.Image, layer: Weighted, before: Mapping[str, NDArray[np.generic]]
) -> None:
    """Membranes, in 16-bit sums and 32-bit registers, against the graph's."""
    codes, zero_point = before[layer.inputs[0].name], layer.inputs[0].format.zero_point
    wanted = layer.linear(codes.astype(np.int16) - np.int16(zero_point))
    if hasattr(layer, "bias"):
        wanted = wanted + layer.bias.reshape(-1, *(1,) * (wanted.ndim - 2))
    held = membranes(image.network, image.chip, layer, before)
    assert np.count_nonzero(held != wanted) == 0, layer.name


@pytest.mark.parametrize(("data_set", "network", "variant"), MODELS)
def test_scaled_membranes_lose_a_level_at_most_where_none_overflows(case):
    image = case.compiled()

    def compare(layer, codes):
        scaled = {each.name for each in image.populations if each.facts.mode == "scaled"}
        if layer.name in scaled and layer.multiplier is not None:
            values, overflowed = scaled_by_hand(image.network, layer, codes[layer.inputs[0].name])
            levels = np.abs(values - evaluated(layer, codes))
            assert levels[~overflowed].max(initial=0) <= 1, layer.name

    case.of_each_layer(image, compare)
    run = nc.simulate(image, case.x, timing="none", check="all")
    assert run.compiled_agreement.differing.sum() == 0
    ours, exact = case.accuracy(run.predictions), case.exact_accuracy()
    print(f"scaled: {exact:.2%} -> {ours:.2%}, {run.overflows.sum()} overflows")
    if EVERYTHING:
        assert ours >= exact - LOSS_OF_SCALED - 1e-9


@pytest.mark.parametrize(("data_set", "network", "variant"), COLLAPSING)
def test_whole_sums_in_16_bits_collapse_and_every_overflow_is_reported(case, variant):
    """What SDANN's calibration is for: without it the sums wrap, and accuracy falls to chance.

    int8 graphs have half as many levels behind a ReLU: fewer sums wrap, and less is lost.
    """
    run = nc.simulate(case.compiled(integration="exact"), case.x, timing="none", check="all")
    assert run.compiled_agreement.differing.sum() == 0
    overflows = int(run.overflows.sum())
    assert overflows > 0
    ours, exact = case.accuracy(run.predictions), case.exact_accuracy()
    print(f"16 bits: {exact:.2%} -> {ours:.2%}, {overflows} overflows")
    assert ours < (exact if variant.startswith("int8") else exact / 2)
    told = str(nc.report(run))
    assert f"{overflows:,} values did not fit their registers" in told
    assert "sums are not proven to fit their membranes: overflows are counted" in told
