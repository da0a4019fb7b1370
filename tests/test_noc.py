"""Noc: packets through the network alone arrive in the cycles of other simulators and of theory."""

from __future__ import annotations

import json
from contextlib import contextmanager
from importlib import import_module
from itertools import product

import numpy as np
import pytest

import neurochip as nc
from neurochip.errors import InputError
from neurochip.links import Link
from neurochip.noc.summary import Latency, Recorded
from neurochip.simulate import Interrupted
from recordings import CHIPS, SEVERAL_FLITS, chip_of, recording

SMALL = "rtl_mesh_4x4_queue4_uniform_0.35"


@pytest.fixture(scope="module")
def small():
    return recording(SMALL)


def assert_same(replayed, recorded):
    np.testing.assert_array_equal(replayed.injected, recorded["injected"])
    np.testing.assert_array_equal(replayed.arrived, recorded["arrived"])


@pytest.mark.parametrize("name", CHIPS)
def test_every_recorded_packet_is_injected_and_arrives_in_its_cycle(name):
    recorded = recording(name)
    replayed = nc.replay(recorded, chip_of(*CHIPS[name]))
    assert_same(replayed, recorded)
    assert replayed.summary.recorded == Recorded(0, len(recorded["created"]))


@pytest.mark.parametrize("name", SEVERAL_FLITS)
def test_packets_of_several_flits_arrive_in_their_cycles_as_far_as_was_recorded(name):
    recorded = recording(name)
    replayed = nc.replay(recorded, chip_of(*SEVERAL_FLITS[name]))
    for column, ours in (("injected", replayed.injected), ("arrived", replayed.arrived)):
        known = recorded[column] >= 0
        np.testing.assert_array_equal(ours[known], recorded[column][known])
    arrived = int((recorded["arrived"] >= 0).sum())
    assert replayed.summary.recorded == Recorded(0, arrived)
    assert arrived > 0.9 * len(recorded["created"])


@pytest.mark.parametrize("credit", [1, 2])
@pytest.mark.parametrize("hop", [1, 4])
@pytest.mark.parametrize("inject", [1, 3])
def test_an_empty_network_takes_what_its_formula_says_just_where_credits_suffice(
    inject, hop, credit
):
    for flits, queue, hops in product((1, 3, 9), (1, 2, 3, 4, 5, 6, 8), (0, 1, 3)):
        fields = {
            "noc.packet_flits": flits,
            "noc.queue_flits": queue,
            "noc.receive_flits": max(flits, 1 + credit),
            "noc.inject_cycles": inject,
            "noc.hop_cycles": hop,
            "noc.credit_cycles": credit,
        }
        replayed = nc.replay([[0, 0, hops]], nc.chip("tiny", fields))
        took = int(replayed.arrived[0] - replayed.injected[0])
        formula = inject + hops * hop + 1 + flits - 1
        suffice = queue >= inject + credit and (hops == 0 or queue >= hop + credit)
        assert (took == formula) == (flits <= queue or suffice), fields
        assert took >= formula


@pytest.mark.parametrize("name", CHIPS)
def test_every_packet_of_a_recording_file_is_injected_and_arrives_in_its_cycle(data, name):
    path = data / "noc" / f"{name}.npz"
    replayed = nc.replay(path, chip_of(*CHIPS[name]))
    with np.load(path) as file:
        table = file["packets"]
    assert_same(replayed, {"injected": table[:, 3], "arrived": table[:, 4]})


LAYOUTS = {
    "a mapping": lambda columns: columns,
    "a mapping of unsigned columns": lambda columns: {
        name: column.astype(np.uint16) for name, column in columns.items()
    },
    "lists": lambda columns: {name: column.tolist() for name, column in columns.items()},
    "a table": lambda columns: np.stack(list(columns.values()), axis=1),
    "a table without what was recorded": lambda columns: np.stack(list(columns.values())[:3], 1),
    "a table with names": lambda columns: {
        "packets": np.stack(list(columns.values())[::-1], axis=1),
        "columns": np.array(list(columns)[::-1]),
    },
    "a structured array": lambda columns: np.rec.fromarrays(
        list(columns.values()), names=list(columns)
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_packets_are_the_same_however_they_are_held(small, layout):
    assert_same(nc.replay(LAYOUTS[layout](small), chip_of(*CHIPS[SMALL])), small)


def test_the_order_of_the_packets_is_that_of_the_result_and_changes_no_cycle(small):
    order = np.random.default_rng(1).permutation(len(small["created"]))
    shuffled = {name: column[order] for name, column in small.items()}
    assert_same(nc.replay(shuffled, chip_of(*CHIPS[SMALL])), shuffled)


def test_packets_of_one_source_and_cycle_leave_in_the_order_in_which_they_are_given():
    replayed = nc.replay([[7, 0, 2], [3, 5, 5], [7, 0, 1], [7, 0, 2]], "tiny")
    assert replayed.injected.tolist() == [7, 3, 8, 9]
    assert replayed.arrived.tolist() == [7 + 1 + 2 * 2 + 1, 3 + 1 + 1, 8 + 1 + 2 + 1, 9 + 6]


def test_a_replay_that_is_saved_can_be_replayed(small, tmp_path):
    chip = chip_of(*CHIPS[SMALL])
    replayed = nc.replay(small, chip)
    replayed.save(tmp_path / "out.npz")
    again = nc.replay(tmp_path / "out.npz", chip)
    assert again.summary.recorded == Recorded(0, len(small["created"]))
    with np.load(tmp_path / "out.npz") as saved:
        np.testing.assert_array_equal(saved["link_flits"], replayed.link_flits)


def test_a_chip_with_longer_hops_is_given_by_overrides():
    chip = nc.chip("tiny", overrides={"noc.hop_cycles": 3})
    assert nc.replay([[0, 0, 15]], chip).arrived.tolist() == [1 + 6 * 3 + 1]


@pytest.mark.parametrize("packet_flits", [1, 2])
def test_alone_a_packet_takes_inject_hops_and_eject_and_a_cycle_for_each_further_flit(packet_flits):
    chip = nc.chip("tiny", overrides={"noc.packet_flits": packet_flits})
    source, destination = np.divmod(np.arange(256), 16)
    packets = {"created": np.arange(256), "source": source, "destination": destination}
    replayed = nc.replay(packets, chip)
    np.testing.assert_array_equal(
        replayed.empty_network_cycles, 1 + 2 * replayed.hops + 1 + packet_flits - 1
    )


def test_alone_a_long_packet_waits_for_the_credits_of_a_short_queue():
    # A queue of one flit takes one every 4 cycles; on the first link the second flit waits for it.
    chip = nc.chip("tiny", overrides={"noc.packet_flits": 2, "noc.queue_flits": 1})
    assert nc.replay([[0, 0, 1]], chip).empty_network_cycles.tolist() == [1 + 2 + 1 + 4]


def test_no_packet_is_faster_than_in_an_empty_network(small):
    replayed = nc.replay(small, chip_of(*CHIPS[SMALL]))
    assert (replayed.network_cycles >= replayed.empty_network_cycles).all()
    assert (replayed.latency_cycles >= replayed.network_cycles).all()


def test_every_hop_is_a_flit_over_a_link(small):
    replayed = nc.replay(small, chip_of(*CHIPS[SMALL]))
    assert replayed.link_flits.sum() == replayed.hops.sum()


def test_a_core_at_the_pace_of_the_chip_takes_a_packet_each_decode():
    # The receive queue holds one packet; the next can leave the router 2 cycles after it is taken.
    chip = nc.chip("tiny", overrides={"core.timing.decode_cycles": 50, "noc.receive_flits": 1})
    packets = [[0, 1, 2]] * 4
    assert nc.replay(packets, chip).arrived.tolist() == [4, 7, 10, 13]
    replayed = nc.replay(packets, chip, consume="chip")
    assert replayed.arrived.tolist() == [4, 7, 4 + 50 + 3, 4 + 100 + 3]
    assert replayed.output_blocked_cycles[2, 4] == replayed.output_blocked_cycles.sum()


def test_a_packet_may_be_created_in_any_cycle_that_fits():
    last = 1 << 62
    assert nc.replay([[last, 0, 0], [0, 0, 0]], "tiny").arrived.tolist() == [last + 2, 2]


def test_the_summary_of_three_packets():
    # The second and third leave core 0 one behind the other; the first comes from the other side.
    summary = nc.replay([[10, 3, 2], [12, 0, 2], [12, 0, 2]], "tiny").summary
    assert (summary.packets, summary.packet_flits, summary.flit_hops) == (3, 1, 1 + 2 + 2)
    assert summary.cycles == 19 - 10 + 1
    assert summary.offered_load == 3 / 16 / 3
    assert summary.throughput == 3 / 16 / 10
    assert summary.latency_cycles == Latency(mean=17 / 3, median=6, p95=7, p99=7, largest=7)
    assert summary.network_cycles == Latency(mean=16 / 3, median=6, p95=6, p99=6, largest=6)
    assert summary.empty_network_cycles == summary.network_cycles
    assert summary.hottest_link == Link((0, 0), (1, 0), "+x", 2, 2 / 10)
    assert summary.recorded is None
    assert summary.mean_hops == 5 / 3


def test_packets_that_stay_where_they_are_cross_no_link():
    summary = nc.replay([[0, 5, 5]], "tiny").summary
    assert summary.hottest_link is None
    assert summary.latency_cycles.mean == 2


def test_a_recording_that_ended_before_a_packet_arrived_says_nothing_about_it():
    packets = [[0, 0, 1, 0, 4], [0, 0, 1, 1, 7], [0, 0, 1, 2, -1]]
    assert nc.replay(packets, "tiny").summary.recorded == Recorded(differing=1, compared=2)


def test_the_document_has_a_version_and_every_figure():
    replayed = nc.replay([[0, 0, 1]], "tiny")
    document = json.loads(replayed.to_json())
    assert document["schema_version"] == 1
    assert document["latency_cycles"]["mean"] == 4.0
    assert document["hottest_link"]["direction"] == "+x"


def test_ctrl_c_says_how_many_packets_had_arrived(monkeypatch):
    @contextmanager
    def pressed():
        def press(done):
            raise KeyboardInterrupt

        yield press

    monkeypatch.setattr(import_module("neurochip.noc.replay"), "no_progress_bar", pressed)
    with pytest.raises(Interrupted) as raised:
        nc.replay([[0, 0, 1], [0, 0, 2]], "tiny")
    assert str(raised.value) == "interrupted after 2 of 2 packets"


REFUSALS = [
    (
        {"created": [0], "source": [0]},
        "the recording has no column `destination`; it has `created`, `source`",
    ),
    ({"source": [0]}, "the recording has no column `created`, `destination`; it has `source`"),
    ({}, "the recording has no column `created`, `source`, `destination`; it has no columns"),
    (
        {"created": [0.5], "source": [0], "destination": [0]},
        "column `created` of the recording holds float64 values, expected integers",
    ),
    (
        {"created": [0], "source": [[0]], "destination": [0]},
        "column `source` of the recording has shape (1, 1), expected (packets,)",
    ),
    (
        {"created": [0, 1], "source": [0, 1], "destination": [0]},
        "the columns of the recording differ in length: `created` 2, `source` 2, `destination` 1",
    ),
    (np.zeros((0, 3), int), "the recording holds no packets"),
    (
        np.zeros((4, 4), int),
        "the recording has shape (4, 4), expected (packets, 3): created, source, destination",
    ),
    (
        {"packets": np.zeros((4, 4), int), "columns": np.array(["created", "source"])},
        "`packets` of the recording has shape (4, 4), `columns` names 2 columns",
    ),
    ([[3, 0, 1], [-1, 0, 1]], f"`created` of packet 1 is -1, expected 0 to {1 << 62}"),
    (
        np.array([[1 << 63, 0, 1]], np.uint64),
        f"`created` of packet 0 is {1 << 63}, expected 0 to {1 << 62}",
    ),
    (
        [[0, 0, 16], [0, 0, -1], [0, 0, 15]],
        "`destination` of packet 0 is 16, expected 0 to 15 (2 such packets)",
    ),
]


@pytest.mark.parametrize(("packets", "message"), REFUSALS, ids=[told for _, told in REFUSALS])
def test_what_cannot_be_sent_is_refused_with_what_can(packets, message):
    with pytest.raises(InputError) as raised:
        nc.replay(packets, "tiny")
    assert str(raised.value) == message


def test_a_consumer_that_does_not_exist_is_refused():
    with pytest.raises(InputError) as raised:
        nc.replay([[0, 0, 1]], "tiny", consume="never")
    assert str(raised.value) == "no consumer 'never'"
    assert raised.value.hint == "consumers are `arrival` and `chip`"
