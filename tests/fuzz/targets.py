"""What a user does with a file: each takes its path, and returns or raises."""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path

import numpy as np

import neurochip as nc
from neurochip.inputs import read_inputs
from neurochip.tune.journal import Journal

from .networks import networks

SHAPE = (1, 8, 8)
MOST_VALUES = 1 << 22
"""Of a sample that is computed with: a model may ask for more, and then a user waits."""
MOST_NEURONS = 1 << 15
"""Of a network that is run."""


@cache
def small_graph() -> nc.Graph:
    """A dense network of one layer, for chips."""
    return nc.load_graph(networks()[5])


def run_model(path: Path) -> None:
    """`neurochip run` with one sample, in integers and on a chip."""
    graph = nc.load_graph(path)
    sizes = [
        prod(tensor.shape) for tensor in (graph.input, *(each.output for each in graph.layers))
    ]
    if max(sizes) > MOST_VALUES:
        return
    sample = np.full((1, *graph.input_shape), 0.5, np.float32)
    if graph.head and graph.head[0].op_type == "DequantizeLinear":
        sample = np.ones_like(sample)
    codes = graph.evaluate(graph.quantize(sample))
    graph.finish(codes[graph.output.name])
    if sum(sizes) > MOST_NEURONS:
        return
    # Every code and two chips take turns: the same for the same file.
    turn = path.stat().st_size
    chip, code = ("ideal", "darwin3")[turn // 3 % 2], ("stem", "quartz", "rate")[turn % 3]
    image = nc.compile(graph, chip, code if chip == "ideal" else "stem")
    str(nc.report(nc.simulate(image, sample, timing="none", threads=1)))


def read_samples(path: Path) -> None:
    """`--input`, all of it and then one sample."""
    read_inputs(path).fit_to(SHAPE)
    read_inputs(path, samples=1).fit_to(SHAPE)


def read_batches(path: Path) -> None:
    """The same, for pictures of CIFAR-10."""
    read_inputs(path).fit_to((3, 32, 32))
    read_inputs(path, samples=1).fit_to((3, 32, 32))


def read_scaled_samples(path: Path) -> None:
    """`--input` with `--scale`: of any type."""
    read_inputs(path, scale=2.0).fit_to(SHAPE)
    read_inputs(path, samples=1, scale=2.0).fit_to(SHAPE)


def read_labels(path: Path) -> None:
    """`--labels`."""
    read_inputs(path.with_name("samples.npy"), labels=path)


def send_packets(path: Path) -> None:
    """`neurochip noc`."""
    str(nc.replay(path, "tiny"))


def keep_journal(path: Path) -> None:
    """What `neurochip tune` does with the journal of a search."""
    with Journal(path, "the search") as journal:
        journal.add("a key", {"accuracy": 0.5})
        dict(journal.records)


def read_settings(path: Path) -> None:
    """`--settings`, for a network whose layers are called otherwise and one with its own."""
    settings = nc.Settings.load(path)
    settings.refuse_unknown([*settings.layers, "first"])
    settings.to_toml()


def use_chip(path: Path) -> None:
    """`--chip`."""
    chip = nc.chip(path)
    str(chip.name), chip.fingerprint, chip.num_chips
    if prod(chip.size) * chip.cores_per_node <= MOST_VALUES:
        nc.compile(small_graph(), chip)


def run_image(path: Path) -> None:
    """`neurochip run` with one sample, and what is shown of an image."""
    image = nc.Image.load(path)
    str(image.name), image.chips_used, image.fullest_core, image.samples_in_flight
    [(each.facts.proof, str(each.code)) for each in image.populations]
    sample = np.full((1, *image.input_shape), 0.5, np.float32)
    if image.host.integers is not None:
        sample = np.ones_like(sample)
    nc.simulate(image, sample, timing="none", threads=1)
