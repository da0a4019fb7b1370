"""Optimize: tiles move, values do not; what is promised of the traffic is what a run counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import neurochip as nc
from integer_graphs import dense, graph_of, tensor
from lowered_layers import random_weights
from neurochip._core import Placer
from neurochip.errors import CapacityError, InputError
from neurochip.lower import lower
from neurochip.optimize import TOLERANCE, TRAFFIC_SAMPLES
from neurochip.placement import place

ROOT = Path(__file__).parents[1]
ZOO = ROOT / "tests" / "data" / "zoo"
LEVELS = (1, 2)
UNTIMED = (
    "spikes",
    "packets",
    "input_packets",
    "output_packets",
    "flits",
    "io_flits",
    "sops",
    "soma_updates",
)
"""Counters in which the place of a tile plays no part."""


@pytest.fixture(scope="module")
def digits() -> dict[str, np.ndarray]:
    archive = np.load(ROOT / "examples" / "digits.npz")
    scaled = {name: archive[name].astype(np.float32) / 255 for name in ("x", "x_calibration")}
    return {name: pictures[:, None] for name, pictures in scaled.items()}


def compiled(level, digits, model="digits_resnet/uint8_qdq.onnx", chip="darwin3", **overrides):
    fields = {name.replace("__", "."): value for name, value in overrides.items()}
    calibration = digits["x_calibration"][:TRAFFIC_SAMPLES]
    return nc.compile(
        ZOO / model,
        chip,
        calibration=calibration,
        overrides=fields,
        objective="cores",
        optimize=level,
    )


SPREAD_OUT = {"core__max_neurons": 200}
"""Cuts the network for digits into 52 tiles."""


@pytest.fixture(scope="module")
def images(digits):
    return [compiled(level, digits, **SPREAD_OUT) for level in (0, *LEVELS)]


@pytest.mark.parametrize("level", LEVELS)
def test_values_spikes_sops_and_packets_are_the_same_at_every_level(level, images, digits):
    straight, moved = (nc.simulate(images[each], digits["x"][:4]) for each in (0, level))
    np.testing.assert_array_equal(straight.outputs, moved.outputs)
    np.testing.assert_array_equal(straight.by_population["spikes"], moved.by_population["spikes"])
    np.testing.assert_array_equal(straight.by_population["sops"], moved.by_population["sops"])
    for name in UNTIMED:
        np.testing.assert_array_equal(straight.counters[name], moved.counters[name], name)
    assert moved.compiled_agreement.differing.sum() == 0


@pytest.mark.parametrize("level", LEVELS)
def test_every_box_is_placed_once_on_a_core_of_its_own_that_holds_it(level, images):
    straight, moved = images[0].cores, images[level].cores

    def boxes(cores):
        return sorted((c.population, c.rows, c.columns, c.channels, c.neurons) for c in cores)

    assert boxes(straight) == boxes(moved)
    assert len({core.node for core in moved}) == len(moved)
    assert all(core.dendrite_words <= core.dendrite_words_available for core in moved)
    assert {core.node for core in moved} <= set(images[level].chip.cores())
    assert [core.node for core in straight] != [core.node for core in moved]


@pytest.mark.parametrize("level", LEVELS)
def test_the_hops_that_are_promised_are_those_that_a_run_counts(level, images, digits):
    samples = digits["x_calibration"][:TRAFFIC_SAMPLES]
    gain = images[level].gain
    for image, cost in ((images[0], gain.before), (images[level], gain.after)):
        run = nc.simulate(image, samples, timing="none")
        assert cost.flit_hops == run.counters["flit_hops"].mean()
    assert gain.after.flit_hops < 0.8 * gain.before.flit_hops
    assert gain.after.hottest_link_flits < gain.before.hottest_link_flits


def test_level_2_is_timed_and_no_slower_than_the_curve(images, digits):
    first = digits["x_calibration"][:1]
    gain = images[2].gain
    for image, cost in ((images[0], gain.before), (images[2], gain.after)):
        assert cost.work_cycles == nc.simulate(image, first).work_cycles.mean()
    assert gain.after.work_cycles <= gain.before.work_cycles * (1 + TOLERANCE)
    assert images[1].gain.before.work_cycles is None


def test_level_0_moves_nothing_and_says_nothing(images):
    target = images[0].chip
    network = images[0].network
    assert [tile.core for tile in place(network, target).tiles] == [c.node for c in images[0].cores]
    assert images[0].gain is None


def test_the_same_samples_give_the_same_placement_again(images, digits):
    again = compiled(2, digits, **SPREAD_OUT)
    assert again.cores == images[2].cores
    assert again.gain == images[2].gain


def test_an_image_file_keeps_what_was_gained(images, tmp_path):
    for image in images:
        image.save(tmp_path / "moved.image")
        assert nc.Image.load(tmp_path / "moved.image").gain == image.gain


def test_without_calibration_samples_the_traffic_is_that_of_random_codes():
    image = nc.compile(ZOO / "digits_cnn" / "uint8_qdq.onnx", optimize=1)
    assert image.gain.estimated
    assert image.gain.source == f"{TRAFFIC_SAMPLES} random samples"
    assert image.gain.after.flit_hops <= image.gain.before.flit_hops


@pytest.mark.parametrize("level", LEVELS)
def test_packets_stay_within_the_hops_that_they_can_be_addressed(level, digits):
    image = compiled(level, digits, mesh__max_hops_x=7, mesh__max_hops_y=3, **SPREAD_OUT)
    network = image.network
    on = {
        population.name: [
            (core.x, core.y) for core in image.cores if core.population == population.name
        ]
        for population in network.populations
    }
    on[network.populations[0].name] = [(23, 12)]
    # The last layer is dense: every tile of the one before sends to every tile of it.
    logits = network.output
    (source,) = [p.source for p in network.projections if p.target == logits]
    for (x, y), (to_x, to_y) in ((a, b) for a in on[source] for b in on[logits]):
        assert abs(x - to_x) <= 7
        assert abs(y - to_y) <= 3
    assert image.gain.after.flit_hops < image.gain.before.flit_hops


def test_a_tile_that_needs_a_large_core_stays_on_large_ones():
    chip = nc.chip("darwin3")
    large = dense("large", tensor("x", (600,)), random_weights(100, 600), tensor("a", (100,)))
    last = dense("last", large.output, random_weights(10, 100), tensor("b", (10,)))
    placement = place(lower(graph_of(tensor("x", (600,)), [large, last]), chip), chip)
    for level in LEVELS:
        for tile in nc.optimize_placement(placement, level).tiles:
            assert tile.usage.dendrite_words <= chip.dendrite_words(tile.core)
    assert placement.tiles[0].usage.dendrite_words > 8_192


def test_a_level_that_does_not_exist_is_refused(images):
    network = images[0].network
    placement = place(network, images[0].chip)
    with pytest.raises(InputError, match="`optimize` is 3, expected 0, 1 or 2"):
        nc.optimize_placement(placement, 3)


def test_the_core_refuses_what_is_no_placement():
    flows = (np.array([0], np.uint32), np.array([1], np.uint32), np.array([5], np.uint64))
    words = np.array([1, 1], np.int64)
    placer = Placer((3, 1), (1, None), np.array([1, 1, 1], np.int64), (0, [(0, 0)]), words, flows)
    assert placer.cost(np.array([0, 1], np.uint32)) == (5, 5)
    with pytest.raises(CapacityError, match="place 1 is out of reach of place 0"):
        placer.cost(np.array([0, 2], np.uint32))
    with pytest.raises(CapacityError, match="there is no port 1"):
        Placer((3, 1), (1, None), np.array([1, 1, 1], np.int64), (1, [(0, 0)]), words, flows)
