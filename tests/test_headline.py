"""The five lines that a report begins with, and what bounds the time of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

import neurochip as nc
from command_line import neurochip
from neurochip.report.bound import bound_of
from neurochip.simulate.run import ENGINES
from neurochip.tables import as_text

DIGITS_ON_DARWIN3 = """\
accuracy          100.00 % (20 of 20)
energy of events  601.722 nJ a sample, 16.4 % published, 83.6 % assumed
latency           21.9 µs of work, 16.5 ms with the tick of 500 µs
samples/s         45,659 of work, 60.6 with the tick
cores             37 of 575; bound: soma of core (23, 12), 47.6 % of work
"""
NAMES = ["accuracy", "energy of events", "latency", "samples/s", "cores"]


def told(examples, *options):
    digits = (examples / "digits_cnn.onnx", "--input", examples / "digits.npz")
    answer = neurochip("run", *digits, "--samples", 20, *options)
    assert answer.exit_code == 0, answer.stderr
    return answer.stdout


def test_the_first_five_lines_of_digits_cnn_on_darwin3(examples):
    assert told(examples, "--chip", "darwin3").startswith(DIGITS_ON_DARWIN3)


@pytest.mark.parametrize(
    "options",
    [
        ("--chip", "loihi"),
        ("--chip", "ideal", "--pipeline"),
        ("--chip", "tiny", "--pipeline", "--tick", "shortest"),
        ("--timing", "none"),
        ("--samples", "1", "--pipeline", "--tick", "0.5ms"),
        ("--set", "board.chips_x=8", "--set", "energy.sop_pj=5.5"),
        ("--set", "core.timing.soma_lanes=1000", "--set", "noc.hop_cycles=64"),
    ],
    ids=" ".join,
)
def test_five_lines_in_this_order_fit_80_columns(examples, options):
    lines = told(examples, *options).splitlines()
    assert [line[:18].rstrip() for line in lines[:5]] == NAMES
    assert max(map(len, lines[:5])) <= 80
    assert lines[5] == ""


@pytest.fixture(scope="module")
def samples(digits_pictures):
    return digits_pictures[:4]


@pytest.mark.parametrize("chip", ["darwin3", "loihi", "tiny"])
def test_no_line_of_a_report_is_wider_than_its_80_columns(examples, samples, chip):
    run = nc.simulate(nc.compile(examples / "digits_cnn.onnx", chip), samples)
    lines = as_text(nc.report(run).__rich__(), 80).splitlines()
    assert max(map(len, lines)) <= 80
    names = [line for line in lines if line.startswith("  soma updates ")]
    assert len(names) == 2, "names of activity and energy stay whole"


def test_the_bound_is_the_busiest_engine_of_any_core(examples, samples):
    run = nc.simulate(nc.compile(examples / "digits_cnn.onnx", "darwin3"), samples, detail=True)
    busy = {
        engine: run.detail.nodes[f"{engine.lower()}_busy_cycles"]  # a node of darwin3 is a core
        for engine in ENGINES
    }
    bound = nc.report(run).contents.bound
    most = max(int(cycles.max()) for cycles in busy.values())
    assert busy[bound.engine][bound.core] == most
    assert bound.work_cycles == most / len(samples)
    assert bound.share == most / run.timestep_work_cycles.sum()


def test_engines_of_cores_that_share_a_router_add_up_to_their_node(examples, samples):
    run = nc.simulate(nc.compile(examples / "digits_cnn.onnx", "loihi"), samples[:1], detail=True)
    per_node = run.image.chip.cores_per_node
    assert per_node > 1
    for column, engine in enumerate(ENGINES):
        by_node = run.load.core_cycles[:, column].reshape(-1, per_node).sum(axis=1)
        np.testing.assert_array_equal(by_node, run.detail.nodes[f"{engine.lower()}_busy_cycles"])
    bound = nc.report(run).contents.bound
    assert bound.core in {core.core for core in run.image.cores}
    assert (
        bound.where == f"core {bound.core % per_node} of {run.image.chip.position_of(bound.core)}"
    )


def test_a_load_depends_neither_on_threads_nor_on_batches(examples, samples, monkeypatch):
    image = nc.compile(examples / "digits_cnn.onnx", "tiny", pipeline=True)
    whole = nc.simulate(image, samples, threads=1).load
    assert whole.core_cycles.sum() > 0
    monkeypatch.setattr(import_module("neurochip.simulate.simulate"), "BATCH_SAMPLES", 2)
    parts = nc.simulate(image, samples, threads=3).load
    np.testing.assert_array_equal(parts.core_cycles, whole.core_cycles)
    np.testing.assert_array_equal(parts.output_flits, whole.output_flits)


def bound_with(run, cores, flits):
    """The bound of a run whose load is made up."""
    load = replace(run.load, core_cycles=cores, output_flits=flits)
    return bound_of(replace(run, load=load))


@pytest.fixture(scope="module")
def on_tiny(examples, samples):
    return nc.simulate(nc.compile(examples / "digits_cnn.onnx", "tiny"), samples[:1])


def test_a_link_bounds_where_it_is_busier_than_any_engine(on_tiny):
    cores, flits = np.zeros_like(on_tiny.load.core_cycles), np.zeros_like(on_tiny.load.output_flits)
    used = on_tiny.image.cores[1]
    cores[used.core] = 10_000, 30_000, 20_000
    flits[5, 2] = 29_999
    bound = bound_with(on_tiny, cores, flits)
    assert (bound.engine, bound.core, bound.layer) == ("Send", used.core, used.population)
    flits[5, 2] = 30_001
    bound = bound_with(on_tiny, cores, flits)
    assert (bound.engine, bound.where) == ("network", "(1, 1) to +y")
    assert (bound.core, bound.work_cycles) == (None, 30_001)
    flits[:] = 0
    flits[6, 4] = 40_000
    assert bound_with(on_tiny, cores, flits).where == "(2, 1) to cores"


def test_a_soma_whose_last_groups_end_after_the_work_is_busy_for_all_of_it_and_no_more(on_tiny):
    cores, flits = np.zeros_like(on_tiny.load.core_cycles), np.zeros_like(on_tiny.load.output_flits)
    work = int(on_tiny.timestep_work_cycles.sum())
    cores[on_tiny.image.cores[0].core] = work + 100, 0, 0
    flits[5, 2] = work + 90
    bound = bound_with(on_tiny, cores, flits)
    assert (bound.engine, bound.share, bound.work_cycles) == ("soma", 1.0, work + 100)


def test_a_link_between_chips_is_busy_for_as_long_as_its_flits_take(examples, samples):
    board = {"board.chips_x": 2, "board.link_cycles": 60, "board.link_flit_cycles": 20}
    image = nc.compile(examples / "digits_cnn.onnx", "tiny", overrides=board)
    run = nc.simulate(image, samples[:1])
    cores, flits = np.zeros_like(run.load.core_cycles), np.zeros_like(run.load.output_flits)
    flits[3, 0] = flits[4, 1] = 1_000  # the last column of the first chip, the first of the second
    flits[2, 0] = 2_000
    queue = image.chip.spec["noc"]["queue_flits"]
    bound = bound_with(run, cores, flits)
    assert bound.where == "(3, 0) to +x"
    assert bound.work_cycles == 1_000 * max(20, 120 / queue)


def test_the_port_where_samples_enter_can_bound(on_tiny):
    cores, flits = np.zeros_like(on_tiny.load.core_cycles), np.zeros_like(on_tiny.load.output_flits)
    noc, port = on_tiny.image.chip.spec["noc"], on_tiny.image.chip.spec["io"][0]
    packets = int(on_tiny.counters["input_packets"].sum())
    bound = bound_with(on_tiny, cores, flits)
    assert bound.where == f"input port {on_tiny.image.chip.ports()[0]}"
    assert bound.work_cycles == packets * noc["packet_flits"] * port["io_cycles"]


def test_a_run_without_cycles_has_no_bound(examples, samples):
    image = nc.compile(examples / "digits_cnn.onnx", "tiny")
    run = nc.simulate(image, samples, timing="none")
    assert run.load is None
    assert nc.report(run).contents.bound is None


def test_a_tick_of_ones_own_is_no_assumption_of_the_chip(examples, samples):
    image = nc.compile(examples / "digits_cnn.onnx", "ideal")
    runs = [nc.simulate(image, samples[:1], tick=tick) for tick in (None, "none")]
    told = [json.loads(nc.report(run).to_json())["assumed"] for run in runs]
    assert set(told[0]) - set(told[1]) == {"sync.tick_us"}
