"""Networks of the zoo in every mode on Darwin3, layer by layer from equal integers.

The digits run from the repository; MNIST and CIFAR-10 need NEUROCHIP_DATA. By default a few
pictures each; NEUROCHIP_ACCEPT=all runs whole test sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import neurochip as nc
from neurochip.graph import Graph, load
from neurochip.layers import Layer, Weighted
from neurochip.lower.neurons import NeuronArithmetic
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
    """A quantized network, test pictures with their labels, and pictures to calibrate with."""

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
        self, network: nc.Network, compare: Callable[[Layer, list[NDArray[np.generic]]], object]
    ) -> None:
        """Calls `compare` with the exact inputs of each layer whose constants are the chip's."""
        for start in range(0, len(self.x), BATCH):
            codes = self.graph.evaluate(self.graph.quantize(self.x[start : start + BATCH]))
            for layer in self.graph.layers:
                if layer.name in network.arithmetic:
                    compare(layer, [codes[tensor.name] for tensor in layer.inputs])


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
    assert {layer.mode for layer in image.layers} <= {"exact", "double", "streaming"}
    differing, compared = Counter(), Counter()

    def compare(layer, inputs):
        arithmetic = image.network.arithmetic[layer.name]
        if isinstance(arithmetic, NeuronArithmetic):
            assert_sums_are_exact(arithmetic, layer, inputs[0])
        levels = np.abs(arithmetic(layer, inputs).astype(int) - layer.evaluate(*inputs).astype(int))
        assert levels.max(initial=0) <= 1, layer.name
        differing[layer.name] += int(np.count_nonzero(levels))
        compared[layer.name] += levels.size

    case.of_each_layer(image.network, compare)
    for name, count in compared.items():
        assert differing[name] <= MOST_DIFFERING * count, name
    run = nc.simulate(image, case.x, timing="none")
    assert run.compiled_agreement.differing.sum() == 0
    assert run.layer_overflows.sum() == 0
    ours, exact = case.accuracy(run.predictions), case.exact_accuracy()
    total = f"{differing.total()} of {compared.total()}"
    print(f"double: {total} differ, {exact:.2%} -> {ours:.2%}, {+differing}")
    assert abs(ours - exact) <= LOSS_OF_DOUBLE


def assert_sums_are_exact(
    arithmetic: NeuronArithmetic, layer: Weighted, codes: NDArray[np.generic]
) -> None:
    """Membranes, timestep by timestep in 16-bit sums and 32-bit registers, against the graph's."""
    zero_point = layer.inputs[0].format.zero_point
    wanted = layer.linear(codes.astype(np.int16) - np.int16(zero_point))
    if hasattr(layer, "bias"):
        wanted = wanted + layer.bias.reshape(-1, *(1,) * (wanted.ndim - 2))
    held = arithmetic.integrated(layer, arithmetic.task.values(codes)) + arithmetic.bias
    assert np.count_nonzero(held != wanted) == 0, layer.name


@pytest.mark.parametrize(("data_set", "network", "variant"), MODELS)
def test_scaled_membranes_lose_a_level_at_most_where_none_overflows(case):
    image = case.compiled()

    def compare(layer, inputs):
        scaled = {each.name for each in image.layers if each.mode == "scaled"}
        if layer.name in scaled and layer.multiplier is not None:
            values, overflowed = scaled_by_hand(image.network, layer, inputs[0])
            levels = np.abs(values - layer.evaluate(*inputs).astype(int))
            assert levels[~overflowed].max(initial=0) <= 1, layer.name

    case.of_each_layer(image.network, compare)
    run = nc.simulate(image, case.x, timing="none")
    assert run.compiled_agreement.differing.sum() == 0
    ours, exact = case.accuracy(run.predictions), case.exact_accuracy()
    print(f"scaled: {exact:.2%} -> {ours:.2%}, {run.layer_overflows.sum()} overflows")
    if EVERYTHING:
        assert ours >= exact - LOSS_OF_SCALED - 1e-9


@pytest.mark.parametrize(("data_set", "network", "variant"), COLLAPSING)
def test_whole_sums_in_16_bits_collapse_and_every_overflow_is_reported(case, variant):
    """What SDANN's calibration is for: without it the sums wrap, and accuracy falls to chance.

    int8 graphs have half as many levels behind a ReLU: fewer sums wrap, and less is lost.
    """
    run = nc.simulate(case.compiled(integration="exact"), case.x, timing="none")
    assert run.compiled_agreement.differing.sum() == 0
    overflows = int(run.layer_overflows.sum())
    assert overflows > 0
    ours, exact = case.accuracy(run.predictions), case.exact_accuracy()
    print(f"16 bits: {exact:.2%} -> {ours:.2%}, {overflows} overflows")
    assert ours < (exact if variant.startswith("int8") else exact / 2)
    told = str(nc.report(run))
    assert f"{overflows:,} values did not fit their registers" in told
    assert "sums are not proven to fit their membranes: overflows are counted" in told
