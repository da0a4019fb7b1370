"""Detail: the counters of a run by node, link and timestep, which add up to the run's own."""

from __future__ import annotations

import json
from importlib import import_module

import numpy as np
import pytest

import neurochip as nc
from command_line import neurochip
from neurochip.errors import InputError
from neurochip.simulate.run import HIGHEST, OF_THE_CHIP

SAMPLES = 5


@pytest.fixture(scope="module")
def image(examples):
    return nc.compile(examples / "digits_cnn.onnx", "tiny", objective="cores")


@pytest.fixture(scope="module")
def samples(digits_pictures):
    return digits_pictures[:SAMPLES]


@pytest.fixture(scope="module")
def run(image, samples):
    return nc.simulate(image, samples, detail=True)


def total(name, counts):
    return counts.max() if name.startswith(HIGHEST) else counts.sum()


def on_the_chip(run, name):
    """What the run counted, without the spikes of its input, which come from outside."""
    counts = run.counters[name]
    return counts - run.by_population["spikes"][:, 0] if name == "spikes" else counts


def test_every_counter_of_the_nodes_adds_up_to_the_run(run):
    assert set(run.detail.nodes) == set(run.counters) - OF_THE_CHIP
    for name, by_node in run.detail.nodes.items():
        assert total(name, by_node) == total(name, on_the_chip(run, name)), name


def test_every_counter_of_the_timesteps_adds_up_to_its_sample(run):
    assert set(run.detail.timesteps) == set(run.counters)
    for name, by_timestep in run.detail.timesteps.items():
        by_sample = [total(name, part) for part in np.split(by_timestep, SAMPLES)]
        np.testing.assert_array_equal(by_sample, on_the_chip(run, name), name)


def test_with_samples_in_flight_the_whole_run_adds_up(examples, samples, monkeypatch):
    image = nc.compile(examples / "digits_cnn.onnx", "tiny", pipeline=True, objective="cores")
    run = nc.simulate(image, samples, detail=True)
    assert image.samples_in_flight > 1
    for name, by_timestep in run.detail.timesteps.items():
        assert by_timestep.shape == run.timestep_work_cycles.shape
        assert total(name, by_timestep) == total(name, on_the_chip(run, name)), name
    for name, by_node in run.detail.nodes.items():
        assert total(name, by_node) == total(name, on_the_chip(run, name)), name
    monkeypatch.setattr(import_module("neurochip.simulate.simulate"), "BATCH_SAMPLES", 2)
    same_arrays(nc.simulate(image, samples, detail=True).detail, run.detail)


def test_links_and_outputs_add_up_to_their_nodes(run):
    detail = run.detail
    np.testing.assert_array_equal(detail.link_flits.sum(axis=1), detail.nodes["flit_hops"])
    np.testing.assert_array_equal(
        detail.output_blocked_cycles.sum(axis=1), detail.nodes["output_blocked_cycles"]
    )


def test_a_timestep_lasts_as_long_as_its_work_and_the_barrier(run):
    timesteps = run.detail.timesteps
    quiet = timesteps["timestep_cycles"] - timesteps["barrier_cycles"] - timesteps["waiting_cycles"]
    np.testing.assert_array_equal(quiet, run.timestep_work_cycles)


def test_nothing_happens_where_there_is_no_neuron_and_nothing_leaves_the_mesh(image, run):
    used = {core.node for core in image.cores}
    unused = [node for node in range(16) if node not in used]
    assert run.detail.nodes["soma_updates"][unused].sum() == 0
    assert run.detail.nodes["sops"][unused].sum() == 0
    flits = run.detail.link_flits.reshape(4, 4, 4)  # y, x, direction
    at_the_edge = flits[:, 3, 0], flits[:, 0, 1], flits[3, :, 2], flits[0, :, 3]
    assert [int(side.sum()) for side in at_the_edge] == [0, 0, 0, 0]


def test_the_neurons_of_a_core_update_on_its_node(image, run):
    active = run.detail.nodes["soma_updates"]
    for core in image.cores:
        assert active[core.node] > 0
        assert active[core.node] % core.neurons == 0


def same_arrays(ours, theirs):
    for name, counts in ours.nodes.items():
        np.testing.assert_array_equal(counts, theirs.nodes[name])
    for name, counts in ours.timesteps.items():
        np.testing.assert_array_equal(counts, theirs.timesteps[name])
    np.testing.assert_array_equal(ours.link_flits, theirs.link_flits)
    np.testing.assert_array_equal(ours.output_blocked_cycles, theirs.output_blocked_cycles)


def test_detail_depends_neither_on_threads_nor_on_batches(image, samples, run, monkeypatch):
    same_arrays(nc.simulate(image, samples, detail=True, threads=1).detail, run.detail)
    monkeypatch.setattr(import_module("neurochip.simulate.simulate"), "BATCH_SAMPLES", 2)
    same_arrays(nc.simulate(image, samples, detail=True, threads=3).detail, run.detail)


def test_a_run_is_the_same_without_detail(image, samples, run):
    plain = nc.simulate(image, samples)
    assert plain.detail is None
    for name, counts in plain.counters.items():
        np.testing.assert_array_equal(counts, run.counters[name])
    np.testing.assert_array_equal(plain.timestep_work_cycles, run.timestep_work_cycles)


def test_detail_without_cycles_is_refused(image, samples):
    with pytest.raises(InputError) as raised:
        nc.simulate(image, samples, timing="none", detail=True)
    assert str(raised.value) == "detail needs cycles, and `timing` is 'none'"
    assert raised.value.hint == "simulate with timing `cycle`"


def test_the_report_names_the_hot_spots(run):
    contents = nc.report(run).contents
    spots = contents.hot_spots
    nodes, flits = run.detail.nodes, run.detail.link_flits
    receive = next(core for core in spots.cores if core.what == "busiest Receive")
    assert receive.cycles == nodes["receive_busy_cycles"].max()
    assert receive.node == nodes["receive_busy_cycles"].argmax()
    assert spots.link.flits == flits.max()
    sample, timestep = spots.longest_timestep
    assert run.work_cycles[sample, timestep] == spots.longest_work_cycles


@pytest.fixture
def command(examples):
    digits = (examples / "digits_cnn.onnx", "--chip", "tiny", "--input", examples / "digits.npz")
    return ("run", *digits, "--objective", "cores", "--samples", SAMPLES)


def test_the_command_writes_every_array_and_tells_the_hot_spots(command, run, tmp_path):
    told = neurochip(*command, "--detail", tmp_path / "detail.npz")
    assert told.exit_code == 0, told.stderr
    assert "where and when most happens, all samples" in told.stdout
    run.detail.save(tmp_path / "saved.npz")
    with np.load(tmp_path / "detail.npz") as ours, np.load(tmp_path / "saved.npz") as theirs:
        assert set(ours) == set(theirs)
        for name, array in theirs.items():
            np.testing.assert_array_equal(ours[name], array, name)
        assert ours["nodes/sops"].sum() == run.sops.sum()
        assert ours["timesteps/timestep_cycles"].shape == (SAMPLES * run.work_cycles.shape[1],)
        assert ours["link_flits"].shape == (16, 4)


def test_the_document_has_the_hot_spots_only_where_they_were_asked_for(command, tmp_path):
    assert json.loads(neurochip(*command, "--json").stdout)["hot_spots"] is None
    told = neurochip(*command, "--json", "--detail", tmp_path / "detail.npz")
    assert json.loads(told.stdout)["hot_spots"]["cores"][0]["what"] == "busiest soma"


def test_a_file_that_cannot_be_written_is_refused_before_the_run(command, tmp_path):
    told = neurochip(*command, "--detail", tmp_path / "no" / "detail.npz")
    assert told.exit_code == 1
    assert told.stderr.startswith(f"error: cannot write '{tmp_path}/no/detail.npz'")


def test_detail_without_timing_is_refused_and_leaves_no_file(command, tmp_path):
    told = neurochip(*command, "--timing", "none", "--detail", tmp_path / "detail.npz")
    assert told.exit_code == 1
    assert "detail needs cycles" in told.stderr
    assert list(tmp_path.iterdir()) == []
