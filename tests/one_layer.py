"""Graphs of one layer, compiled with settings of their own."""

from __future__ import annotations

import numpy as np

import neurochip as nc
from integer_graphs import dense, graph_of, tensor
from neurochip.lower import LayerSettings, Settings

ONE_INPUT = tensor("x", (1,))


def decided(**fields):
    return Settings(LayerSettings(**fields))


def wide(weight=100, bias=0, multiplier=0.002, count=4, name="d"):
    """Four inputs of up to 255 with a weight of 100: sums of up to 102,000."""
    source = tensor("x", (count,))
    weights = np.full((1, count), weight)
    return dense(name, source, weights, tensor("y", (1,)), bias, multiplier)


def compiled(layer, chip="darwin3", overrides=None, calibration=None, **fields):
    graph = graph_of(layer.inputs[0], [layer])
    return nc.compile(
        graph, chip, calibration=calibration, overrides=overrides, settings=decided(**fields)
    )


def run(image, samples, timing="none"):
    return nc.simulate(
        image, np.asarray(samples, np.float32), timing=timing, threads=1, check="all"
    )
