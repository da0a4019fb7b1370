"""Placement: every neuron has a core, every memory is measured, every limit is named."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurochip as nc
from integer_graphs import STEPS, convolution, dense, drawn, graph_of, max_pool, tensor
from lowered_layers import random_weights
from neurochip.errors import CapacityError
from neurochip.layers import Add
from neurochip.lower import lower
from neurochip.network import WeightRange
from neurochip.placement import cut_all, place
from neurochip.placement.nodes import FillingOrder, Reach, hilbert_curve

NETWORKS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def placed(layers, chip="darwin3", **overrides):
    """A network on a chip; `core__max_neurons=7` sets `core.max_neurons`."""
    fields = {name.replace("__", "."): value for name, value in overrides.items()}
    target = nc.chip(chip, fields or None)
    return place(lower(graph_of(layers[0].inputs[0], layers), target), target)


def refusal(layers, chip="darwin3", **overrides):
    with pytest.raises(CapacityError) as raised:
        placed(layers, chip, **overrides)
    return str(raised.value)


def usage(placement, population):
    (tile,) = placement.tiles_of(population)
    return tile.usage


def dense_layer(inputs=20, outputs=10, peak=100, name="d"):
    source = tensor("x", (inputs,))
    weights = random_weights(outputs, inputs, peak=peak)
    weights[0, 0] = peak
    return dense(name, source, weights, tensor("y", (outputs,)))


def conv_layer(source=None, channels=3, **shape):
    source = source or tensor("x", (2, 6, 6))
    weights = random_weights(channels, source.shape[0] // shape.get("groups", 1), 3, 3)
    return convolution("c", source, weights, tensor("y", (1, 1, 1)), **shape)


@pytest.mark.parametrize("chip", ["tiny", "darwin3", "ideal"])
@NETWORKS
@given(seed=st.integers(0, 2**32 - 1), steps=st.lists(st.sampled_from(STEPS), max_size=3))
def test_every_neuron_is_on_exactly_one_core_and_no_core_has_two_tiles(chip, seed, steps):
    graph, _ = drawn(seed, steps, accumulator=False)
    target = nc.chip(chip, {"core.max_neurons": 50})
    network = lower(graph, target)
    placement = place(network, target)
    nodes = [tile.core for tile in placement.tiles]
    assert len(set(nodes)) == len(nodes)
    assert set(nodes) <= set(target.cores())
    for population in network.populations[1:]:
        held = np.zeros(population.shape, int)
        for tile in placement.tiles_of(population.name):
            held[tile.box.slices] += 1
            assert tile.usage.neurons == tile.box.num_neurons <= 50
        assert (held == 1).all()


def test_reserved_nodes_stay_free():
    reserved = {"mesh__reserved": "[[0, 0], [0, 1], [1, 1]]"}
    placement = placed([conv_layer()], "tiny", core__max_neurons=4, **reserved)
    nodes = {tile.core for tile in placement.tiles}
    assert len(nodes) == 12
    assert nodes.isdisjoint({0, 4, 5})


def test_a_dense_layer_takes_ids_once_and_weights_for_each_source():
    # 10 ids of 4 a word: 3 words, once. For each of 20 sources a meta word and 10 weights of
    # 8 bits, 6 a word: 2 words. One state word a neuron.
    used = usage(placed([dense_layer()]), "d")
    assert used.dendrite_words == 3 + 20 * (1 + 2) + 10
    assert used.dendrites == 20
    assert used.axon_entries == 10 + 10, "its own entry, and one target: the io port"


def test_narrow_weights_take_fewer_words():
    # 6-bit weights, 8 a word, and 4-bit ones, 12 a word.
    assert usage(placed([dense_layer(peak=31)]), "d").dendrite_words == 3 + 20 * (1 + 2) + 10
    assert usage(placed([dense_layer(peak=7)]), "d").dendrite_words == 3 + 20 * (1 + 1) + 10


def test_a_convolution_stores_its_kernel_once_for_each_set_of_taps():
    # 6 x 6 to 4 x 4 by 3 x 3: along an axis source 0 reaches tap 0, 1: taps 0 and 1, 2 and 3: all,
    # 4: taps 1 and 2, 5: tap 2. So 5 sets an axis with 1, 2, 3, 2, 1 taps, 25 sets together. To 3
    # channels a set of n taps makes 3 n synapses: ids once, a meta word and weights for each of
    # the 2 source channels.
    words = dendrites = 0
    for y in (1, 2, 3, 2, 1):
        for x in (1, 2, 3, 2, 1):
            synapses = 3 * y * x
            words += -(-synapses // 4) + 2 * (1 + -(-synapses // 6))
            dendrites += 2
    used = usage(placed([conv_layer()]), "c")
    assert used.dendrites == dendrites == 50
    assert used.dendrite_words == words + 48


def test_without_relative_ids_every_source_position_has_its_own():
    # tiny: 32-bit words, 2 ids or 4 weights of 8 bits a word, two state words a neuron.
    words = dendrites = 0
    for y in (1, 2, 3, 3, 2, 1):
        for x in (1, 2, 3, 3, 2, 1):
            words += -(-3 * y * x // 2) + 2
            dendrites += 2
    for y in (1, 2, 3, 2, 1):
        for x in (1, 2, 3, 2, 1):
            words += 2 * -(-3 * y * x // 4)
    placement = placed([conv_layer()], "tiny", core__dendrite_memory__relative_ids=False)
    used = usage(placement, "c")
    assert used.dendrites == dendrites == 72
    assert used.dendrite_words == words + 2 * 48


def test_a_depthwise_convolution_shares_its_ids_among_channels():
    layer = conv_layer(channels=2, groups=2)
    words = 0
    for y in (1, 2, 3, 2, 1):
        for x in (1, 2, 3, 2, 1):
            words += -(-y * x // 4) + 2 * (1 + -(-y * x // 6))
    assert usage(placed([layer]), "c").dendrite_words == words + 32


def test_a_sum_takes_one_dendrite_of_the_branch_whose_index_it_has_and_one_a_neuron_of_the_other():
    # x has one neuron index, which belongs to the convolution; so 72 dendrites lead from x to the
    # sum, each a meta word and a list of one id. The convolution's ids count from its own index:
    # one meta word, one list. One state word a neuron.
    source = tensor("x", (2, 6, 6))
    layer = conv_layer(source, channels=2, pads=(1, 1, 1, 1))
    layers = [layer, Add("sum", (layer.output, source), tensor("s", (2, 6, 6)))]
    used = usage(placed(layers), "sum")
    assert used.dendrites == 72 + 1
    assert used.dendrite_words == 72 * (1 + 1) + (1 + 1) + 72


def test_an_entry_is_needed_for_each_core_a_spike_must_reach():
    first = conv_layer(channels=3, pads=(1, 1, 1, 1))
    second = convolution(
        "second", first.output, random_weights(4, 3, 3, 3), tensor("z", (1, 1, 1)),
        pads=(1, 1, 1, 1),
    )  # fmt: skip
    # second: 6 x 6 x 4 neurons, 48 a core: cut into rows 0, 1 | 2, 3 | 4, 5 of all channels.
    placement = placed([first, second], core__max_neurons=48)
    cuts = [tile.box.rows for tile in placement.tiles_of("second")]
    assert cuts == [(0, 2), (2, 4), (4, 6)]
    # Row 0 reaches the first core alone; rows 1 and 2 the first two; 3 and 4 the last two.
    reached = {0: 1, 1: 2, 2: 2, 3: 2, 4: 2, 5: 1}
    for tile in placement.tiles_of("c"):
        rows = range(*tile.box.rows)
        targets = sum(reached[row] for row in rows) * tile.box.num_neurons // len(rows)
        assert tile.usage.axon_entries == tile.box.num_neurons + targets


def test_a_group_counts_only_the_cores_that_hold_its_channels():
    source = tensor("x", (4, 1, 1))
    first = convolution("first", source, random_weights(4, 4, 1, 1), tensor("a", (1, 1, 1)))
    second = convolution(
        "second", first.output, random_weights(8, 2, 1, 1), tensor("b", (1, 1, 1)), groups=2
    )
    placement = placed([first, second], core__max_neurons=4)
    assert [tile.box.channels for tile in placement.tiles_of("second")] == [(0, 4), (4, 8)]
    assert usage(placement, "first").axon_entries == 4 + 4


def test_entries_are_as_many_as_the_packets_of_one_spike_of_each_neuron():
    """What placement counts is what the silicon sends."""
    for seed in range(12):
        graph, _ = drawn(seed, ["convolution", "shortcut", "joined", "convolution"], False)
        image = nc.compile(graph, "ideal", overrides={"core.max_neurons": 64})
        targets = sum(core.axon_entries - core.neurons for core in image.cores)
        assert targets == packets_of_one_spike_each(image)


def packets_of_one_spike_each(image):
    """Packets that cores send if every neuron of every population spikes once, by pairs."""
    network = image.network
    cores = {name: [] for name in (population.name for population in network.populations)}
    for core in image.cores:
        cores[core.population].append(core)
    total = sum(core.neurons for core in cores[network.output])
    for projection in network.projections:
        source = network.population(projection.source)
        if projection.source == "input":
            continue
        synapses = synapses_by_pair(projection.connector, source, network, projection.target)
        for core in cores[projection.target]:
            held = synapses[:, slice(*core.rows), slice(*core.columns), slice(*core.channels)]
            total += int(held.any(axis=(1, 2, 3)).sum())
    return total


def synapses_by_pair(connector, source, network, target_name):
    """(source neurons, rows, columns, channels): whether the two are connected."""
    target = network.population(target_name)
    pairs = np.zeros((source.num_neurons, *target.shape), bool)
    if hasattr(connector, "index"):
        index = np.arange(target.num_neurons) if connector.index is None else connector.index
        for neuron, sender in enumerate(index):
            if sender >= 0:
                pairs[sender][np.unravel_index(neuron, target.shape)] = True
        return pairs
    if not hasattr(connector, "window"):
        return np.ones_like(pairs)
    window, depth = connector.window, source.shape[2]
    groups = getattr(connector, "groups", depth)
    into, out_of = depth // groups, target.shape[2] // groups
    for row, column, *tap in np.ndindex(*target.shape[:2], *window.kernel):
        y = row * window.stride[0] - window.pad[0] + tap[0] * window.dilation[0]
        x = column * window.stride[1] - window.pad[1] + tap[1] * window.dilation[1]
        if 0 <= y < source.shape[0] and 0 <= x < source.shape[1]:
            for channel in range(depth):
                start = channel // into * out_of
                sender = (y * source.shape[1] + x) * depth + channel
                pairs[sender, row, column, start : start + out_of] = True
    return pairs


def test_large_tiles_are_on_big_cores_and_small_ones_anywhere():
    # darwin3: columns 0 and 1 of every four have 65,536 words, columns 2 and 3 have 8,192.
    source = tensor("x", (600,))
    large = dense("large", source, random_weights(100, 600), tensor("a", (100,)))
    small = dense("small", large.output, random_weights(10, 100), tensor("b", (10,)))
    placement = placed([large, small])
    assert usage(placement, "large").dendrite_words > 8_192
    for tile in placement.tiles:
        column = tile.core % 24
        assert tile.usage.dendrite_words <= (65_536 if column % 4 < 2 else 8_192)
    # The nearest core to the entrance at (23, 12) is a little one: the small layer can be there.
    assert placement.tiles_of("small")[0].core % 4 >= 2


def test_the_first_layers_are_nearest_to_the_entrance():
    placement = placed([conv_layer()], "tiny", core__max_neurons=12)
    distances = [abs(t.core % 4) + abs(t.core // 4) for t in placement.tiles]
    assert distances[0] == 0
    assert max(distances) <= 3


@pytest.mark.parametrize("chip", ["tiny", "darwin3", "ideal"])
def test_the_filling_order_visits_every_core_once(chip):
    target = nc.chip(chip)
    order = FillingOrder.of(target, (0, 0))
    assert sorted(order.cores.tolist()) == target.cores()
    assert len(order.cores) == target.num_cores
    at = list(zip(order.x.tolist(), order.y.tolist(), strict=True))
    assert at == [target.position_of(core) for core in order.cores.tolist()]


@pytest.mark.parametrize("max_chip_hops", ["none", 1])
def test_the_cores_a_reach_allows_are_those_it_has_no_excess_for(max_chip_hops):
    fields = {"mesh.max_hops_x": 3, "mesh.max_hops_y": 5, "board.max_chip_hops": max_chip_hops}
    board = {"board.chips_x": 3, "board.chips_y": 2, "mesh.width": 8, "mesh.height": 8}
    io = '[{x = 0, y = 0, side = "-x", io_cycles = 1}]'
    chip = nc.chip("tiny", {**fields, **board, "io": io})
    order = FillingOrder.of(chip, (0, 0))
    for senders in ([(0, 0)], [(2, 1), (3, 4)], [(7, 3), (9, 9)], [(23, 15)]):
        reach = Reach(chip, senders)
        expected = [reach.excess(chip.position_of(core)) is None for core in order.cores.tolist()]
        assert reach.allows(order).tolist() == expected
        assert any(expected)
        assert not all(expected)


def test_weights_are_read_once_however_many_boxes_and_boards_are_tried(monkeypatch):
    """A large layer has 10^8 of them, and thousands of boxes are tried."""
    read, of = [], WeightRange.of
    monkeypatch.setattr(WeightRange, "of", lambda each: read.append(each) or of(each))
    chips = [nc.chip("tiny", {"core.max_neurons": 5, "board.chips_x": n}) for n in (2, 3)]
    layer = conv_layer(channels=3)
    network = lower(graph_of(layer.inputs[0], [layer]), chips[0])
    cuts = cut_all(network, chips[0])
    for chip in chips:
        placement = place(network, chip, cuts)
        assert placement.tiles == place(network, chip).tiles
        nc.assemble(placement)
    assert read == [each.connector for each in network.projections]


@pytest.mark.parametrize("side", [1, 2, 4, 8, 16])
def test_the_hilbert_curve_goes_from_neighbour_to_neighbour(side):
    points = [(x, y) for x, y in hilbert_curve(side, side).tolist()]
    assert len(set(points)) == side * side
    steps = [abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairwise(points)]
    assert set(steps) <= {1}


@pytest.mark.parametrize(("width", "height"), [(5, 3), (1, 9), (7, 1), (6, 16)])
def test_the_curve_of_a_rectangle_is_that_of_the_square_around_it_with_points_left_out(
    width, height
):
    square = hilbert_curve(16, 16) if max(width, height) > 8 else hilbert_curve(8, 8)
    inside = square[(square[:, 0] < width) & (square[:, 1] < height)]
    np.testing.assert_array_equal(hilbert_curve(width, height), inside)


def test_a_mesh_of_a_million_nodes_in_a_row_needs_no_square():
    points = hilbert_curve(1 << 20, 1)
    assert points[:2].tolist() == [[0, 0], [1, 0]]
    assert len(points) == 1 << 20


def test_a_population_larger_than_a_core_is_cut_into_as_few_as_hold_it():
    placement = placed([conv_layer(channels=3)], core__max_neurons=20)
    assert len(placement.tiles) == -(-48 // 20)


def test_a_layer_is_cut_with_the_targets_in_mind_that_its_senders_must_hold():
    # 'b' fits 8 cores, each with all rows of one channel; then every neuron of 'a' has 8 targets
    # or more, and 512 (1 + 8) entries are 36 cores of 128. Cut along rows too, 'b' takes 16.
    first = convolution(
        "a",
        tensor("x", (4, 8, 8)),
        random_weights(8, 4, 3, 3),
        tensor("y", (1, 1, 1)),
        pads=(1,) * 4,
    )
    second = convolution(
        "b", first.output, random_weights(8, 8, 3, 3), tensor("z", (1, 1, 1)), pads=(1,) * 4
    )
    placement = placed(
        [first, second],
        "tiny",
        core__max_neurons=64,
        core__dendrite_memory__depth_words_by_column=[400],
        core__axon_memory__depth_entries=128,
        board__chips_x=3,
    )
    assert len(placement.tiles_of("b")) == 16
    assert len(placement.tiles_of("a")) == 32


def test_too_many_cores_are_refused():
    assert refusal([conv_layer()], "tiny", core__max_neurons=2) == (
        "the network needs 24 cores, 24 of them for layer 'c'; "
        "'tiny' has 16 (mesh.width, mesh.height)"
    )


def test_too_many_words_for_one_neuron_are_refused():
    # One neuron: an id word, for each of 20 sources a meta and a weight word, a state word.
    assert refusal([dense_layer()], core__dendrite_memory__depth_words_by_column=[41]) == (
        "layer 'd' needs 42 dendrite memory words for one neuron on one core; 'darwin3' has 41 "
        "(core.dendrite_memory.depth_words_by_column)"
    )
    assert placed([dense_layer()], core__dendrite_memory__depth_words_by_column=[42])


def test_too_many_dendrites_for_one_neuron_are_refused():
    assert refusal([dense_layer()], core__dendrite_memory__max_dendrites=19) == (
        "layer 'd' needs 20 dendrites for one neuron on one core; 'darwin3' has 19 "
        "(core.dendrite_memory.max_dendrites)"
    )
    assert placed([dense_layer()], core__dendrite_memory__max_dendrites=20)


def test_too_many_targets_of_one_neuron_are_refused():
    # Three entries are one neuron's own, its way out and one more: 'e' has a core for each neuron.
    second = dense("e", dense_layer().output, random_weights(9, 10), tensor("z", (9,)))
    limits = {"core__max_neurons": 3, "core__axon_memory__depth_entries": 3}
    assert refusal([dense_layer(), second], **limits) == (
        "layer 'd' needs 10 axon entries for one neuron on one core; 'darwin3' has 3 "
        "(core.axon_memory.depth_entries)"
    )


def test_weights_wider_than_a_synapse_are_refused():
    assert refusal([dense_layer(peak=128)], "tiny") == (
        "layer 'd' needs weights of 9 bits; 'tiny' stores up to 8 (core.weight_bits)"
    )
    assert placed([dense_layer(peak=127)], "tiny")


def test_a_weight_that_a_whole_dendrite_shares_may_be_wider():
    pool = max_pool("max", tensor("x", (2, 8, 8)), (3, 5))
    assert placed([pool], "tiny"), "its weights are powers of two up to 2^14"


def test_a_layer_out_of_reach_is_refused():
    # From the entrance in a corner of 4 x 4 the sixteenth core is 3 columns away at most.
    assert refusal([conv_layer()], "tiny", core__max_neurons=3, mesh__max_hops_x=1) == (
        "layer 'c' would sit 2 hops from a layer that sends to it; 'tiny' addresses 1 "
        "(mesh.max_hops_x)"
    )


def test_an_output_out_of_reach_of_every_port_is_refused():
    ports = {"io": '[{ x = 0, y = 0, side = "-x", io_cycles = 1 }]'}
    layers = [dense_layer(8, 8, name="a")]
    for name in "bcdefghi":
        weights = random_weights(8, 8)
        layers.append(dense(name, layers[-1].output, weights, tensor(name, (8,))))
    assert refusal(layers, "tiny", mesh__max_hops_y=1, **ports) == (
        "layer 'i' sits 2 hops from the nearest io port; 'tiny' addresses 1 (mesh.max_hops_y)"
    )


def test_a_chip_without_a_port_is_refused():
    assert refusal([dense_layer()], "tiny", io="[]") == (
        "'tiny' has no io port through which samples could enter (io)"
    )


def test_a_chip_whose_big_cores_are_taken_is_refused():
    ports = {"io": '[{ x = 0, y = 0, side = "-x", io_cycles = 1 }]'}
    first = dense_layer(200, 30)
    second = dense("e", first.output, random_weights(200, 30), tensor("e", (200,)))
    third = dense("f", second.output, random_weights(10, 200), tensor("f", (10,)))
    # tiny has 2 ids, 4 weights of 8 bits a word, two state words a neuron. 'd' is on one of two
    # big cores; 100 of the 200 neurons of 'e' take 50 + 30 (1 + 25) + 200 words, twice.
    assert refusal(
        [first, second, third],
        "tiny",
        mesh__width=2,
        mesh__height=2,
        core__dendrite_memory__depth_words_by_column=[2000, 100],
        **ports,
    ) == (
        "layer 'e' needs a core with 1030 dendrite memory words; the 2 cores of 'tiny' that are "
        "left have fewer (core.dendrite_memory.depth_words_by_column)"
    )
