"""Tensors that can hold one code only, as those of a Relu over the highest zero point."""

from __future__ import annotations

import numpy as np
import pytest

import neurochip as nc
from integer_graphs import convolution, dense, graph_of, tensor
from lowered_layers import random_weights
from neurochip.layers import Add, Lookup

SOURCE = tensor("x", (4, 1, 1), zero_point=3)
FLAT = tensor("x", (4,), zero_point=3)


def only(shape, code=255):
    return tensor("y", shape, zero_point=255, low=code, high=code)


def simulated(layers, chip, code, **options):
    source = layers[0].inputs[0]
    graph = graph_of(source, layers)
    codes = np.random.default_rng(0).integers(0, 256, (16, *source.shape))
    image = nc.compile(graph, chip, code=code, **options)
    return nc.simulate(image, source.format.dequantize(codes), timing="none", threads=1)


@pytest.mark.parametrize("zeros", ["silent", "spike"])
@pytest.mark.parametrize("chip", ["ideal", "darwin3", "loihi2"])
@pytest.mark.parametrize("bias", [0, 10**6, 2**31 - 1])
def test_quartz_neurons_send_it_whatever_arrives(bias, chip, zeros):
    first = dense("first", FLAT, random_weights(3, 4), only((3,)), bias, 0.001)
    output = tensor("z", (2,), 255)
    second = dense("second", first.output, random_weights(2, 3), output, 100, 0.01)
    run = simulated([first, second], chip, "quartz", zeros=zeros)
    # Codes of 255 are the real zero: the second layer's zero point and its bias go beyond 255,
    # of which windows of 16 timesteps have the level 240.
    assert (run.outputs == (240 if chip == "darwin3" else 255)).all()
    assert run.exact_agreement.differing[0] == 0
    assert run.compiled_agreement.differing.tolist() == [0, 0]


@pytest.mark.parametrize("code", ["stem", "quartz", "rate"])
@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
@pytest.mark.parametrize("held", [0, 7, 255])
def test_layers_of_every_kind_send_it_and_are_read(held, chip, code):
    """The output of each is read by an Add, whose other input changes."""
    kept = only((4, 1, 1), held)
    add = Add("made", (SOURCE, SOURCE), kept)
    window = convolution("made", SOURCE, random_weights(4, 4, 1, 1), kept)
    table = Lookup("made", (SOURCE,), kept, np.full((1, 256), held, np.int32))
    # An integrate-and-fire neuron holds no table.
    for layer in (add, window) if code == "rate" else (add, window, table):
        last = Add("last", (kept, SOURCE), tensor("z", (4, 1, 1), 100))
        run = simulated([layer, last], chip, code)
        assert run.exact_agreement.differing[0] == 0
        if code != "rate":
            assert run.compiled_agreement.differing.sum() == 0
        if code == "stem" and chip == "ideal":
            assert run.exact_agreement.differing.sum() == 0
