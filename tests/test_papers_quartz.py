"""The suite of the Quartz paper: its counting rules, and a quick run of it."""

from __future__ import annotations

import csv
from itertools import product

import numpy as np
import pytest

from conftest import ROOT
from integer_graphs import average, convolution, dense, graph_of, max_pool, rearrange, tensor
from lowered_layers import random_weights
from neurochip.chip import load as load_chip
from neurochip.layers import Add
from neurochip.lower import CodeOptions, lower
from neurochip.lower.levels import choose_levels
from neurochip.papers import Options, run_suite
from neurochip.papers.quartz import QUARTZ, bench, operations
from neurochip.papers.quartz.published import published
from neurochip.papers.quartz.work import addition, multiplication


def arrivals_in_loops(layer, levels):
    """Neurons and timesteps at which a spike of one sample's levels arrives, tap by tap."""
    reached = set()
    if isinstance(layer, Add):
        return sum(int(np.count_nonzero(each)) for each in levels)
    (own,) = levels
    outputs = layer.output.shape
    if len(outputs) == 1:
        return len(set(own[own > 0].tolist())) * outputs[0]
    kernel = getattr(layer, "kernel", None) or layer.weights.shape[2:]
    groups = getattr(layer, "groups", own.shape[0])
    into, out_of = own.shape[0] // groups, outputs[0] // groups
    for channel, row, column, *tap in product(*map(range, (*outputs, *kernel))):
        y, x = (
            position * layer.strides[axis] - layer.pads[axis] + tap[axis] * layer.dilations[axis]
            for axis, position in enumerate((row, column))
        )
        if not (0 <= y < own.shape[1] and 0 <= x < own.shape[2]):
            continue
        first = channel // out_of * into
        for source in range(first, first + into):
            if own[source, y, x]:
                reached.add((channel, row, column, int(own[source, y, x])))
    return len(reached)


def conv_layer(**shape):
    source = tensor("x", (4, 6, 5))
    channels = shape.pop("channels", 6)
    weights = random_weights(channels, 4 // shape.get("groups", 1), 3, 2)
    return convolution("c", source, weights, tensor("y", (1, 1, 1)), **shape)


@pytest.mark.parametrize(
    "layer",
    [
        conv_layer(),
        conv_layer(strides=(2, 1), pads=(1, 0, 1, 1), dilations=(2, 1)),
        conv_layer(groups=2),
        conv_layer(groups=4, channels=8),
        average("p", tensor("x", (3, 4, 4)), tensor("y", (1, 1, 1)), (2, 2), (1, 1, 1, 1), 1.0),
        dense("d", tensor("x", (40,)), random_weights(7, 40), tensor("y", (7,))),
        Add("add", (tensor("a", (2, 3, 3)), tensor("a", (2, 3, 3))), tensor("y", (2, 3, 3))),
    ],
    ids=lambda layer: type(layer).__name__,
)
@pytest.mark.parametrize("timesteps", [4, 16])
def test_spikes_that_arrive_together_are_one(layer, timesteps):
    source = layer.inputs[0]
    codes = np.random.default_rng(0).integers(0, 256, (3, *source.shape)).astype(np.uint8)
    codes[codes < 120] = 0
    code = choose_levels(source, timesteps, False)
    wanted = sum(
        arrivals_in_loops(layer, [code.values(sample)] * len(layer.inputs)) for sample in codes
    )
    found = sum(operations._arrivals(layer, timesteps, {source.name: codes}))
    assert found == wanted > 0


def test_each_neuron_adds_twice_in_every_timestep():
    source = tensor("x", (2, 6, 6))
    layer = convolution("c", source, random_weights(3, 2, 3, 3), tensor("y", (1, 1, 1)))
    pool = max_pool("m", layer.output, (2, 2), (2, 2))
    flat = rearrange("f", pool.output, np.arange(12))
    last = dense("d", flat.output, random_weights(5, 12), tensor("z", (5,)))
    graph = graph_of(source, [layer, pool, flat, last])
    network = lower(graph, load_chip("ideal"), "quartz", options=CodeOptions(timesteps=16))
    dark = np.zeros((2, *source.shape), np.float32)
    quiet = operations.merged_arrivals(network, 16, dark)
    assert operations.operations(network, 16, dark) == quiet + 2 * (3 * 4 * 4 + 5) * 16


def test_relative_energies_of_the_paper_follow_from_its_operations():
    """hardware notes: 0.040, 0.054, 0.081, 0.136, 0.244 for T = 2 to 32 on MNIST."""
    paper = published()
    price = [addition(paper, t) / multiplication(paper) for t in (2, 4, 8, 16, 32)]
    operations_of = [paper.simulated("mnist", "operations", t) for t in (2, 4, 8, 16, 32)]
    macs = paper.of_ann("mnist", "macs")
    told = [round(o / macs * p, 3) for o, p in zip(operations_of, price, strict=True)]
    assert told == pytest.approx([0.040, 0.054, 0.081, 0.136, 0.244], abs=0.001)


def test_what_is_not_published_is_not_invented():
    assert published().simulated("mnist", "accuracy", 64) is None
    assert published().measured("latency_ms", 16) == 4.907
    assert "a56d551" in published().source("loihi")


def test_a_quick_suite_is_written_whole_and_the_same_again(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    size = bench.Size((("digits_cnn", "digits", 40),), (2, 16, 256), (16,), 2, 1, (16,))
    monkeypatch.setattr(bench, "QUICK", size)
    zoo, data = ROOT / "tests" / "data" / "zoo", ROOT / "examples"
    for folder in ("one", "two"):
        options = Options(tmp_path / folder, zoo=zoo, data=data, quick=True)
        sections = list(run_suite(QUARTZ, options))
        assert len(sections) == 1 + len(QUARTZ.parts)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in files:
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two, name
    text = (tmp_path / "one" / "figure-02.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    accuracy = {(row["chip"], int(row["T"])): float(row["accuracy, %"]) for row in rows}
    quantized = float(rows[0]["quantized, %"])
    assert accuracy["ideal", 256] == quantized
    off_by = {(row["chip"], int(row["T"])): float(row["outputs off by, codes"]) for row in rows}
    assert off_by["ideal", 256] == 0
    assert off_by["ideal", 2] > 4 * off_by["ideal", 16] > 0
    assert accuracy["ideal", 2] < accuracy["ideal", 16] == accuracy["darwin3", 16]
