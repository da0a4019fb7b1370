"""Every network of the zoo in time to first spike, over real images.

By default a few images each; `make accept` (NEUROCHIP_ACCEPT=all) runs whole test sets.
"""

from __future__ import annotations

import numpy as np
import pytest

import neurochip as nc
from neurochip.graph import load
from one_population import codes_computed, population_of
from test_acceptance import BATCH, NETWORKS, pictures, scaled, zoo_model

UINT8 = ("uint8_qdq", "uint8_qdq_perchannel", "qoperator")
MODELS = [
    pytest.param(data_set, network, variant, id=f"{network}-{variant}")
    for data_set, networks in NETWORKS.items()
    for network in networks
    for variant in UINT8
]
ONE_IN = 10_000


@pytest.mark.parametrize(("data_set", "network", "variant"), MODELS)
def test_a_level_for_every_code_equals_the_compiled_slopes_and_they_onnxruntime(
    data, data_set, network, variant
):
    """The chip is its constants, and these are onnxruntime but for values that were counted."""
    graph = load(zoo_model(data, network, variant))
    x, labels = pictures(data, data_set)
    image = nc.compile(graph, "ideal", code="quartz")
    run = nc.simulate(image, x, timing="none", check="all")
    assert run.compiled_agreement.differing.sum() == 0
    assert run.overflows.sum() == 0
    from_equal_integers = _differing_by_layer(image, x)
    facts = {each.name: each.facts for each in image.populations}
    for layer, (differing, compared) in from_equal_integers.items():
        assert differing <= compared / ONE_IN, layer
        if differing:
            assert facts[layer].differing > 0, layer
    exact = run.exact_agreement
    accuracy = (run.predictions == labels).mean()
    print(
        f"{network}/{variant}: {accuracy:.2%}, {exact.differing.sum():,} of "
        f"{exact.compared.sum():,} values differ from onnxruntime's; from equal integers "
        f"{sum(differing for differing, _ in from_equal_integers.values()):,}"
    )


@pytest.mark.parametrize("timesteps", [16, 32, 64])
@pytest.mark.parametrize("mode", ["published", "loihi"])
def test_as_published_the_chip_is_its_compiled_neurons_and_knows_the_digits(data, mode, timesteps):
    """Early spikes are some, and reach the compiled network as they reach the chip."""
    path = zoo_model(data, "mnist_lenet", "uint8_qdq")
    x, labels = (each[:500] for each in pictures(data, "mnist"))
    image = nc.compile(
        path, "ideal", code="quartz",
        calibration=scaled(np.load(data / "mnist.npz")["x_calibration"][:256]),
        t_max=timesteps, quartz_mode=mode, percentile=99,
    )  # fmt: skip
    run = nc.simulate(image, x, timing="none", check="all")
    assert run.compiled_agreement.differing.sum() == 0
    early = run.by_population["early_spikes"].sum() / run.by_population["spikes"].sum()
    assert 0 < early < 0.02
    correct = (run.predictions == labels).mean()
    assert correct >= 0.95
    print(f"{mode}, T = {timesteps}: {correct:.2%}, early spikes {early:.2%}")


def _differing_by_layer(image, x):
    """By layer: values that differ where both get onnxruntime's integers, and values compared."""
    network, counts = image.network, {}
    for start in range(0, len(x), BATCH):
        graph = image.graph
        exact = graph.evaluate(graph.quantize(x[start : start + BATCH]))
        for layer in graph.layers:
            population = population_of(network, layer)
            if population is None or population.facts.proven:
                continue
            wanted = exact.pop(layer.output.name)
            ours = codes_computed(network, image.chip, layer, exact)
            exact[layer.output.name] = wanted
            assert np.abs(ours.astype(np.int64) - wanted).max() <= 1, layer.name
            differing, compared = counts.get(layer.name, (0, 0))
            counts[layer.name] = (
                differing + np.count_nonzero(ours != wanted),
                compared + wanted.size,
            )
    return counts
