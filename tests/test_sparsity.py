"""Sparsity: fewer spikes a train, the same on the chip, in its image and in `Graph.evaluate`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

import neurochip as nc
import oracle_fanout
from integer_graphs import STEPS, convolution, dense, drawn, graph_of, max_pool, tensor
from neurochip import LayerSettings, Settings
from neurochip.errors import SettingsError
from neurochip.formats import Tensor
from neurochip.layers import Rearrange
from neurochip.lower.stem.codes import generating_layers, levels_left
from neurochip.network import Population, Sparsity, SpikeCode

NETWORKS = profile(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
UINT8 = SpikeCode(8, False, 0)
INT8 = SpikeCode(8, True, 0)
ALL = 8


def sent(value: int, rot: int = 0, drlo: int = ALL, code: SpikeCode = UINT8) -> int:
    return int(Sparsity(rot, drlo).sent(np.array(value), code))


def test_83_rounded_by_two_bits_is_84_and_its_first_two_spikes_are_80():
    assert sent(83) == 83
    assert sent(83, rot=2) == 84
    assert sent(84, drlo=2) == 80
    assert sent(83, rot=2, drlo=2) == 80


def test_a_signed_train_counts_the_spike_of_its_sign():
    assert sent(-1, drlo=3, code=INT8) == -32
    assert sent(-1, rot=1, code=INT8) == 0
    assert sent(-3, rot=2, code=INT8) == -4


def one_neuron(rot: int = 0, drlo: int | None = None, signed: bool = False) -> nc.Image:
    """An image in which `a` repeats its input and `b` repeats `a`."""
    x = tensor("x", (1,), signed=signed)
    layers = [
        dense(name, source, np.array([[1]]), tensor(f"{name}_out", (1,), signed=signed), 0, 1.0)
        for name, source in (("a", x), ("b", tensor("a_out", (1,), signed=signed)))
    ]
    settings = Settings(layers={"a": LayerSettings(rot=rot, drlo=drlo)})
    return nc.compile(graph_of(x, layers), "ideal", settings=settings)


def outputs(image: nc.Image, *values: int) -> list[int]:
    run = nc.simulate(image, np.array(values, np.float32)[:, None], timing="none")
    assert run.compiled_agreement.differing.sum() == 0
    return run.outputs.ravel().tolist()


def test_on_the_chip_83_is_sent_as_84_and_as_80():
    assert outputs(one_neuron(), 83) == [83]
    assert outputs(one_neuron(rot=2), 83) == [84]
    assert outputs(one_neuron(rot=2, drlo=2), 83) == [80]


def test_rounding_saturates_at_the_top_level_that_is_a_multiple():
    assert outputs(one_neuron(rot=2), 249, 250, 252, 255) == [248, 252, 252, 252]
    assert outputs(one_neuron(rot=3, signed=True), 123, 127, -128) == [120, 120, -128]


EVERYTHING = [
    LayerSettings(rot=rot, drlo=drlo) for rot in range(8) for drlo in (None, *range(1, ALL + 1))
]


def decided(random: np.random.Generator, population: Population) -> LayerSettings:
    """Any setting at all that a population can have."""
    possible = [
        each
        for each in EVERYTHING
        if levels_left(population, each) > 1 or not each.leaves_spikes_out
    ]
    return possible[random.integers(len(possible))]


def sparse_image(
    seed: int, steps: list[str], chip: str, pipeline: bool
) -> tuple[nc.Image, np.ndarray]:
    """A random network whose layers leave out what a random choice says."""
    graph, samples = drawn(seed, steps, False)
    target = nc.chip(chip)
    random = np.random.default_rng(seed)
    generating = generating_layers(nc.lower(graph, target))
    layers = {name: decided(random, population) for name, population in generating.items()}
    settings = Settings(layers=layers)
    return nc.compile(graph, target, pipeline=pipeline, settings=settings), samples


@NETWORKS
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=4),
    chip=st.sampled_from(["ideal", "tiny", "darwin3"]),
    pipeline=st.booleans(),
)
def test_the_chip_is_the_compiled_network_and_sops_are_spikes_times_fanout(
    seed, steps, chip, pipeline
):
    image, samples = sparse_image(seed, steps, chip, pipeline)
    run = nc.simulate(image, samples, timing="none", threads=1)
    assert run.compiled_agreement.differing.sum() == 0
    codes = oracle_fanout.sent(image, samples)
    np.testing.assert_array_equal(
        run.by_population["sops"], oracle_fanout.sops(image.network, codes)
    )
    for population in image.network.populations:
        sparsity = getattr(population.model, "sparsity", None)
        if sparsity is not None:
            trains = codes[population.name]
            assert not (trains & ((1 << sparsity.rot) - 1)).any()
            assert np.unpackbits(trains[..., None], axis=-1).sum(axis=-1).max() <= sparsity.drlo


def test_an_image_file_leaves_out_the_same_spikes(examples, tmp_path):
    graph = examples / "digits_cnn.onnx"
    x = (np.load(examples / "digits.npz")["x"][:20, None] / 255).astype(np.float32)
    image = nc.compile(graph, "tiny", settings=Settings(LayerSettings(rot=1, drlo=3)))
    image.save(tmp_path / "sparse.image")
    read = nc.Image.load(tmp_path / "sparse.image")
    wanted, found = (nc.simulate(each, x, timing="cycle") for each in (image, read))
    np.testing.assert_array_equal(found.outputs, wanted.outputs)
    np.testing.assert_array_equal(found.by_population["sops"], wanted.by_population["sops"])
    np.testing.assert_array_equal(found.cycles, wanted.cycles)
    assert "spikes left out, RoT 1, DRLO 3: /0/Conv, /3/Conv" in read.notes


def small_network() -> nc.Graph:
    x = tensor("x", (2, 4, 4))
    weights = np.arange(16).reshape(2, 2, 2, 2) - 8
    first = convolution("conv", x, weights, tensor("c", (2, 3, 3)), multiplier=0.05)
    pooled = max_pool("pool", first.output, (2, 2))
    flat = Tensor("f", (8,), pooled.output.format, 0, 255)
    moved = Rearrange("flat", (pooled.output,), flat, np.arange(8, dtype=np.int32))
    last = dense("fc", flat, np.ones((3, 8)), tensor("y", (3,)), multiplier=0.1)
    return graph_of(x, [first, pooled, moved, last])


def test_the_default_holds_for_whoever_can_leave_spikes_out_and_for_nobody_else():
    network = nc.lower(small_network(), nc.chip("tiny"), settings=Settings(LayerSettings(rot=1)))
    sparse = {p.name for p in network.populations if getattr(p.model, "sparsity", None)}
    assert sparse == {"conv"}


def test_layers_that_cannot_leave_spikes_out_are_refused_all_at_once_with_the_reason():
    layers = {name: LayerSettings(rot=1) for name in ("conv", "pool", "flat", "fc")}
    with pytest.raises(SettingsError) as raised:
        nc.lower(small_network(), nc.chip("tiny"), settings=Settings(layers=layers))
    assert str(raised.value).splitlines() == [
        "'pool' cannot leave spikes out: its neurons (MaxPool) pass on what arrives",
        "'flat' cannot leave spikes out: it has no neurons",
        "'fc' cannot leave spikes out: the host reads it, its spikes reach no synapse",
    ]


def test_a_rounding_that_leaves_one_value_is_refused():
    x = tensor("x", (1,))
    narrow = Tensor("n", (1,), x.format, 0, 3)
    layers = [
        dense("a", x, np.array([[1]]), narrow, 0, 0.01),
        dense("b", narrow, np.array([[1]]), tensor("y", (1,)), 0, 1.0),
    ]
    with pytest.raises(SettingsError) as raised:
        nc.lower(graph_of(x, layers), nc.chip("tiny"), settings=Settings(LayerSettings(rot=2)))
    assert str(raised.value) == ("'a' sends 2 bits, of which RoT 2 leaves no two values apart")
