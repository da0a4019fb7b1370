"""Objectives: other cuts and cores for the same network, that fit and are worth it."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, permutations, product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurochip as nc
from integer_graphs import STEPS, convolution, dense, drawn, graph_of, tensor
from lowered_layers import random_weights
from neurochip.errors import CapacityError, InputError
from neurochip.image import assemble
from neurochip.lower import lower
from neurochip.options import OBJECTIVES
from neurochip.placement import Placement, Tile, cut_all, place
from neurochip.placement.boxes import Limits
from neurochip.placement.by_hand import read_placement, to_toml
from neurochip.placement.capacity import capacity
from neurochip.placement.footprint import Footprints
from neurochip.placement.nodes import Reach
from neurochip.placement.objective import candidates
from neurochip.placement.place import INPUT_PORT, attempt, orders_of
from neurochip.placement.tiles import Grid
from neurochip.placement.work import measured, stated
from neurochip.report.bound import least_work_cycles

LAWS = settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.mark.parametrize("chip", ["tiny", "darwin3", "loihi2", "loihi"])
@LAWS
@given(seed=st.integers(0, 2**32 - 1), steps=st.lists(st.sampled_from(STEPS), max_size=3))
def test_no_objective_changes_what_is_computed(chip, seed, steps):
    graph, x = drawn(seed, steps, accumulator=False)
    runs = [
        nc.simulate(nc.compile(graph, chip, objective=objective), x[:2], compare=False)
        for objective in OBJECTIVES
    ]
    for run in runs[1:]:
        np.testing.assert_array_equal(run.outputs, runs[0].outputs)
        for name in ("spikes", "sops"):
            np.testing.assert_array_equal(run.by_population[name], runs[0].by_population[name])


@pytest.mark.parametrize("chip", ["tiny", "darwin3", "loihi"])
@LAWS
@given(seed=st.integers(0, 2**32 - 1), steps=st.lists(st.sampled_from(STEPS), max_size=3))
def test_every_candidate_fits_its_chip(chip, seed, steps):
    target = nc.chip(chip)
    graph, _ = drawn(seed, steps, accumulator=False)
    network = lower(graph, target)
    for candidate in candidates(network, target, "latency", stated(network), None):
        check(candidate.placement)


def check(placement):
    """Every neuron once, every core once, every limit and every distance kept."""
    network, chip = placement.network, placement.chip
    cores = [tile.core for tile in placement.tiles]
    assert len(set(cores)) == len(cores)
    assert set(cores) <= set(chip.cores())
    limits = Limits.of(chip)
    places = {network.populations[0].name: [chip.ports()[INPUT_PORT]]}
    for population in network.populations[1:]:
        held = np.zeros(population.shape, np.int64)
        for tile in placement.tiles_of(population.name):
            held[tile.box.slices] += 1
            assert limits.excess(tile.usage) is None
            assert tile.usage.dendrite_words <= chip.dendrite_words(tile.core)
            places.setdefault(population.name, []).append(chip.position_of(tile.core))
        assert (held == 1).all()
    for projection in network.projections:
        reach = Reach(chip, places[projection.source])
        assert not any(reach.excess(place) for place in places[projection.target])


def two_layers():
    source, middle = tensor("x", (2, 8, 8)), tensor("y", (4, 6, 6))
    first = convolution("c", source, random_weights(4, 2, 3, 3), middle)
    last = tensor("z", (6, 1, 1))
    second = convolution("d", first.output, random_weights(6, 4, 6, 6), last)
    return graph_of(source, [first, second])


@pytest.mark.parametrize("objective", ["latency", "throughput", "energy"])
def test_an_objective_is_faster_than_the_fewest_cores(objective):
    graph = two_layers()
    x = np.random.default_rng(1).random((2, 2, 8, 8))
    fewest, spread = (
        nc.simulate(nc.compile(graph, "darwin3", objective=each, effort=1), x, compare=False)
        for each in ("cores", objective)
    )
    assert 2 * spread.work_cycles.sum() < fewest.work_cycles.sum()
    assert len(spread.image.cores) > len(fewest.image.cores)


def test_the_same_input_gives_the_same_bytes():
    graph, x = two_layers(), np.random.default_rng(1).random((4, 2, 8, 8))
    for effort in (0, 1, 2):
        images = [nc.compile(graph, "darwin3", calibration=x, effort=effort) for _ in range(2)]
        assert images[0].to_bytes() == images[1].to_bytes()
        assert images[0].options.effort == effort


def test_more_effort_is_no_slower_on_the_samples_it_times():
    graph, x = two_layers(), np.random.default_rng(1).random((2, 2, 8, 8))
    work = [
        nc.simulate(
            nc.compile(graph, "darwin3", calibration=x, effort=effort), x, compare=False
        ).work_cycles.sum()
        for effort in (0, 1, 2)
    ]
    assert work[0] >= work[1] >= work[2]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_max_cores_is_kept(objective):
    image = nc.compile(two_layers(), "darwin3", objective=objective, max_cores=5)
    assert len(image.cores) <= 5
    with pytest.raises(CapacityError, match="needs 2 cores; `max_cores` allows 1"):
        nc.compile(two_layers(), "darwin3", objective=objective, max_cores=1)


def test_activity_is_counted_per_neuron_and_timestep():
    chip = nc.chip("ideal")
    network = lower(two_layers(), chip)
    values = np.zeros((2, 128), np.uint8)
    values[:, :32] = 0b10000001
    spikes = measured(network, chip, values)[network.populations[0].name]
    np.testing.assert_array_equal(spikes, [0.25, 0, 0, 0, 0, 0, 0, 0.25])


def test_optimize_starts_from_the_fewest_cores():
    plain = nc.compile(two_layers(), "darwin3", objective="cores")
    moved = nc.compile(two_layers(), "darwin3", optimize=1)
    assert len(moved.cores) == len(plain.cores)
    assert moved.options.objective == "cores"


def test_a_network_that_the_curve_takes_out_of_reach_is_placed_otherwise():
    chip = nc.chip("darwin3", {"mesh.max_hops_x": 6, "mesh.max_hops_y": 6, "core.max_neurons": 32})
    source, layers = tensor("x", (1, 16, 16)), []
    for number in range(3):
        given = layers[-1].output if layers else source
        shape = (2, given.shape[1] - 2, given.shape[2] - 2)
        weights = random_weights(2, given.shape[0], 3, 3)
        layers.append(convolution(f"c{number}", given, weights, tensor(f"t{number}", shape)))
    network = lower(graph_of(source, layers), chip)
    cuts = cut_all(network, chip)
    refused = [order for order in orders_of(chip) if attempt(network, chip, cuts, order)[0] is None]
    assert "curve" in refused, "this is what is repaired"
    check(place(network, chip, cuts))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("io_cycles", [1, 400])
def test_no_placement_of_a_small_network_beats_the_bound(seed, io_cycles):
    random = np.random.default_rng(seed)
    port = f'[{{ x = 0, y = 0, side = "-x", io_cycles = {io_cycles} }}]'
    chip = nc.chip("tiny", {"mesh.width": 2, "mesh.height": 2, "io": port})
    source = tensor("x", (3,))
    layer = dense("d", source, random.integers(-9, 10, (4, 3)), tensor("y", (4,)))
    last = dense("e", layer.output, random.integers(-9, 10, (2, 4)), tensor("z", (2,)))
    graph = graph_of(source, [layer, last])
    network = lower(graph, chip)
    x = random.random((2, 3))
    work, bounds = [], set()
    for placement in islice(every_placement(network, chip), 200):
        run = nc.simulate(assemble(placement, graph=graph), x, compare=False, threads=1)
        work.append(run.work_cycles.sum(axis=1).mean())
        bounds.add(least_work_cycles(run))
    (bound,) = bounds
    assert 0 < bound <= min(work)


def every_placement(network, chip):
    """All cuts of the channels, on all cores."""
    populations = network.populations[1:]
    lengths = [range(1, each.shape[2] + 1) for each in populations]
    for chosen in product(*lengths):
        grids = {
            each.name: Grid.of(each.shape, (1, 1, length))
            for each, length in zip(populations, chosen, strict=True)
        }
        footprints, boxes = Footprints(network, chip), []
        for each in reversed(populations):
            grid = grids[each.name]
            used = [(each.name, box, footprints.usage(each, box)) for box in grid.boxes]
            boxes = used + boxes
            footprints.settle(each, grid)
        for cores in permutations(chip.cores(), len(boxes)):
            pairs = zip(boxes, cores, strict=True)
            tiles = tuple(Tile(name, core, box, used) for (name, box, used), core in pairs)
            yield Placement(network, chip, tiles)


class TestByHand:
    """Placements that a user wrote."""

    chip = nc.chip("darwin3")
    network = lower(two_layers(), chip)

    def text(self, placement=None):
        placement = placement or place(self.network, self.chip)
        return to_toml(self.network.name, self.chip.name, placement.tiles)

    def read(self, tmp_path, text):
        path = tmp_path / "p.toml"
        path.write_text(text)
        return read_placement(path, self.network, self.chip)

    @pytest.mark.parametrize("number", [0, 3, -1])
    def test_what_is_written_is_read_back(self, tmp_path, number):
        found = candidates(self.network, self.chip, "latency", stated(self.network), None)
        placement = found[number].placement
        assert self.read(tmp_path, self.text(placement)).tiles == placement.tiles

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("[[tile]]", "[[tiles]]", "it has no [[tile]]"),
            ("core = ", "kern = ", "tile 0 has an unknown field 'kern'"),
            ("rows = [0, 6]", "rows = [0, 5]", "do not cut its 6 x 6 x 4 neurons"),
            ("rows = [0, 6]", "rows = [6, 0]", "`tile 0.rows` is [6, 0], expected [start, stop]"),
            ('"c"', '"k"', "places 'k', and the network has no such population"),
            ("core = ", "core = 9999", "which 'darwin3' does not have or reserves"),
            ("[", "][", "is no placement"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path, old, new, message):
        with pytest.raises(InputError) as raised:
            self.read(tmp_path, self.text().replace(old, new))
        assert message in str(raised.value)

    def test_a_core_is_taken_once(self, tmp_path):
        placement = place(self.network, self.chip)
        same = tuple(replace(tile, core=placement.tiles[0].core) for tile in placement.tiles)
        with pytest.raises(InputError, match="a second time"):
            self.read(tmp_path, self.text(replace(placement, tiles=same)))

    def test_a_core_out_of_reach_is_refused(self, tmp_path):
        placement = place(self.network, self.chip)
        first = self.chip.cores()[0]
        far = (replace(placement.tiles[0], core=first), *placement.tiles[1:])
        with pytest.raises(CapacityError, match=r"addresses 15 \(mesh\.max_hops_x\)"):
            self.read(tmp_path, self.text(replace(placement, tiles=far)))

    def test_other_options_have_nothing_to_decide(self, tmp_path):
        path = tmp_path / "p.toml"
        path.write_text(self.text())
        with pytest.raises(InputError, match="`effort` has nothing to decide"):
            nc.compile(two_layers(), "darwin3", placement=path, effort=1)
        with pytest.raises(InputError, match="cannot read"):
            nc.compile(two_layers(), "darwin3", placement=tmp_path / "none.toml")


def test_capacity_names_what_asks_for_the_most_cores():
    chip = nc.chip("darwin3", {"core.max_neurons": 8, "mesh.width": 4, "mesh.height": 4})
    needed = capacity(lower(two_layers(), nc.chip("darwin3")), chip)
    assert (needed.layer, needed.layer_cores, needed.cores) == ("c", 18, 19)
    assert needed.cores_of_chip == len(chip.cores())
    assert needed.lines == (
        f"fits {needed.chips} chips of {needed.cores_of_chip} cores: at least 19 cores",
        "most for layer 'c': 18; its fullest core takes 100 % of its neurons",
    )
