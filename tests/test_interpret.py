"""The compiled network in NumPy: population by population what the core computes in Rust."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurochip as nc
from integer_graphs import (
    ACCUMULATOR,
    STEPS,
    convolution,
    dense,
    drawn,
    graph_of,
    max_pool,
    rearrange,
    tensor,
)
from lowered_layers import conv
from neurochip import _core
from neurochip.errors import CapacityError, ChipError, ImageError, SettingsError, UnsupportedOpError
from neurochip.formats import Tensor
from neurochip.interpret import interpret
from neurochip.interpret.synapses import Synapses
from neurochip.network import (
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    MaxPoolNeurons,
    OneToOneConnector,
    PoolConnector,
    QuartzNeurons,
    Window,
)
from neurochip.simulate.comparison import AgreementCount

ANY_NETWORK = settings(deadline=None, max_examples=50, derandomize=True)

SATURATING = {"core.overflow": "'saturate'"}
CHIPS = [
    ("ideal", {}),
    ("ideal", SATURATING),
    ("darwin3", {}),
    ("darwin3", SATURATING),
    ("tiny", {}),
    ("loihi", {}),
    ("loihi2", {}),
]
CODES = [
    {"code": "stem"},
    {"code": "stem", "settings": nc.Settings(nc.LayerSettings(integration="exact", drlo=3))},
    {"code": "stem", "settings": nc.Settings(nc.LayerSettings(integration="scaled", rot=1))},
    {"code": "quartz", "t_max": 256},
    {"code": "quartz", "t_max": 16, "zeros": "spike"},
    {"code": "quartz", "t_max": 16, "quartz_mode": "published"},
    {"code": "quartz", "t_max": 7, "quartz_mode": "loihi", "percentile": 60.0},
    {"code": "rate", "t_max": 12},
]
OVERFLOWS = ("sum_overflows", "membrane_overflows")


def computed(image, samples):
    """What the core says of samples: records, membranes and counters, without a comparison."""
    codes = np.ascontiguousarray(image.codes(samples))
    job = _core.Simulator(image.core).start(codes, False, True, 1, (0, False), False)
    while not job.wait(0.05):
        pass
    return codes, job.result()


def assert_is_what_the_core_computes(image, samples):
    """Every spike of every population, and every membrane that is read; returns the overflows."""
    codes, found = computed(image, samples)
    sent = interpret(image.network, image.chip, codes)
    for layer, record in image.by_population(found["codes"]):
        if layer.code is not None:
            assert not sent[layer.name].differs_from(record).any(), layer.name
    stops = np.cumsum([layer.num_neurons for layer in image.populations_read])[:-1]
    parts = np.split(found["outputs"], stops, axis=1)
    for layer, read in zip(image.populations_read, parts, strict=True):
        np.testing.assert_array_equal(sent[layer.name].values, read)
    names = _core.population_counters()
    return {kind: found["population_counts"][..., names.index(kind)].sum() for kind in OVERFLOWS}


@ANY_NETWORK
@given(
    seed=st.integers(0, 10**6),
    steps=st.lists(st.sampled_from(STEPS), max_size=4),
    chip=st.sampled_from(CHIPS),
    code=st.sampled_from(CODES),
    accumulator=st.booleans(),
    pipeline=st.booleans(),
)
def test_networks_nobody_designed_send_what_the_core_says(
    seed, steps, chip, code, accumulator, pipeline
):
    graph, samples = drawn(seed, steps, accumulator)
    try:
        image = nc.compile(
            graph, chip[0], overrides=chip[1], calibration=samples, pipeline=pipeline, **code
        )
    except (CapacityError, ChipError, SettingsError, UnsupportedOpError):
        return  # too large, or no such code, table or level on this chip
    assert_is_what_the_core_computes(image, samples)
    assert_reads_back(image)


def assert_reads_back(image):
    """What an image file says of its populations and projections is the network it was made of."""
    read, network = nc.Image.from_bytes(image.to_bytes()).network, image.network
    assert read.populations == network.populations
    assert read.projections == network.projections


def test_kernels_of_groups_that_cores_share_out_read_back():
    """Slots of a row in the order of stride 2, and cores whose channels begin within a group."""
    random = np.random.default_rng(0)
    weights = random.integers(-9, 10, (9, 2, 3, 5))
    layer = convolution(
        "c", tensor("x", (6, 6, 8)), weights, tensor("y", (1, 1, 1)), groups=3, strides=(1, 2)
    )
    spread = {"core.max_neurons": 16, "mesh.width": 16, "mesh.height": 16}
    image = nc.compile(
        graph_of(layer.inputs[0], [layer]), "ideal", overrides=spread, objective="cores"
    )
    channels = {core.channels for core in image.cores}
    assert any(start % 3 for start, _ in channels)
    assert_reads_back(image)


@pytest.mark.parametrize("seed", range(6))
def test_fractions_of_sums_round_as_the_core_rounds_them(seed):
    """On 16 bits a membrane holds a fraction of its sum; read, it tells every half."""
    graph, samples = drawn(seed, ["convolution"], accumulator=True)
    image = nc.compile(graph, "darwin3", calibration=samples)
    assert_is_what_the_core_computes(image, samples)


def heavier(network, factor):
    """The network with larger weights than it was compiled with: a proof of nothing is left."""
    by_name = {population.name: population for population in network.populations}

    def changed(projection):
        source, target = by_name[projection.source], by_name[projection.target]
        connector = projection.connector
        if isinstance(target.model, MaxPoolNeurons) or source.steps == 1:
            return projection  # bits of inputs, and triggers: no weights
        if isinstance(connector, OneToOneConnector):
            weight = int(np.clip(connector.weight * factor, -(2**15), 2**15 - 1))
            return replace(projection, connector=replace(connector, weight=weight))
        weights = np.clip(connector.weights * factor, -(2**15), 2**15 - 1).astype(np.int32)
        return replace(projection, connector=replace(connector, weights=weights))

    return replace(network, projections=tuple(map(changed, network.projections)))


def on_narrow_registers(graph, samples, code, factor, overflow, bits):
    """A network lowered for registers of 32 bits, on a chip with narrower ones."""
    wide = {"core.weight_bits": "[8, 16]"}
    network = nc.compile(graph, "ideal", overrides=wide, calibration=samples, **code).network
    narrow = {"core.overflow": overflow, "core.membrane_bits": bits, "core.weight_sum_bits": 16}
    chip = nc.chip("ideal", wide | narrow)
    return nc.assemble(nc.place(heavier(network, factor), chip))


@pytest.mark.parametrize("overflow", ["'wrap'", "'saturate'"])
@pytest.mark.parametrize("code", CODES, ids=lambda code: "-".join(map(str, code.values()))[:24])
def test_what_leaves_a_register_is_what_leaves_the_core_s(code, overflow):
    """Of four networks, sums of a timestep leave their register in some, membranes in some."""
    overflows = dict.fromkeys(OVERFLOWS, 0)
    for seed, bits, factor in ((0, 17, 20), (0, 20, 20), (1, 20, 200), (2, 17, 200)):
        steps = (["convolution"], ["shortcut"], ["max_pool", "convolution"])[seed]
        graph, samples = drawn(seed, steps, accumulator=seed % 2 == 0)
        try:
            image = on_narrow_registers(graph, samples, code, factor, overflow, bits)
        except (ImageError, SettingsError, UnsupportedOpError):
            continue  # constants that the narrow registers do not hold
        found = assert_is_what_the_core_computes(image, samples)
        overflows = {kind: overflows[kind] + found[kind] for kind in OVERFLOWS}
    assert min(overflows.values()) > 0


def one_quartz_neuron(overflow, weights, bias, slope, threshold, waiting=0):
    """Six inputs of up to 15 levels into one neuron, in registers of 16 bits."""
    ones = np.ones((1, 6), np.int64)
    layer = dense("d", tensor("x", (6,), high=15), ones, tensor("y", (1,), high=15))
    network = nc.compile(graph_of(layer.inputs[0], [layer]), "ideal", code="quartz").network
    neuron = network.population("d")
    model = QuartzNeurons(*(np.array([value]) for value in (bias, slope, threshold)))
    neuron = replace(neuron, model=model, code=replace(neuron.code, waiting=waiting))
    connector = DenseConnector(np.array(weights, np.int32)[:, None])
    network = replace(
        network,
        populations=tuple(neuron if each.name == "d" else each for each in network.populations),
        projections=tuple(
            replace(each, connector=connector) if each.source == "input" else each
            for each in network.projections
        ),
        timesteps=network.timesteps + waiting,
        period=network.timesteps + waiting,
    )
    bits = {"core.membrane_bits": 16, "core.weight_sum_bits": 16, "core.weight_bits": "[8, 16]"}
    chip = nc.chip("ideal", bits | {"core.overflow": overflow})
    return nc.assemble(nc.place(network, chip))


@pytest.mark.parametrize("overflow", ["'wrap'", "'saturate'"])
def test_a_ramp_near_the_end_of_a_register_is_what_the_core_climbs(overflow):
    """A membrane may leave it in any timestep; a gate may stay closed after the readout."""
    random = np.random.default_rng(0)
    samples = random.choice([0, 1, 1, 2, 15], (40, 6)).astype(np.float32)
    overflows = 0
    for _ in range(40):
        slope = int(random.integers(1, 4000))
        threshold = int(random.integers(1, 2**15 - slope))  # as the core wants it
        bias = int(random.integers(-(2**15), 2**15))
        weights = random.integers(-3000, 3001, 6)
        waiting = int(random.integers(0, 4))
        image = one_quartz_neuron(overflow, weights, bias, slope, threshold, waiting)
        found = assert_is_what_the_core_computes(image, samples)
        overflows += found["membrane_overflows"] > 0
    assert overflows > 10


def test_a_current_that_is_cut_is_seen_though_the_membrane_would_fit():
    """Two weights of 20,000 are cut to 32,767, so a membrane of -20,000 becomes 12,767.

    A ramp of 16 timesteps of 1,000 takes it to 28,767: level 0 below a threshold of 30,000. In one
    sum it would have been 20,000, and level 6.
    """
    weights = [20_000, 20_000, 0, 0, 0, 0]
    image = one_quartz_neuron("'saturate'", weights, bias=-20_000, slope=1000, threshold=30_000)
    samples = np.array([[1, 1, 0, 0, 0, 0]], np.float32)
    assert_is_what_the_core_computes(image, samples)
    assert interpret(image.network, image.chip, image.codes(samples))["d"].values == [[0]]


# By hand


def sent_on(chip, layers, codes, overrides=None, **options):
    """By population, the values sent for codes of the input."""
    source = layers[0].inputs[0]
    samples = source.format.dequantize(np.asarray(codes, np.int64))
    graph = graph_of(source, layers)
    image = nc.compile(graph, chip, overrides=overrides, calibration=samples, **options)
    sent = interpret(image.network, image.chip, image.codes(samples))
    return {name: each.values.tolist() for name, each in sent.items()}


def test_a_gate_keeps_a_partial_sum_from_firing_early():
    """Weights 100 and -300 on levels 255 and 40, slope 81: level 167, and 304 without a gate."""
    layer = dense("d", tensor("x", (2,)), np.array([[100, -300]]), tensor("y", (1,)), 0, 1 / 81)
    codes, as_published = [[255, 40]], {"quartz_mode": "published", "t_max": 256}
    wide = {"core.weight_bits": "[16]"}
    assert sent_on("ideal", [layer], codes, wide, code="quartz")["d"] == [[167]]
    codes = [[255, 40], [255, 0]]  # both as far as they go, so that levels are codes
    samples = np.array(codes, np.float32)
    image = nc.compile(
        graph_of(layer.inputs[0], [layer]), "ideal", code="quartz", calibration=samples,
        **as_published,
    )  # fmt: skip
    assert interpret(image.network, image.chip, image.codes(samples))["d"].values[0] == [304]


def test_a_saturating_sum_is_cut_after_every_spike_in_the_order_of_sources():
    """Weights 100 and -100, 400 of each: 16 bits hold 327 of the first, so -7,233 is left.

    The other way about 328 of them reach the lower end, and 400 upward leave 7,232.
    """
    falls = np.repeat([100, -100], 400)[None]
    rows = np.concatenate([falls, -falls])
    layer = dense("d", tensor("x", (800,), high=1), rows, tensor("y", (2,)), 0, 1.0)
    read = replace(layer, multiplier=None, output=tensor("y", (2,), bits=32, signed=True))
    narrow = SATURATING | {"core.weight_sum_bits": 16}
    codes = np.ones((1, 800))
    assert sent_on("ideal", [read], codes, narrow)["d"] == [[32767 - 40000, -32768 + 40000]]
    assert sent_on("ideal", [read], codes)["d"] == [[0, 0]]
    image = nc.compile(graph_of(layer.inputs[0], [read]), "ideal", overrides=narrow)
    run = nc.simulate(image, codes.astype(np.float32), timing="none")
    assert run.overflows.sum() > 0
    assert run.compiled_agreement.differing.sum() == 0


def test_weights_and_values_of_both_signs_sum_exactly_beyond_a_float32():
    """600 times 127 * 127 and 600 times -127 * -128, and 1: an odd number above 2^24."""
    weights = np.repeat([127, -127, 1], [600, 600, 1])[None]
    source = tensor("x", (1201,), signed=True)
    read = Tensor("z", (1,), ACCUMULATOR, -(2**31), 2**31 - 1)
    layer = dense("d", source, weights, read, 0, None)
    codes = np.repeat([127, -128, 1], [600, 600, 1])[None]
    assert 600 * 127 * (127 + 128) + 1 == 19_431_001 > 2**24
    assert sent_on("ideal", [layer], codes)["d"] == [[19_431_001]]


def test_a_maximum_of_rates_spikes_when_the_leader_does():
    """Values of 64 and 32 of 255 spike once in 4 timesteps: where t * value / 255 reaches a half.

    That is in the second timestep (128 / 255) and in the fourth (128 / 255 again). The maximum
    follows the first of them, and the second spike raises nothing.
    """
    source = tensor("x", (1, 1, 2))
    pooled = max_pool("m", source, (1, 2))
    graph = graph_of(source, [pooled])
    image = nc.compile(graph, "ideal", code="rate", t_max=4)
    values = np.array([[64, 32]], np.uint8)
    sent = interpret(image.network, image.chip, values)
    assert sent["input"].trains[0].astype(int).T.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    assert sent["m"].trains[0].astype(int).T.tolist() == [[0, 1, 0, 0]]


def test_a_value_that_differs_is_seen_in_any_code():
    layer = conv("a", tensor("x", (2, 4, 4)))
    graph = graph_of(layer.inputs[0], [layer])
    samples = np.random.default_rng(0).random((3, 2, 4, 4), np.float32)
    for code in ("stem", "quartz", "rate"):
        image = nc.compile(graph, "ideal", code=code)
        codes, found = computed(image, samples)
        records = {layer.name: record for layer, record in image.by_population(found["codes"])}
        sent = interpret(image.network, image.chip, codes)["a"]
        record = records["a"].copy()
        record[1, 5] ^= 128 if code == "rate" else 1
        assert np.argwhere(sent.differs_from(record)).tolist() == [[1, 5]]


def test_a_run_counts_the_neurons_that_differ_by_layer():
    """One spike of a rate is made up, and one membrane is off by one."""
    layers = [conv("a", tensor("x", (2, 4, 4)))]
    flat = rearrange("f", layers[0].output, np.arange(np.prod(layers[0].output.shape)))
    read = Tensor("z", (1,), ACCUMULATOR, -(2**31), 2**31 - 1)
    weights = np.ones((3, flat.output.shape[0]))
    layers += [flat, dense("r", flat.output, weights, read, 0, None)]
    image = nc.compile(graph_of(layers[0].inputs[0], layers), "ideal", code="rate")
    samples = np.random.default_rng(0).random((3, 2, 4, 4), np.float32)
    codes, found = computed(image, samples)
    record, membranes = found["codes"].copy(), found["outputs"].copy()
    before = sum(layer.code.record_bytes * layer.num_neurons for layer in image.populations[:1])
    record[2, before + 7] ^= 1
    membranes[1, 2] += 1
    comparison = AgreementCount(image)
    comparison.add(samples, codes, record, membranes)
    counted = comparison.compiled
    assert counted.layers == ("a", "r")
    assert counted.differing.tolist() == [1, 1]
    assert counted.compared.tolist() == [3 * image.populations[1].num_neurons, 3 * 3]


# Connectors


def random_connectors():
    random = np.random.default_rng(0)

    def weights(*shape):
        return random.integers(-9, 10, shape).astype(np.int32)

    window = Window((3, 2), (2, 1), (1, 1), (1, 2))
    source, target = (5, 4, 4), (3, 3, 4)  # rows and columns beyond the last window as well
    return {
        "dense": (DenseConnector(weights(80, 6)), source, (1, 1, 6)),
        "convolution": (ConvolutionConnector(window, 1, weights(6, 4, 3, 2)), source, (3, 3, 6)),
        "groups": (ConvolutionConnector(window, 2, weights(6, 2, 3, 2)), source, (3, 3, 6)),
        "depthwise": (DepthwiseConnector(window, weights(3, 2, 4)), source, target),
        "pool": (PoolConnector(window, weights(3, 2)), source, target),
        "one to one": (OneToOneConnector(-3, None), source, source),
        "an index": (OneToOneConnector(5, np.array([7, -1, 0, 7], np.int32)), source, (2, 2, 1)),
    }


@pytest.mark.parametrize("name", random_connectors())
def test_sums_are_those_of_the_synapses_one_by_one(name):
    connector, source, target = random_connectors()[name]
    synapses = Synapses(connector, source, target)
    matrix = np.zeros((np.prod(source), np.prod(target)), np.int64)
    sources, weights = synapses.into(np.arange(np.prod(target)))
    for neuron in range(np.prod(target)):
        connected = sources[neuron] >= 0
        assert (np.diff(sources[neuron][connected]) > 0).all()
        matrix[sources[neuron][connected], neuron] = weights[neuron][connected]
    assert matrix.any()
    np.testing.assert_array_equal(synapses.sums(np.eye(len(matrix), dtype=np.float32)), matrix)
    low, high = synapses.gains
    assert low <= np.minimum(matrix, 0).sum(axis=0).min()
    assert high >= np.maximum(matrix, 0).sum(axis=0).max()
    positive = synapses.positive().sums(np.eye(len(matrix)))
    np.testing.assert_array_equal(positive, np.maximum(matrix, 0))


def test_a_convolution_sums_what_its_layer_does():
    """The layer's own sums, which onnxruntime agrees with, for a window that pads unevenly."""
    random = np.random.default_rng(1)
    weights = random.integers(-9, 10, (6, 2, 3, 3))
    layer = convolution(
        "c", tensor("x", (4, 7, 6)), weights, tensor("y", (1, 1, 1)), strides=(2, 1),
        pads=(1, 0, 2, 1), groups=2,
    )  # fmt: skip
    maps = random.integers(0, 256, (3, 4, 7, 6))
    height, width = layer.output.shape[1:]
    connector = ConvolutionConnector(Window((3, 3), (2, 1), (1, 0), (1, 1)), 2, weights)
    synapses = Synapses(connector, (7, 6, 4), (height, width, 6))
    sums = synapses.sums(maps.transpose(0, 2, 3, 1).reshape(3, -1).astype(np.float64))
    wanted = layer.linear(maps).transpose(0, 2, 3, 1).reshape(3, -1)
    np.testing.assert_array_equal(sums, wanted)
