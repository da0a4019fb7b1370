"""Layers of known numbers, lowered."""

from __future__ import annotations

import numpy as np

import neurochip as nc
from integer_graphs import convolution, graph_of, tensor
from neurochip.lower import lower

SHAPE = (2, 5, 6)


def lowered(layers, chip="ideal", **overrides):
    source = layers[0].inputs[0]
    target = nc.chip(chip, overrides or None)
    return lower(graph_of(source, layers), target)


def starts(network):
    return {population.name: population.send_start for population in network.populations}


def random_weights(*shape, peak=127):
    return np.random.default_rng(1).integers(-peak, peak + 1, shape)


def conv(name, source, channels=2, **shape):
    shape = {"pads": (1, 1, 1, 1)} | shape
    return convolution(
        name, source, random_weights(channels, source.shape[0], 3, 3), tensor(name, (1, 1, 1)),
        **shape,
    )  # fmt: skip


def kinds(network):
    return [(population.name, population.kind) for population in network.populations]
