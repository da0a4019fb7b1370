"""Loihi and TrueNorth: their numbers, the codes they compute, and what fits their cores."""

from __future__ import annotations

import json
from math import ceil

import numpy as np
import pytest

import neurochip as nc
from command_line import neurochip
from integer_graphs import convolution, graph_of, tensor
from lowered_layers import random_weights
from neurochip import _core
from neurochip.errors import CapacityError, ChipError
from neurochip.lower import lower
from neurochip.network import ConvolutionConnector
from neurochip.options import CompileOptions
from neurochip.placement import place
from neurochip.placement.boxes import Limits
from neurochip.placement.footprint import Footprints
from neurochip.placement.links import links_of
from neurochip.placement.synapse_lists import SynapseLists, axons_in, lengths
from neurochip.placement.tiles import Grid

LISTS = SynapseLists(word_bits=64, head_bits=10, id_bits=10, max_synapses=64)


@pytest.fixture
def digits(examples):
    return nc.load_graph(examples / "digits_cnn.onnx")


@pytest.fixture
def samples(digits_pictures):
    return digits_pictures[:20]


def refusal(graph, chip, **options) -> ChipError:
    with pytest.raises(ChipError) as raised:
        nc.compile(graph, chip, **options)
    return raised.value


def test_a_name_says_which_of_the_numbers_are_meant():
    davies, nahuku = nc.chip("loihi"), nc.chip("loihi:nahuku")
    assert (davies.name, nahuku.name) == ("loihi:davies2018", "loihi:nahuku")
    assert nc.chip("loihi:davies2018").fingerprint == davies.fingerprint != nahuku.fingerprint
    assert davies.profiles == ("nahuku",)
    assert nc.chip("loihi", {"profile": "nahuku"}).fingerprint == nahuku.fingerprint


def test_a_file_with_profiles_is_asked_for_one_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(dict(_core.built_in_chips())["loihi"].replace('"loihi"', '"mine"', 1))
    assert nc.chip(f"{path}:nahuku").name == "mine:nahuku"
    assert nc.chip(path).name == "mine:davies2018"


def test_a_profile_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(ChipError) as raised:
        nc.chip("loihi:nahoku")
    assert str(raised.value) == (
        "in chip 'loihi:nahoku': cannot set `profile`: 'loihi' has no profile 'nahoku', expected "
        "one of `davies2018`, `nahuku`"
    )


def test_loihi_runs_in_time_to_first_spike_unless_asked_for_another_code(digits, samples):
    image = nc.compile(digits, "loihi", t_max=64)
    assert image.code == "quartz"
    run = nc.simulate(image, samples, check="all")
    assert run.predictions.tolist() == nc.simulate(nc.compile(digits), samples).predictions.tolist()
    assert not run.compiled_agreement.differing.any()
    assert nc.compile(digits, "loihi", "rate", t_max=16).code == "rate"


def test_updates_and_not_synapses_are_most_of_the_energy_of_first_spikes(digits, samples):
    """As on the chip: 45.6 uJ a digit were measured, of which synapses explain 1."""
    for chip in ("loihi", "loihi:nahuku"):
        run = nc.simulate(nc.compile(digits, chip, t_max=16), samples, timing="none")
        energy = {name: float(pj.mean()) for name, pj in run.energy_by_component_pj.items()}
        assert energy["neurons"] > 0.5 * sum(energy.values())


def test_loihi_refuses_a_code_that_its_neurons_cannot_compute(digits):
    error = refusal(digits, "loihi", code="stem")
    assert str(error) == (
        "'loihi:davies2018' does not compute the code 'stem' (codes.accepted): its compartments "
        "neither shift a membrane from timestep to timestep nor change what they do by phase"
    )
    assert error.hint == "take `--code quartz` or `--code rate`, or another chip"


@pytest.mark.parametrize("code", [None, "stem", "quartz", "rate"])
def test_truenorth_is_there_to_be_inspected_and_no_target(digits, code):
    error = refusal(digits, "truenorth", code=code)
    assert "its crossbar has 1 a synapse (core.weight_bits)" in str(error)
    assert "need weights of 8 bits" in str(error)
    assert error.hint == "take another chip: this one is there to be inspected"


def test_the_price_of_a_synaptic_event_on_truenorth_is_all_in():
    chip = nc.chip("truenorth")
    assert chip.spec["energy"]["sop_pj"] == 26.0
    for price in ("flit_hop_pj", "soma_update_pj", "packet_pj", "static_mw", "spike_pj"):
        with pytest.raises(ChipError) as raised:
            nc.chip("truenorth", {f"energy.{price}": 2.3})
        assert str(raised.value).endswith(
            f"`energy.{price}` is 2.3, expected 0, as energy.scope is all_in"
        )


def test_every_price_of_loihi_2_is_assumed():
    chip = nc.chip("loihi2")
    prices = [name for name, value in chip.spec["energy"].items() if value is not None]
    assert len(prices) == 9
    assert all(chip.provenance(f"energy.{name}").startswith("assumed: ") for name in prices)


def test_a_list_of_synapses_begins_at_a_word_and_has_a_head_every_64():
    assert LISTS.words(1, 8) == 1
    assert LISTS.words(3, 8) == 1, "10 + 3 * 18 is 64 bits"
    assert LISTS.words(4, 8) == 2
    assert LISTS.words(64, 8) == ceil((10 + 64 * 18) / 64) == 19
    assert LISTS.words(65, 8) == 19 + 1
    assert LISTS.words(130, 1) == 2 * ceil((10 + 64 * 11) / 64) + 1


def test_a_convolution_takes_a_list_for_each_set_of_taps_and_an_axon_for_each_source(digits):
    """8 x 8 x 8 neurons, 3 x 3 over one channel, padded: nine sets of taps, four at corners."""
    chip = nc.chip("loihi", {"core.weight_bits": [1, 2, 3, 4, 5, 6, 8]})
    network = first_spikes(digits, chip)
    footprints = Footprints(network, chip)
    first = next(p for p in network.populations if p.name == "/0/Conv")
    whole = Grid.of(first.shape, first.shape).boxes[0]
    used = footprints.usage(first, whole)
    kernel = [link for link in footprints.into(first) if link.source.name == "input"]
    others = [link for link in footprints.into(first) if link.source.name != "input"]
    assert len(kernel) == 1
    neurons = first.num_neurons
    words = 4 * LISTS.words(4 * 8, 8) + 4 * LISTS.words(6 * 8, 8) + LISTS.words(9 * 8, 8)
    from_others = sum(LISTS.words(neurons, stored(link)) for link in others)
    assert used.dendrite_words == words + from_others
    assert used.dendrites == 9 + len(others)
    assert used.axons_in == 64 + len(others)
    assert used.axon_entries == 0, (
        "nobody receives from it yet, and a neuron has no entry of its own"
    )


@pytest.mark.parametrize("cut", [8, 4, 3, 1])
def test_the_lists_of_a_grouped_convolution_hold_every_synapse_once(cut):
    """3 x 3 over 4 x 4, padded: 10 x 10 taps inside; 2 source channels for each target channel."""
    source = tensor("x", (4, 4, 4))
    layer = convolution(
        "c", source, random_weights(8, 2, 3, 3), tensor("y", (8, 4, 4)), pads=(1,) * 4, groups=2
    )
    (link,) = links_of(lower(graph_of(source, [layer]), nc.chip("ideal")))
    for box in Grid.of((4, 4, 8), (4, 4, cut)).boxes:
        first, stop = box.channels
        synapses = sum(length * many for length, many in lengths(link, box, relative=False))
        assert synapses == 10 * 10 * 2 * (stop - first)
        groups = len({channel // 4 for channel in range(first, stop)})
        assert axons_in(link, box) == 4 * 4 * 2 * groups


def test_a_layer_is_cut_so_that_its_axons_in_fit(digits):
    """The last layer of 64 inputs and a readout needs 65; a neuron of the second convolution 73."""
    network = first_spikes(digits, nc.chip("loihi"))
    few = nc.chip("loihi", {"core.dendrite_memory.max_axons_in": 80})
    tiles = place(network, few).tiles
    assert max(tile.usage.axons_in for tile in tiles) <= 80
    assert len(tiles) > len(place(network, nc.chip("loihi")).tiles)
    with pytest.raises(CapacityError) as raised:
        place(network, nc.chip("loihi", {"core.dendrite_memory.max_axons_in": 64}))
    assert str(raised.value) == (
        "layer '/6/Gemm' needs 65 axons in for one neuron on one core; 'loihi:davies2018' has 64 "
        "(core.dendrite_memory.max_axons_in)"
    )
    assert Limits.of(nc.chip("tiny")).axons_in == float("inf")


def test_inspect_and_chips_say_which_numbers_they_show():
    first = neurochip("inspect", "loihi:nahuku").stdout.splitlines()[0]
    assert first.startswith("loihi:nahuku: SANA-FE")
    assert "also loihi:nahuku" in neurochip("inspect", "loihi").stdout.splitlines()[0]
    listed = {chip["name"]: chip for chip in json.loads(neurochip("chips", "--json").stdout)}
    assert {"loihi:davies2018", "loihi:nahuku", "loihi2", "truenorth"} <= set(listed)
    assert listed["loihi:nahuku"]["cores"] == 128
    assert listed["loihi:nahuku"]["clock_mhz"] is None
    assert listed["loihi:nahuku"]["time_base_ns"] == 1.0
    assert "26" in neurochip("inspect", "truenorth").stdout


def stored(link) -> int:
    return next(width for width in (1, 2, 3, 4, 5, 6, 8) if width >= link.weights.bits)


def first_spikes(graph, chip):
    return lower(graph, chip, options=CompileOptions(t_max=64))


def test_quartz_runs_on_loihi_in_the_integers_of_its_authors(digits, samples):
    image = nc.compile(digits, "loihi", calibration=samples, t_max=16, quartz_mode="loihi")
    run = nc.simulate(image, samples[:6])
    assert run.compiled_agreement.differing.sum() == 0
    weights = [
        projection.connector.weights
        for projection in image.network.projections
        if isinstance(projection.connector, ConvolutionConnector)
    ]
    assert weights
    assert all((each % 2 == 0).all() and np.abs(each).max() <= 254 for each in weights)
