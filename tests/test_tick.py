"""A tick of one's own: a run timed anew is that of a chip with this tick, in everything."""

from __future__ import annotations

import json

import numpy as np
import pytest

import neurochip as nc
from command_line import neurochip
from neurochip.errors import InputError
from neurochip.simulate.tick import Tick

SAMPLES = 5


@pytest.fixture(scope="module")
def samples(digits_pictures):
    return digits_pictures[:SAMPLES]


def compiled(examples, pipeline, overrides=None):
    network = examples / "digits_cnn.onnx"
    return nc.compile(network, "darwin3", overrides=overrides, pipeline=pipeline)


@pytest.fixture(scope="module", params=[False, True], ids=["alone", "in flight"])
def image(request, examples):
    return compiled(examples, request.param)


def same(ours, theirs):
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], name)


@pytest.mark.parametrize(
    ("tick", "tick_us"), [("none", 0.0), ("7.3us", 7.3), ("0.03 ms", 30.0), ("1s", 1e6)]
)
def test_every_counter_cycle_and_energy_is_that_of_a_chip_with_this_tick(
    image, examples, samples, tick, tick_us
):
    run = nc.simulate(image, samples, tick=tick, detail=True)
    other = compiled(examples, image.samples_in_flight > 1, {"sync.tick_us": tick_us})
    told = nc.simulate(other, samples, detail=True)
    same(run.counters, told.counters)
    same(run.energy_by_component_pj, told.energy_by_component_pj)
    same(run.detail.timesteps, told.detail.timesteps)
    np.testing.assert_array_equal(run.timestep_cycles, told.timestep_cycles)
    assert run.tick_cycles == other.chip.tick_cycles
    reports = [json.loads(nc.report(each).to_json()) for each in (run, told)]
    for report in reports:
        del report["options"]  # one was compiled for another tick
    assert reports[0] == reports[1]


def test_the_shortest_tick_is_the_first_that_nothing_overruns(image, samples):
    run = nc.simulate(image, samples, tick="shortest")
    barrier = image.chip.spec["sync"]["barrier_cycles"]
    assert run.tick_cycles == run.timestep_work_cycles.max() + barrier
    assert (run.timestep_cycles == run.tick_cycles).all()
    assert run.counters["overruns"].sum() == 0
    mhz = image.chip.clock_mhz
    shorter = nc.simulate(image, samples, tick=f"{(run.tick_cycles - 1) / mhz}us")
    assert shorter.counters["overruns"].sum() > 0


def test_a_time_is_rounded_up_to_whole_cycles_as_the_chip_does(examples, samples):
    image = compiled(examples, False)
    run = nc.simulate(image, samples[:1])
    for us in (0.001, 0.1, 1 / 3, 23.17, 500.0, 12345.678901):
        chip = nc.chip("darwin3", {"sync.tick_us": us})
        assert Tick(us).cycles(run) == chip.tick_cycles


def test_latency_without_the_tick_is_told_with_any(image, samples):
    told = [nc.report(nc.simulate(image, samples, tick=t)).contents for t in ("none", "2ms")]
    free, slow = (contents.timing for contents in told)
    assert free.latency_with_tick_us == free.latency_us == slow.latency_us
    assert slow.latency_with_tick_us == pytest.approx(2_000 * image.timesteps)
    assert free.samples_per_s == slow.samples_per_s_without_tick
    assert [free.tick_hides_work, slow.tick_hides_work] == [False, True]


@pytest.mark.parametrize("tick", ["500", "soon", "-1us", "1 h", "", "1e3us", "us"])
def test_what_is_no_tick_is_refused(image, samples, tick):
    with pytest.raises(InputError) as raised:
        nc.simulate(image, samples, tick=tick)
    expected = "expected a time such as '500us', or 'shortest' or 'none'"
    assert str(raised.value) == f"`tick` is {tick!r}, {expected}"
    assert raised.value.hint == "units are ns, us, ms and s"


def test_a_tick_is_no_longer_than_one_of_a_chip_file(image, samples):
    with pytest.raises(InputError, match="`tick` is '11s', expected 0 to 10 s"):
        nc.simulate(image, samples, tick="11s")


def test_a_tick_needs_cycles(image, samples):
    with pytest.raises(InputError, match="a tick needs cycles, and `timing` is 'none'"):
        nc.simulate(image, samples, timing="none", tick="none")


def test_an_image_file_runs_with_another_tick_as_its_graph_does(examples, tmp_path):
    digits, pictures = examples / "digits_cnn.onnx", examples / "digits.npz"
    image = tmp_path / "digits.image"
    neurochip("compile", digits, "-o", image, "--calibration", pictures)
    common = ("--input", pictures, "--samples", 2, "--json")
    told = [
        json.loads(neurochip("run", model, *common, *options).stdout)
        for model, options in (
            (image, ("--tick", "20us")),
            (digits, ("--tick", "20us")),
            (digits, ("--set", "sync.tick_us=20")),
        )
    ]
    for part in ("timing", "energy", "activity", "cores", "bound"):
        assert told[0][part] == told[1][part] == told[2][part]
    assert told[0]["timing"]["tick_cycles"] == 6_660


def test_the_command_refuses_a_tick_before_it_reads_the_model(tmp_path):
    told = neurochip("run", tmp_path / "absent.onnx", "--tick", "5")
    assert told.exit_code == 1
    assert told.stderr.startswith("error: `tick` is '5', expected a time such as '500us'")
