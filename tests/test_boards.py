"""Boards: several chips as one mesh, from the chip file to the report."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

import neurochip as nc
from command_line import neurochip
from integer_graphs import convolution, dense, graph_of, tensor
from lowered_layers import random_weights
from neurochip.errors import CapacityError, ChipError
from neurochip.layers import Rearrange
from neurochip.lower import lower
from neurochip.placement import place
from neurochip.placement.nodes import FillingOrder, Reach

SMALL_CORES = {"core.max_neurons": 12}
"""Makes `tiny` too small for `layers`."""


def layers():
    """A convolution of 192 neurons (16 cores of 12), then 10 of a dense layer."""
    source = tensor("x", (2, 8, 8))
    weights = random_weights(3, 2, 3, 3)
    first = convolution("c", source, weights, tensor("y", (1, 1, 1)), pads=(1, 1, 1, 1))
    flat = Rearrange("f", (first.output,), tensor("f", (192,)), np.arange(192, dtype=np.int32))
    last = dense("d", flat.output, random_weights(10, 192), tensor("z", (10,)))
    return source, [first, flat, last]


def network(chip):
    return lower(graph_of(*layers()), chip)


def compiled(**board):
    overrides = SMALL_CORES | {f"board.{field}": value for field, value in board.items()}
    return nc.compile(graph_of(*layers()), "tiny", overrides=overrides)


def samples(count=3):
    return np.random.default_rng(0).integers(0, 256, (count, 2, 8, 8)).astype(np.float32)


def test_a_network_too_large_for_one_chip_computes_the_same_on_a_board():
    with pytest.raises(CapacityError):
        compiled()
    wide, square = compiled(chips_x=2), compiled(chips_x=2, chips_y=2)
    alone = nc.compile(graph_of(*layers()), "tiny")
    expected = nc.simulate(alone, samples(), timing="none")
    for image in (wide, square):
        run = nc.simulate(image, samples())
        assert run.compiled_agreement.differing.sum() == 0
        assert np.array_equal(run.outputs, expected.outputs)
        assert (run.counters["link_flits"] > 0).all()
    assert (expected.counters["link_flits"] == 0).all()


def test_what_is_counted_with_cycles_is_counted_without():
    image = compiled(chips_x=2, chips_y=2)
    timed, untimed = (nc.simulate(image, samples(), timing=timing) for timing in ("cycle", "none"))
    for name in ("sops", "packets", "flit_hops", "link_flits", "io_flits", "soma_updates"):
        assert np.array_equal(timed.counters[name], untimed.counters[name]), name


def test_slower_links_make_a_sample_slower_and_change_no_value():
    cycles, outputs = [], []
    for link_cycles in (2, 20, 200):
        run = nc.simulate(compiled(chips_x=2, link_cycles=link_cycles), samples())
        cycles.append(int(run.cycles.sum()))
        outputs.append(run.outputs)
    assert cycles[0] < cycles[1] < cycles[2]
    assert all(np.array_equal(each, outputs[0]) for each in outputs)


def test_every_chip_of_a_board_idles_and_every_link_flit_has_its_price():
    run = nc.simulate(compiled(chips_x=3), samples(1))
    energy = {name: pj[0] for name, pj in run.energy_by_component_pj.items()}
    assert energy["chip_links"] == run.counters["link_flits"][0] * 20.0
    microseconds = run.cycles[0] / 100.0
    assert energy["static"] == pytest.approx(microseconds * 3 * 10.0 * 1e3)


def test_an_image_of_a_board_runs_from_its_file(tmp_path):
    image = compiled(chips_x=2)
    image.save(tmp_path / "board.image")
    again = nc.Image.load(tmp_path / "board.image")
    expected, run = (nc.simulate(each, samples(1), compare=False) for each in (image, again))
    assert run.cycles.tolist() == expected.cycles.tolist()
    assert again.chips_used == image.chips_used == 2


@pytest.mark.parametrize("chips", [(1, 1), (2, 1), (3, 2), (2, 3)])
@pytest.mark.parametrize("name", ["tiny", "darwin3"])
def test_the_filling_order_visits_every_core_once_and_chip_after_chip(name, chips):
    chip = nc.chip(name, {"board.chips_x": chips[0], "board.chips_y": chips[1]})
    order = FillingOrder.of(chip, chip.ports()[0]).cores.tolist()
    assert sorted(order) == chip.cores()
    visited = [chip.chip_at(chip.position(node)) for node in order]
    entered = [here for before, here in pairwise([None, *visited]) if here != before]
    assert len(entered) == len(set(entered)) == chip.num_chips
    steps = [abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairwise(entered)]
    assert set(steps) <= {1}, "the next chip is beside the last"


@pytest.mark.parametrize("name", ["tiny", "darwin3"])
def test_the_next_chip_is_entered_at_its_node_nearest_to_the_last_one(name):
    chip = nc.chip(name, {"board.chips_x": 2, "board.chips_y": 2})
    order = FillingOrder.of(chip, chip.ports()[0])
    slices = list(order.chips.values())
    for before, after in pairwise(slices):
        here = np.array([order.x[before.stop - 1], order.y[before.stop - 1]])
        nodes = np.stack([order.x[after], order.y[after]], axis=1)
        steps = np.abs(nodes - here).sum(axis=1)
        assert steps[0] == steps.min()


def test_chips_are_filled_one_after_the_other():
    chip = nc.chip("tiny", SMALL_CORES | {"board.chips_x": 2, "board.chips_y": 2})
    tiles = place(network(chip), chip).tiles
    on_chips = [chip.chip_at(chip.position_of(tile.core)) for tile in tiles]
    assert on_chips == [(0, 0)] * 16 + [(1, 0)] * (len(tiles) - 16)


def test_a_layer_begins_on_the_chip_of_its_first_sender():
    """Five boxes of 286 words fill the large cores of one chip and one of the next.

    The layer behind them fits the small ones, which are free on both: on the first it is nearer to
    four of its senders.
    """
    depths = "[300, 200, 200, 200]"
    overrides = SMALL_CORES | {
        "board.chips_x": 2, "core.dendrite_memory.depth_words_by_column": depths,
    }  # fmt: skip
    chip = nc.chip("tiny", overrides)
    source = tensor("x", (64,))
    first = dense("a", source, random_weights(60, 64), tensor("y", (60,)))
    last = dense("b", first.output, random_weights(4, 60), tensor("z", (4,)))
    placement = place(lower(graph_of(source, [first, last]), chip), chip)
    chips = {
        name: [chip.chip_at(chip.position_of(tile.core)) for tile in placement.tiles_of(name)]
        for name in "ab"
    }
    assert chips == {"a": [(0, 0)] * 4 + [(1, 0)], "b": [(0, 0)]}


def test_facts_about_a_node_of_a_chip_hold_on_every_chip():
    chip = nc.chip("darwin3", {"board.chips_x": 2, "board.chips_y": 2})
    assert len(chip.cores()) == 4 * 575
    reserved = set(range(48 * 48)) - set(chip.cores())
    assert {chip.position(node) for node in reserved} == {(0, 0), (24, 0), (0, 24), (24, 24)}
    words = [chip.dendrite_words(node) for node in range(48)]
    assert words == [65_536, 65_536, 8_192, 8_192] * 12


def test_ports_are_on_the_outside_of_the_board():
    chip = nc.chip("darwin3", {"board.chips_x": 2, "board.chips_y": 2})
    east, west, north, south = (
        [(47, 12), (47, 36)],
        [(0, 12), (0, 36)],
        [(12, 47), (36, 47)],
        [(12, 0), (36, 0)],
    )
    assert chip.ports() == [*east, *west, *north, *south]


def test_hops_are_limited_within_a_chip_and_chips_between_chips():
    chip = nc.chip("darwin3", {"board.chips_x": 4, "board.max_chip_hops": 2})
    reach = Reach(chip, [(0, 5), (3, 5)])
    assert reach.excess((15, 5)) is None
    assert str(reach.excess((16, 5))) == "16 hops"
    assert reach.excess((16, 5)).field == "mesh.max_hops_x"
    assert reach.excess((24, 23)) is None, "the next chip, however far"
    assert str(reach.excess((72, 5))) == "3 chips"
    assert reach.excess((72, 5)).field == "board.max_chip_hops"


def test_a_board_that_is_too_small_says_how_many_chips_would_do():
    chip = nc.chip("tiny", {"core.max_neurons": 2, "board.chips_x": 2, "board.chips_y": 2})
    with pytest.raises(CapacityError) as raised:
        place(network(chip), chip)
    assert str(raised.value) == (
        "the network needs 101 cores, 96 of them for layer 'c'; "
        "a board of 4 'tiny' has 64 (board.chips_x, board.chips_y)"
    )
    assert raised.value.hint == (
        "choose a board with more chips (`--set board.chips_x=4`), a chip with more cores, "
        "or a smaller network"
    )
    larger = nc.chip("tiny", {"core.max_neurons": 2, "board.chips_x": 4, "board.chips_y": 2})
    assert place(network(larger), larger)


def test_a_chip_file_that_says_nothing_of_boards_is_one_chip(tmp_path):
    text = dict(nc._core.built_in_chips())["tiny"]
    start, stop = text.index("[board]"), text.index("[core]")
    alone = (text[:start] + text[stop:]).replace("link_flit_pj = 20.0\n", "")
    path = tmp_path / "alone.toml"
    path.write_text(alone)
    assert nc.chip(path).num_chips == 1
    with pytest.raises(CapacityError) as raised:
        nc.compile(graph_of(*layers()), path, overrides=SMALL_CORES)
    assert raised.value.hint == "choose a chip with more cores, or a smaller network"
    with pytest.raises(ChipError) as refused:
        nc.chip(path, {"board.chips_x": 2})
    assert str(refused.value).endswith(
        "`board.link_cycles` is absent, expected a value, as the board has 2 chips\n"
        "`board.link_flit_cycles` is absent, expected a value, as the board has 2 chips\n"
        "`energy.link_flit_pj` is absent, expected a value, as the board has 2 chips"
    )


def test_the_command_line_runs_a_network_on_a_board(examples):
    digits = examples / "digits_cnn.onnx"
    small = ("--chip", "tiny", "--set", "core.max_neurons=40")
    refused = neurochip("run", digits, *small)
    assert refused.exit_code == 1
    assert "choose a board with more chips (`--set board.chips_x=2`)" in refused.stderr
    board = (*small, "--set", "board.chips_x=2", "--objective", "cores")
    told = neurochip("run", digits, *board, "--input", examples / "digits.npz", "--samples", 2)
    assert told.exit_code == 0, told.stderr
    lines = told.stdout.splitlines()
    assert "  chips used     2 of 2" in lines
    assert any(line.startswith("  flits from chip to chip") for line in lines)
    assert any("10 mW x 2 chips" in line for line in lines)
    told = neurochip("inspect", digits, *board).stdout
    assert "\n23 cores of tiny on 2 of 2 chips\nfits 2 chips of 16 cores" in told


def test_a_report_of_one_chip_says_nothing_about_links(examples):
    digits = examples / "digits_cnn.onnx"
    told = neurochip("run", digits, "--timing", "none", "--json")
    contents = json.loads(told.stdout)
    assert contents["chips_available"] == 1
    assert "flits from chip to chip" not in contents["activity"]
    assert not any(field.startswith("board.") for field in contents["assumed"])
