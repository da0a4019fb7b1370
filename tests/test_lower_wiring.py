"""Lowering: which layers take neurons, what is refused, and when each population sends."""

from __future__ import annotations

import re

import numpy as np
import pytest

import neurochip as nc
from integer_graphs import (
    code_format,
    concat,
    convolution,
    dense,
    graph_of,
    max_pool,
    rearrange,
    tensor,
)
from lowered_layers import SHAPE, conv, kinds, lowered, random_weights, starts
from neurochip.errors import ModelError, UnsupportedOpError
from neurochip.formats import Tensor
from neurochip.layers import Add, Lookup, Multiply
from neurochip.lower import lower
from neurochip.network import OneToOneConnector, PoolConnector


def leaky_relu(source, output):
    codes = np.arange(256) - source.format.zero_point
    table = np.rint(np.where(codes < 0, codes * 0.1, codes)) + output.format.zero_point
    return Lookup("leaky", (source,), output, table.astype(np.int32)[None])


def sigmoid(source, output):
    codes = (np.arange(256) - source.format.zero_point) / 20
    table = np.rint(255 / (1 + np.exp(-codes)))
    return Lookup("sigmoid", (source,), output, table.astype(np.int32)[None])


@pytest.mark.parametrize("make", [leaky_relu, sigmoid])
def test_a_table_that_no_multiplication_computes_is_refused_where_the_soma_has_none(make):
    layer = make(tensor("x", SHAPE, 128), tensor("y", SHAPE, 40 if make is leaky_relu else 0))
    with pytest.raises(UnsupportedOpError) as raised:
        lowered([layer], "darwin3")
    told = re.fullmatch(
        "'made' has 1 node that chip 'darwin3' cannot compute with STEM neurons:\n"
        f"  Lookup at '{layer.name}': its table of 256 entries is no multiplication "
        r"\(off by up to (\d+) levels\), and the soma of this chip holds no table; "
        "chip 'ideal' does",
        str(raised.value),
    )
    assert int(told[1]) > 1
    for chip in ("ideal", "tiny"):
        assert lowered([layer], chip).populations[1].facts.differing == 0


def test_a_falling_table_is_refused_where_the_soma_has_none():
    source = tensor("x", SHAPE)
    table = np.arange(255, -1, -1, dtype=np.int32)[None]
    layer = Lookup("falls", (source,), tensor("y", SHAPE), table)
    with pytest.raises(UnsupportedOpError, match="falls from 255 to 254 after input 0"):
        lowered([layer], "darwin3")


def test_all_refused_layers_are_told_at_once():
    source = tensor("x", SHAPE)
    first = leaky_relu(tensor("x", SHAPE, 128), tensor("y", SHAPE, 40))
    second = Multiply("gate", (source, first.output), tensor("z", SHAPE))
    third = Multiply("square", (second.output, second.output), tensor("w", SHAPE))
    with pytest.raises(UnsupportedOpError) as raised:
        lowered([first, second, third], "darwin3")
    told = str(raised.value).splitlines()
    assert told[0] == "'made' has 3 nodes that chip 'darwin3' cannot compute with STEM neurons:"
    assert [line.split(":")[0] for line in told[1:]] == [
        "  Lookup at 'leaky'",
        "  Multiply at 'gate'",
        "  Multiply at 'square'",
    ]


def test_a_product_of_two_inputs_is_refused_on_every_chip():
    source = tensor("x", SHAPE)
    layer = Multiply("gate", (source, source), tensor("y", SHAPE))
    for chip in ("ideal", "tiny", "darwin3"):
        with pytest.raises(UnsupportedOpError, match="cannot multiply one input by another"):
            lowered([layer], chip)


def accumulators(name, source):
    logits = Tensor(name, (1,), code_format(0, True, bits=32), -(2**31), 2**31 - 1)
    return dense(name, source, random_weights(2, 4), logits, 5, None)


def test_accumulators_side_by_side_are_refused_since_the_host_reads_one_population():
    source = tensor("x", (4,))
    left, right = accumulators("left", source), accumulators("right", source)
    with pytest.raises(UnsupportedOpError) as raised:
        lowered([left, right, concat("join", [left.output, right.output])])
    assert "Concat at 'join': it reads 'left', whose accumulators are not quantized" in str(
        raised.value
    )


def test_an_unknown_code_is_refused_with_those_there_are():
    graph = graph_of(
        tensor("x", (4,)), [dense("d", tensor("x", (4,)), np.ones((1, 4)), tensor("y", (1,)))]
    )
    with pytest.raises(ModelError, match="no spike code 'morse'") as raised:
        lower(graph, nc.chip("tiny"), "morse")
    assert raised.value.hint == "the codes are quartz, rate, stem"


def test_flatten_before_a_dense_layer_takes_no_neurons():
    source = tensor("x", SHAPE)
    flat = rearrange("flat", source, np.arange(60))
    layer = dense("d", flat.output, random_weights(3, 60), tensor("y", (3,)))
    network = lowered([flat, layer])
    assert kinds(network) == [("input", "Input"), ("d", "Dense")]
    # Neurons have their channels last, the flattened tensor has them first.
    by_neuron = layer.weights.T.reshape(2, 5, 6, 3).transpose(1, 2, 0, 3).reshape(60, 3)
    np.testing.assert_array_equal(network.projections[0].connector.weights, by_neuron)


def test_a_concat_before_a_convolution_is_put_together_by_relays():
    source = tensor("x", SHAPE)
    left, right = conv("left", source), conv("right", source)
    joined = concat("join", [left.output, right.output])
    network = lowered([left, right, joined, conv("c", joined.output)])
    assert kinds(network)[3:] == [("relay of join/out", "Relay"), ("c", "Convolution")]
    assert [(p.source, p.target) for p in network.projections[2:]] == [
        ("left", "relay of join/out"),
        ("right", "relay of join/out"),
        ("relay of join/out", "c"),
    ]
    assert network.notes == ("'join/out' is rearranged by 120 relay neurons, one window of time",)


def test_a_concat_before_a_lookup_of_one_population_needs_no_second_relay():
    source = tensor("x", SHAPE)
    left, right = conv("left", source), conv("right", source)
    joined = concat("join", [left.output, right.output])
    network = lowered([left, right, joined, conv("c", joined.output), conv("d", joined.output)])
    assert sum(kind == "Relay" for _, kind in kinds(network)) == 1


def test_a_transpose_before_a_convolution_is_relayed_and_before_a_dense_layer_is_not():
    source = tensor("x", SHAPE)
    moved = rearrange("move", source, np.arange(60).reshape(SHAPE).transpose(0, 2, 1))
    assert [kind for _, kind in kinds(lowered([moved, conv("c", moved.output)]))] == [
        "Input", "Relay", "Convolution",
    ]  # fmt: skip
    flat = rearrange("flat", moved.output, np.arange(60))
    layer = dense("d", flat.output, random_weights(3, 60), tensor("y", (3,)))
    assert [kind for _, kind in kinds(lowered([moved, flat, layer]))] == ["Input", "Dense"]


def shortcut_of_zeros():
    """The shortcut of a residual network without weights: every second position, zero channels."""
    source = tensor("x", (2, 6, 6), zero_point=3)
    index = np.concatenate([np.arange(72).reshape(2, 6, 6)[:, ::2, ::2], np.full((2, 3, 3), -1)])
    shortcut = rearrange("shortcut", source, index)
    branch = conv("branch", source, 4, strides=(2, 2))
    return [shortcut, branch, Add("add", (branch.output, shortcut.output), tensor("y", (4, 3, 3)))]


@pytest.mark.parametrize("chip", ["ideal", "tiny", "darwin3"])
def test_a_shortcut_by_slice_and_pad_takes_no_neurons(chip):
    layers = shortcut_of_zeros()
    network = lowered(layers, chip)
    assert kinds(network) == [("input", "Input"), ("branch", "Convolution"), ("add", "Add")]
    into_add = [p.connector for p in network.projections if p.target == "add"]
    assert all(isinstance(connector, OneToOneConnector) for connector in into_add)
    index = into_add[1].index.reshape(3, 3, 4)
    assert index[1, 2].tolist() == [(2 * 6 + 4) * 2, (2 * 6 + 4) * 2 + 1, -1, -1]
    graph = graph_of(layers[0].inputs[0], layers)
    samples = np.random.default_rng(0).integers(0, 256, (4, 2, 6, 6))
    run = nc.simulate(
        nc.compile(graph, chip), graph.input.format.dequantize(samples), timing="none"
    )
    assert run.compiled_agreement.differing.sum() == 0


def test_the_weights_of_two_branches_have_the_ratio_of_their_scales():
    source = tensor("x", SHAPE, scale=0.5)
    branch = convolution(
        "branch", source, random_weights(2, 2, 3, 3), tensor("b", (1, 1, 1), scale=0.25),
        pads=(1, 1, 1, 1),
    )  # fmt: skip
    layer = Add("add", (branch.output, source), tensor("y", SHAPE, scale=1.0))
    for chip in ("tiny", "darwin3"):
        network = lowered([branch, layer], chip)
        weights = [p.connector.weight for p in network.projections if p.target == "add"]
        assert weights[1] == 2 * weights[0]
        assert network.populations[2].facts.reachable == 65_536


def test_max_pooling_owns_one_bit_an_input():
    layer = max_pool("max", tensor("x", (2, 6, 6)), (2, 2), (2, 2))
    network = lowered([layer])
    connector = network.projections[0].connector
    assert isinstance(connector, PoolConnector)
    assert connector.weights.tolist() == [[1, 2], [4, 8]]


def test_a_large_window_is_pooled_along_each_axis():
    layer = max_pool("max", tensor("x", (2, 8, 9)), (5, 5), (2, 1), (2, 1, 2, 0))
    network = lowered([layer])
    assert [(p.name, p.shape) for p in network.populations[1:]] == [
        ("max along y", (4, 9, 2)),
        ("max", (4, 6, 2)),
    ]
    assert starts(network) == {"input": 0, "max along y": 1, "max": 2}
    assert [p.connector.window.kernel for p in network.projections] == [(5, 1), (1, 5)]
    assert [p.connector.window.stride for p in network.projections] == [(2, 1), (1, 1)]


def test_a_window_too_long_for_a_weight_sum_is_refused():
    layer = max_pool("max", tensor("x", (2, 20, 3)), (16, 1))
    with pytest.raises(UnsupportedOpError, match="a window of 16 inputs along one axis"):
        lowered([layer])


def test_a_chain_of_layers_takes_one_window_each_and_one_for_the_input():
    layers = [conv("a", tensor("x", SHAPE))]
    layers.append(conv("b", layers[-1].output))
    layers.append(conv("c", layers[-1].output))
    network = lowered(layers)
    assert starts(network) == {"input": 0, "a": 8, "b": 16, "c": 24}
    assert network.timesteps == (3 + 1) * 8


def test_a_membrane_that_the_host_reads_needs_no_window_to_send():
    logits = Tensor("y", (1,), code_format(0, True, bits=32), -(2**31), 2**31 - 1)
    layer = dense("d", tensor("x", (4,)), random_weights(1, 4), logits, 5, None)
    network = lowered([layer])
    assert network.populations[1].code is None
    assert network.timesteps == 9


def test_max_pooling_streams_one_timestep_behind():
    a = conv("a", tensor("x", (2, 6, 6)))
    layers = [a, max_pool("max", a.output, (2, 2), (2, 2))]
    layers.append(conv("b", layers[-1].output))
    assert starts(lowered(layers)) == {"input": 0, "a": 8, "max": 9, "b": 17}


def test_a_skip_connection_is_received_in_its_own_earlier_window():
    source = tensor("x", SHAPE)
    a = conv("a", source)
    b = conv("b", a.output)
    layers = [a, b, Add("add", (b.output, a.output), tensor("y", SHAPE))]
    assert starts(lowered(layers)) == {"input": 0, "a": 8, "b": 16, "add": 24}


def test_two_alike_sources_that_would_overlap_send_together():
    """One branch pools and is one timestep late: the other one waits that timestep."""
    source = tensor("x", (2, 6, 6))
    a, b = conv("a", source), conv("b", source)
    pooled = max_pool("max", a.output, (3, 3), pads=(1, 1, 1, 1))
    layers = [a, b, pooled, Add("add", (pooled.output, b.output), tensor("y", (2, 6, 6)))]
    assert starts(lowered(layers)) == {"input": 0, "a": 8, "b": 9, "max": 9, "add": 17}


def test_two_sources_with_different_codes_take_turns():
    """A signed code subtracts in its first timestep, an unsigned one does not."""
    source = tensor("x", SHAPE)
    a = conv("a", source)
    weights = random_weights(2, 2, 3, 3)
    b = convolution("b", source, weights, tensor("b", (1, 1, 1), 128), pads=(1, 1, 1, 1))
    layers = [a, b, Add("add", (a.output, b.output), tensor("y", SHAPE))]
    assert starts(lowered(layers)) == {"input": 0, "a": 8, "b": 16, "add": 24}


def test_a_reduction_block_waits_for_its_convolution():
    """Concat of a convolution and the maximum of one tensor: both need their source first."""
    source = tensor("x", (2, 6, 6))
    a = conv("a", source)
    pooled = max_pool("max", a.output, (2, 2), (2, 2))
    reduced = conv("reduced", a.output, strides=(2, 2))
    joined = concat("join", [reduced.output, pooled.output])
    network = lowered([a, pooled, reduced, joined, conv("c", joined.output)])
    assert starts(network)["max"] == 9
    assert starts(network)["reduced"] == 17, "not 16: the maximum's last bit is sent then"
    assert starts(network)["relay of join/out"] == 25


@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
def test_a_tensor_beside_its_own_maxima_is_repeated_by_relays(chip):
    """The pyramid of YOLO: x, max(x), max(max(x)) side by side; each is one timestep later."""
    source = tensor("x", (2, 6, 6), zero_point=9)
    a = conv("a", source)
    once = max_pool("once", a.output, (3, 3), pads=(1, 1, 1, 1))
    twice = max_pool("twice", once.output, (3, 3), pads=(1, 1, 1, 1))
    joined = concat("join", [a.output, once.output, twice.output])
    layers = [a, once, twice, joined, conv("c", joined.output)]
    network = lowered(layers, chip)
    relays = [name for name, kind in kinds(network) if kind == "Relay"]
    assert relays == ["relay of once", "relay of twice", "relay of join/out"]
    samples = np.random.default_rng(0).integers(0, 256, (3, 2, 6, 6))
    graph = graph_of(source, layers)
    run = nc.simulate(nc.compile(graph, chip), source.format.dequantize(samples), timing="none")
    assert run.compiled_agreement.differing.sum() == 0


def test_layers_that_the_output_does_not_need_are_left_out():
    source = tensor("x", SHAPE)
    a, b = conv("a", source), conv("b", source)
    network = lower(graph_of(source, [a, b], a.output), nc.chip("ideal"))
    assert kinds(network) == [("input", "Input"), ("a", "Convolution")]


def test_two_layers_of_one_name_become_two_populations():
    source = tensor("x", SHAPE)
    a = conv("same", source)
    b = convolution("same", a.output, random_weights(2, 2, 3, 3), tensor("y", (1, 1, 1)))
    assert [name for name, _ in kinds(lowered([a, b]))] == ["input", "same", "same (2)"]
