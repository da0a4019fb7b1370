"""The suite of the Quartz paper: its counting rules, and a quick run of it."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import neurochip as nc
from command_line import neurochip
from conftest import ROOT
from integer_graphs import average, convolution, dense, graph_of, max_pool, rearrange, tensor
from lowered_layers import random_weights
from neurochip.chip import load as load_chip
from neurochip.layers import Add
from neurochip.lower import lower
from neurochip.lower.quartz.levels import choose_levels
from neurochip.options import CompileOptions
from neurochip.papers import SuiteOptions, run_suite
from neurochip.papers.quartz import QUARTZ, bench, operations, own
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
    chip = load_chip("ideal")
    network = lower(graph, chip, "quartz", options=CompileOptions(t_max=16))
    dark = np.zeros((2, *source.shape), np.float32)
    image = nc.assemble(nc.place(network, chip))
    quiet = operations.merged_arrivals(image, graph, 16, dark)
    assert operations.operations(image, graph, 16, dark) == quiet + 2 * (3 * 4 * 4 + 5) * 16


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


def test_the_energy_that_was_measured_and_the_spikes_that_were_told():
    paper = published()
    windows = (8, 16, 32, 64, 128)
    energies = [paper.measured("core_dynamic_uj", each) for each in windows]
    assert energies == [33.8, 45.6, 85.8, 139.3, 290.1]
    told = [paper.measured("spikes", each) for each in windows]
    assert told == [None, 5400.0, None, None, None]
    assert paper.constant("loihi", "cores") == 11


def stand_in(folder):
    """A float network where that of Quartz-on-Loihi would be, smaller, and padded digits."""
    rng = np.random.default_rng(0)
    shapes = {"k": (2, 1, 3, 3), "b": (2,), "w": (10, 338), "c": (10,)}
    constants = [
        numpy_helper.from_array(rng.normal(0, 0.3, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["input", "k", "b"], ["a"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "c"], ["output"], transB=1),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("input", ["n", 1, 28, 28]), ("output", ["n", 10]))
    ]
    graph = helper.make_graph(nodes, "mnist", ends[:1], ends[1:], constants)
    path = folder / "silicon" / "quartz_loihi" / "mnist_float.onnx"
    path.parent.mkdir(parents=True)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    data = folder / "data"
    data.mkdir()
    digits = dict(np.load(ROOT / "examples" / "digits.npz"))
    for name in ("x", "x_calibration"):
        digits[name] = np.pad(digits[name], ((0, 0), (10, 10), (10, 10)))
    np.savez(data / "mnist.npz", **digits)
    return folder / "silicon", data


def loihi_rows(folder):
    return list(csv.DictReader((folder / "loihi.csv").read_text().splitlines()))


def test_the_network_that_was_measured_stands_beside_what_was_measured(tmp_path, monkeypatch):
    monkeypatch.delenv("NEUROCHIP_DATA", raising=False)
    silicon, data = stand_in(tmp_path)
    monkeypatch.setattr(bench, "QUICK", replace(bench.QUICK, own_samples=10))
    ran = neurochip(
        "bench", "quartz", "--quick", "-o", tmp_path / "out", "--only", "loihi",
        "--silicon", silicon, "--data", data, "--threads", 1,
    )  # fmt: skip
    assert ran.exit_code == 0, ran.stderr
    assert "LEFT OUT: quartz_loihi" not in ran.stdout
    rows = loihi_rows(tmp_path / "out")
    assert [(row["profile"], row["mode"]) for row in rows] == list(
        product(("loihi:davies2018", "loihi:nahuku"), ("exact", "published", "loihi"))
    )
    for row in rows:
        assert row["on Loihi, %"] == "99.23"
        points = float(row["accuracy, %"]) - 99.23
        assert float(row["points"]) == pytest.approx(points, abs=0.006)
        for what, measured in (("spikes", 5400), ("steps", 91), ("cores", 11), ("µJ", 45.6)):
            assert float(row[f"on Loihi, {what}"]) == measured
            ratio = float(row[what]) / measured
            assert float(row[f"ratio of {what}"]) == pytest.approx(ratio, abs=0.006)
    # 1,352 neurons of the convolution, 338 of the pool, ten of the output: each sends once, zeros
    # too, as published; besides them readouts, rectifiers and at most some biases.
    as_published = [float(row["spikes"]) for row in rows if row["mode"] == "published"]
    assert all(1700 < spikes < 1700 + 60 for spikes in as_published)
    exact = [row for row in rows if row["mode"] == "exact"]
    assert exact[0]["spikes"] == exact[1]["spikes"]
    assert float(exact[0]["spikes"]) < 1700
    assert exact[0]["µJ"] != exact[1]["µJ"]


def test_where_the_measured_network_is_absent_the_report_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("NEUROCHIP_DATA", raising=False)
    ran = neurochip("bench", "quartz", "--quick", "-o", tmp_path, "--only", "loihi")
    assert ran.exit_code == 0, ran.stderr
    missing = "LEFT OUT: quartz_loihi: no quartz_loihi/mnist_float.onnx in any folder"
    assert missing in ran.stdout
    head, table = (tmp_path / "report.md").read_text().split("## The network of Quartz-on-Loihi")
    assert missing in head
    assert missing in table
    assert loihi_rows(tmp_path) == []


def test_only_the_suite_that_reads_it_has_a_folder_of_silicon(tmp_path):
    refused = neurochip("bench", "sdann", "--silicon", tmp_path)
    assert refused.exit_code != 0
    assert "--silicon" in refused.stderr
    refused = neurochip("bench", "quartz", "--silicon", tmp_path / "none")
    assert refused.exit_code == 1
    assert "hint: give `--silicon` one that exists" in refused.stderr


def test_the_network_measured_on_loihi_costs_what_was_found_by_hand(tmp_path, monkeypatch):
    """On paper: 13 cores, 82 steps, 25.0 uJ, exact; 5,586 spikes of the cores, as published."""
    given = os.environ.get("NEUROCHIP_DATA")
    if given is None or not (Path(given).parent / "silicon" / bench.OWN_FILE).is_file():
        pytest.skip("the network that was measured on Loihi is not there")
    monkeypatch.setattr(bench, "QUICK", replace(bench.QUICK, own_samples=4, timed=2))
    monkeypatch.setattr(own, "PROFILES", ("loihi:davies2018",))
    monkeypatch.setattr(own, "MODES", ("exact", "published"))
    list(run_suite(QUARTZ, SuiteOptions(tmp_path, quick=True, threads=1), ["loihi"]))
    rows = {(row["profile"], row["mode"]): row for row in loihi_rows(tmp_path)}
    exact = rows["loihi:davies2018", "exact"]
    assert (exact["cores"], exact["steps"]) == ("13", "82")
    assert float(exact["µJ"]) == pytest.approx(25.0, abs=0.5)
    assert rows["loihi:davies2018", "published"]["spikes"] == "5586"


def test_a_quick_suite_is_written_whole_and_the_same_again(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    size = bench.QuartzSize((("digits_cnn", "digits", 40),), (2, 16, 256), (16,), 2, 1, (16,), 4)
    monkeypatch.setattr(bench, "QUICK", size)
    zoo, data = ROOT / "tests" / "data" / "zoo", ROOT / "examples"
    for folder in ("one", "two"):
        options = SuiteOptions(tmp_path / folder, zoo=zoo, data=data, quick=True)
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
