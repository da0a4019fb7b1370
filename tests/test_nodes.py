"""Several cores at one router, and chips without a clock: from placement to the report."""

from __future__ import annotations

import json

import numpy as np
import pytest

import neurochip as nc
from neurochip.errors import ChipError
from neurochip.placement.nodes import FillingOrder

FOUR_A_NODE = {
    "mesh.cores_per_node": 4,
    "mesh.width": 2,
    "mesh.height": 2,
    "io": '[{x = 0, y = 0, side = "-x", io_cycles = 1}]',
}
PRICES = {
    "energy.spike_pj": 3.0,
    "energy.node_packet_pj": 0.5,
    "energy.flit_hop_y_pj": 2.0,
}
NO_CLOCK = {"process.clock_mhz": "none", "process.time_base_ns": 2.0}


@pytest.fixture
def network(examples):
    return nc.load_graph(examples / "digits_cnn.onnx")


@pytest.fixture
def samples(digits_pictures):
    return digits_pictures[:3]


def simulated(network, samples, overrides, **options):
    return nc.simulate(
        nc.compile(network, "tiny", overrides=overrides, objective="cores"), samples, **options
    )


def test_cores_of_a_node_are_filled_one_after_the_other():
    chip = nc.chip("tiny", FOUR_A_NODE)
    assert chip.cores() == list(range(16))
    order = FillingOrder.of(chip, (0, 0)).cores.tolist()
    assert order[:4] == [0, 1, 2, 3]
    assert [chip.node_of(core) for core in order[::4]] == [0, 2, 3, 1], "along the curve"
    assert sorted(order) == chip.cores()
    assert [chip.position_of(core) for core in (0, 3, 4, 15)] == [(0, 0), (0, 0), (1, 0), (1, 1)]
    reserved = nc.chip("tiny", FOUR_A_NODE | {"mesh.reserved": [[1, 0]]})
    assert reserved.cores() == [0, 1, 2, 3, *range(8, 16)]


def test_neither_values_nor_sops_depend_on_how_many_cores_share_a_router(network, samples):
    apart, together = (simulated(network, samples, fields) for fields in ({}, FOUR_A_NODE))
    np.testing.assert_array_equal(apart.outputs, together.outputs)
    for counter in ("spikes", "sops", "packets", "soma_updates", "io_flits"):
        np.testing.assert_array_equal(apart.counters[counter], together.counters[counter])
    assert (together.counters["flit_hops"] < apart.counters["flit_hops"]).all()
    assert not together.compiled_agreement.differing.any()
    assert len({core.core for core in together.image.cores}) == len(together.image.cores)
    assert {core.node for core in together.image.cores} == {0}, "its four cores fit one node"


def test_every_packet_between_cores_stays_in_the_node_that_holds_them_all(network, samples):
    run = simulated(network, samples, FOUR_A_NODE | PRICES, timing="none")
    between = run.counters["packets"] - run.counters["output_packets"]
    np.testing.assert_array_equal(run.counters["node_packets"], between)
    assert not run.counters["flit_hops"].any()
    counters = simulated(network, samples, FOUR_A_NODE, timing="none").counters
    assert "node_packets" not in counters, "no price, no count"


def test_spikes_and_hops_along_y_have_prices_of_their_own(network, samples):
    run = simulated(network, samples, PRICES)
    counters, energy = run.counters, run.energy_by_component_pj
    np.testing.assert_array_equal(
        counters["core_spikes"], run.spikes - run.by_population["spikes"][:, 0]
    )
    along = counters["flit_hops_x"] + counters["flit_hops_y"]
    np.testing.assert_array_equal(along, counters["flit_hops"])
    assert counters["flit_hops_y"].all()
    np.testing.assert_allclose(energy["spikes"], 3.0 * counters["core_spikes"])
    np.testing.assert_allclose(energy["links"], 1.0 * counters["flit_hops_x"])
    np.testing.assert_allclose(energy["links_y"], 2.0 * counters["flit_hops_y"])
    np.testing.assert_allclose(run.energy_pj, sum(energy.values()))


def test_hops_along_y_are_those_that_the_time_machine_sends(network, samples):
    run = simulated(network, samples, PRICES, detail=True)
    sides = run.detail.link_flits.sum(axis=0)
    assert sides[:2].sum() == run.counters["flit_hops_x"].sum()
    assert sides[2:].sum() == run.counters["flit_hops_y"].sum()


def test_a_report_tells_what_has_a_price_and_nothing_else(network, samples):
    plain = json.loads(nc.report(simulated(network, samples, {})).to_json())
    priced = json.loads(nc.report(simulated(network, samples, FOUR_A_NODE | PRICES)).to_json())
    apart = set(priced["activity"]) - set(plain["activity"])
    assert apart == {"spikes of cores", "packets within a node", "flit hops along y"}
    names = [term["name"] for term in priced["energy"]["event_terms"]]
    assert names[2:7] == [
        "spikes", "packets", "packets within a node", "flit hops along x", "flit hops along y",
    ]  # fmt: skip
    assert priced["fullest"]["place"] is not None
    assert plain["fullest"]["place"] is None


def test_a_chip_without_a_clock_is_timed_by_its_time_base(network, samples):
    clocked, unclocked = (simulated(network, samples, fields) for fields in ({}, NO_CLOCK))
    np.testing.assert_array_equal(clocked.cycles, unclocked.cycles)
    assert unclocked.samples_per_s == pytest.approx(5 * clocked.samples_per_s), "2 ns for 10"
    text = str(nc.report(unclocked))
    assert "a cycle being 2 ns" in text
    assert "clock" not in text
    assert "MHz" not in text


def test_the_barrier_is_that_of_the_nodes_with_neurons(network, samples):
    table = {"sync.barrier_cycles_by_nodes": "[[1, 0], [4, 30]]"}
    for fields, nodes, cycles in ((FOUR_A_NODE, 1, 10), ({}, 4, 40)):
        run = simulated(network, samples, fields | table)
        assert run.image.nodes_used == nodes
        np.testing.assert_array_equal(run.counters["barrier_cycles"], 33 * cycles)
        assert f"{cycles} cycles, of {nodes} node" in str(nc.report(run))


def test_a_host_is_told_beside_the_chip_only_where_it_is_counted(network, samples):
    host = "{{us_per_sample = 2800, us_per_timestep = 9, is_counted = {}}}"
    quiet = simulated(network, samples, {"host": host.format("false")})
    told = simulated(network, samples, {"host": host.format("true")})
    assert "host" not in str(nc.report(quiet))
    assert "host of a board      3,097 µs, in no other number here" in str(nc.report(told))
    image = nc.compile(network, "tiny", pipeline=True, overrides={"host": host.format("true")})
    assert image.timesteps == 33 > image.period, "the host works in each timestep of a sample"
    flowing = nc.report(nc.simulate(image, samples)).contents
    assert flowing.timing.host_us == 2800 + 33 * 9
    np.testing.assert_array_equal(quiet.cycles, told.cycles)
    np.testing.assert_array_equal(quiet.energy_pj, told.energy_pj)


def test_a_synapse_may_take_cycles_instead_of_a_part_of_one(network, samples):
    slow = {"core.timing.sops_per_cycle": "none", "core.timing.sop_millicycles": 3500}
    fast, slow = (simulated(network, samples, fields) for fields in ({}, slow))
    assert (fast.cycles < slow.cycles).all()
    np.testing.assert_array_equal(fast.sops, slow.sops)
    assert (slow.counters["receive_busy_cycles"] >= 3.5 * slow.sops).all()


def test_hot_spots_name_the_layers_of_a_node(network, samples):
    run = simulated(network, samples, FOUR_A_NODE, detail=True)
    assert "of layer '/0/Conv, /2/MaxPool, /3/Conv, /6/Gemm'" in str(nc.report(run))
    told = {core.what: core for core in nc.report(run).contents.hot_spots.cores}
    busy = int(run.detail.nodes["soma_busy_cycles"][0])
    cycles = int(run.timestep_work_cycles.sum())
    assert told["busiest soma"].cycles == busy
    of_four_cores = 100 * busy / (4 * cycles)
    assert told["busiest soma"].percent == pytest.approx(of_four_cores)


def test_tiles_are_not_moved_between_nodes_of_several_cores(network):
    with pytest.raises(ChipError) as raised:
        nc.compile(network, "tiny", overrides=FOUR_A_NODE, optimize=1)
    assert str(raised.value) == (
        "`optimize` moves tiles between nodes of one core; 'tiny' has 4 at each "
        "(mesh.cores_per_node)"
    )
    assert raised.value.hint == "leave `optimize` at 0"
