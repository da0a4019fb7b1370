"""Images: saved, loaded and run without their graph; damaged ones are refused at the door."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import neurochip as nc
from conftest import known
from integer_graphs import STEPS, OnHost, convolution, dense, drawn, graph_of, tensor
from lowered_layers import random_weights
from neurochip import _core
from neurochip.errors import ImageError
from neurochip.formats import Format, Tensor
from neurochip.graph import Graph, Output
from neurochip.layers import Convolution, Dense, Lookup
from neurochip.ops.node import NodeOnHost
from neurochip.ops.values import DequantizeOnHost, MoveOnHost

NETWORKS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
HINT = "compile the network again with `neurochip compile`"


@pytest.fixture(scope="module")
def image(examples):
    return nc.compile(examples / "digits_cnn.onnx", "tiny")


@pytest.fixture(scope="module")
def digits(digits_pictures):
    return digits_pictures[:8]


def assert_equal_runs(a: nc.Run, b: nc.Run) -> None:
    np.testing.assert_array_equal(a.outputs, b.outputs)
    np.testing.assert_array_equal(a.by_population["sops"], b.by_population["sops"])
    np.testing.assert_array_equal(a.work_cycles, b.work_cycles)
    for name, counts in a.counters.items():
        np.testing.assert_array_equal(counts, b.counters[name], err_msg=name)


def test_a_saved_image_has_equal_bytes_and_runs_equally_without_its_graph(image, digits, tmp_path):
    image.save(tmp_path / "a.image")
    loaded = nc.Image.load(tmp_path / "a.image")
    assert loaded.graph is None
    assert loaded.to_bytes() == image.to_bytes() == (tmp_path / "a.image").read_bytes()
    assert known(loaded) == known(image)
    assert loaded.cores == image.cores
    assert loaded.chip.spec == image.chip.spec
    run = nc.simulate(loaded, digits)
    assert_equal_runs(run, nc.simulate(image, digits))
    assert run.exact_agreement is None
    assert run.compiled_agreement.compared.sum() > 0
    assert run.compiled_agreement.differing.sum() == 0
    told = " ".join(str(nc.report(run)).split())
    assert "self-checks passed values as compiled" in told
    assert "against exact integers not measured: an image file holds no graph" in told
    np.testing.assert_array_equal(run.predictions, nc.simulate(image, digits).predictions)


@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
@NETWORKS
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.lists(st.sampled_from(STEPS), max_size=3),
    accumulator=st.booleans(),
)
def test_any_image_runs_equally_from_its_bytes(chip, seed, steps, accumulator):
    graph, samples = drawn(seed, steps, accumulator)
    image = nc.compile(graph, chip)
    loaded = nc.Image(_core.Image.from_bytes(image.to_bytes()))
    assert loaded.host.to_json() == image.host.to_json()
    assert_equal_runs(
        nc.simulate(loaded, samples, timing="none"), nc.simulate(image, samples, timing="none")
    )


def test_compiling_twice_makes_equal_bytes(examples):
    path = examples / "digits_cnn.onnx"
    assert nc.compile(path, "darwin3").to_bytes() == nc.compile(path, "darwin3").to_bytes()


def refusal(path) -> str:
    with pytest.raises(ImageError) as raised:
        nc.Image.load(path)
    assert raised.value.hint in ("", HINT)
    return str(raised.value)


@pytest.mark.parametrize("length", [0, 4, 30, 59, 60, 500, -1])
def test_a_truncated_file_is_refused(image, tmp_path, length):
    path = tmp_path / "cut.image"
    path.write_bytes(image.to_bytes()[:length])
    told = refusal(path)
    assert told.startswith(f"{str(path)!r}: image has ") or "not a neurochip image" in told


@pytest.mark.parametrize("position", [61, 2000, -1])
def test_an_altered_byte_is_refused(image, tmp_path, position):
    data = bytearray(image.to_bytes())
    data[position] ^= 1
    path = tmp_path / "altered.image"
    path.write_bytes(data)
    assert refusal(path) == (
        f"{str(path)!r}: image was altered: its SHA-256 is not the one in its header"
    )


def test_a_foreign_file_is_refused(examples):
    path = examples / "digits_cnn.onnx"
    assert refusal(path) == (
        f"{str(path)!r}: not a neurochip image (its first bytes are not `NEUROIMG`)"
    )


def test_another_version_is_refused(image, tmp_path):
    data = bytearray(image.to_bytes())
    data[8:12] = (99).to_bytes(4, "little")
    path = tmp_path / "new.image"
    path.write_bytes(data)
    assert "image format version 99, this neurochip reads version" in refusal(path)


def test_a_file_of_version_4_is_refused_with_the_way_out():
    """It was made before descriptions held all of a network."""
    path = Path(__file__).parent / "data" / "version_4.image"
    told = "image format version 4, this neurochip reads version 5"
    assert refusal(path) == f"{str(path)!r}: {told}"
    with pytest.raises(ImageError) as raised:
        nc.Image.load(path)
    assert raised.value.hint == HINT


def test_a_file_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "nothing.image"
    assert refusal(path) == f"cannot read image {str(path)!r}: no such file or directory"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda host: host.pop("work"), "KeyError('work')"),
        (lambda host: host["options"].update(t_max="3"), "`t_max` is '3', expected a whole"),
        (lambda host: host["options"]["settings"].update(default=7), "`default` is no table"),
        (lambda host: host["usage"].__setitem__(0, [1]), "not enough values"),
        (lambda host: host.pop("network"), "KeyError('network')"),
        (lambda host: host["network"]["populations"].pop(), "4 of 5 populations are described"),
        (lambda host: host["network"]["populations"][0].pop("layer"), "KeyError('layer')"),
        (lambda host: host["network"]["populations"][0]["facts"].pop("kind"), "KeyError('kind')"),
        (lambda host: host["network"]["populations"][0].update(colour=1), "no 'colour'"),
        (
            lambda host: host["network"]["populations"][1]["code"].update(base=1 << 15),
            "`base` is 32768, expected a whole number from -16384 to 16384",
        ),
        (lambda host: host["network"].update(notes="none"), "`notes` is 'none', expected a list"),
        (lambda host: host["work"].update(input_shape=[7]), "`input_index.count` is 64"),
        (
            lambda host: host["work"]["outputs"][0].update(index=[99] * 10),
            "an index leaves -1 to 9",
        ),
        (lambda host: host["work"].update(input_index=[-2] * 64), "an index leaves -1 to 63"),
        (lambda host: host["work"].update(input_index=[0] * 65), "an index is too long"),
    ],
    ids=[
        "no work",
        "an option",
        "settings",
        "usage",
        "no network",
        "a population too few",
        "no layer",
        "no kind",
        "unknown field of a population",
        "base",
        "notes",
        "shape",
        "output",
        "input",
        "long",
    ],
)
def test_a_part_for_the_host_that_makes_no_sense_is_refused(image, tmp_path, damage, told):
    """The core keeps this part without looking at it."""
    description = json.loads(image.core.description())
    damage(description["host"])
    blob = image.to_bytes()[-blob_bytes(image) :]
    path = tmp_path / "damaged.image"
    path.write_bytes(_core.Image(json.dumps(description), blob).to_bytes())
    message = refusal(path)
    assert message.startswith(f"{str(path)!r}: the image's part for the host is damaged: ")
    assert told in message


def blob_bytes(image: nc.Image) -> int:
    return int.from_bytes(image.to_bytes()[20:28], "little")


def test_a_path_that_cannot_be_written_is_refused(image, tmp_path):
    path = tmp_path / "no" / "such" / "folder.image"
    with pytest.raises(ImageError) as raised:
        image.save(path)
    assert str(raised.value) == f"cannot write image {str(path)!r}: no such file or directory"


def test_a_write_that_fails_leaves_the_old_file_and_no_other(image, tmp_path, monkeypatch):
    path = tmp_path / "a.image"
    path.write_bytes(b"the old image")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(ImageError, match="no space left on device"):
        image.save(path)
    assert path.read_bytes() == b"the old image"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.image"]


def test_an_image_in_place_of_a_folder_is_refused(image, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ImageError, match="cannot write image"):
        image.save(tmp_path / "folder")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_an_image_leaves_what_is_no_regular_file_alone(image, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match=r"cannot write image '.*pipe': it is no regular file"):
        image.save(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def with_head(ops, shape=(3,)) -> Graph:
    layer = dense("d", tensor("x", (3,)), random_weights(2, 3), tensor("y", (2,)))
    return Graph("made", layer.inputs[0], shape, ops, (layer,), (Output("y", layer.output),), ())


def test_values_that_the_host_moves_or_sets_to_zero_travel_as_an_index():
    turned = MoveOnHost("turn", "Transpose", np.int32([[0, 2], [1, 3]]))
    picked = MoveOnHost("pick", "Slice", np.int32([3, 1, -1]))  # of the turned: 3 and 2
    graph = with_head((turned, picked), shape=(2, 2))
    image = nc.compile(graph, "ideal")
    loaded = nc.Image(_core.Image.from_bytes(image.to_bytes()))
    samples = np.random.default_rng(0).uniform(-9, 300, (5, 2, 2)).astype(np.float32)
    assert loaded.host.input_index.tolist() == [3, 2, -1]
    assert_equal_runs(nc.simulate(loaded, samples), nc.simulate(image, samples))
    assert nc.simulate(image, samples).exact_agreement.differing.sum() == 0


@pytest.mark.parametrize(("to", "moves"), [("FLOAT", True), ("DOUBLE", True), ("FLOAT16", False)])
def test_a_cast_moves_values_where_its_type_holds_every_float32(to, moves):
    node = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.DataType.Value(to))
    before = np.int32([[2, -1]])
    index = NodeOnHost("cast", "Cast", node, 17, 0, (None,)).index(before)
    assert index is (before if moves else None)


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda x: (x - np.float32(3)) / np.float32(2),
        lambda x: np.maximum(x, 0),
        lambda x: np.clip(x, -100, 100),
        np.abs,
        np.floor,
    ],
    ids=["Div", "Relu", "Clip", "Abs", "Floor"],
)
def test_float_work_before_the_first_layer_runs_with_the_graph_and_not_without(evaluate):
    graph = with_head((OnHost("scale", "Div", evaluate),))
    image = nc.compile(graph, "ideal")
    samples = np.random.default_rng(0).uniform(-200, 500, (5, 3)).astype(np.float32)
    assert nc.simulate(image, samples).exact_agreement.differing.sum() == 0
    loaded = nc.Image(_core.Image.from_bytes(image.to_bytes()))
    with pytest.raises(ImageError) as raised:
        nc.simulate(loaded, samples)
    assert str(raised.value) == (
        "the host computes Div before the first layer, which an image file does not hold"
    )


@pytest.mark.parametrize("signed", [False, True])
def test_a_model_whose_input_is_integer_takes_the_codes_themselves(signed):
    x = tensor("x", (3,), zero_point=5, signed=signed, scale=0.1)
    layer = dense("d", x, random_weights(2, 3), tensor("y", (2,)))
    head = (DequantizeOnHost("dequantize", "DequantizeLinear", x.format),)
    graph = Graph("made", x, (3,), head, (layer,), (Output("y", layer.output),), ())
    graph = replace(graph, integers=(x.format.qmin, x.format.qmax))
    image = nc.compile(graph, "ideal")
    loaded = nc.Image(_core.Image.from_bytes(image.to_bytes()))
    samples = np.random.default_rng(0).integers(x.low, x.high + 1, (5, 3)).astype(x.format.dtype)
    run = nc.simulate(loaded, samples)
    assert_equal_runs(run, nc.simulate(image, samples))
    assert nc.simulate(image, samples).exact_agreement.differing.sum() == 0
    assert_equal_runs(run, nc.simulate(loaded, samples.astype(np.float32)))


def test_float_work_after_the_last_layer_is_named_and_left_out_of_a_file():
    x = tensor("x", (3,))
    layer = dense("d", x, random_weights(2, 3), tensor("y", (2,), scale=0.5))
    tail = (OnHost("softmax", "Softmax", lambda values: np.exp(values)),)
    outputs = (Output("y", layer.output, tail),)
    image = nc.compile(Graph("made", x, (3,), (), (layer,), outputs, ()), "ideal")
    loaded = nc.Image(_core.Image.from_bytes(image.to_bytes()))
    samples = np.full((1, 3), 9, np.float32)
    assert loaded.host.outputs[0].tail == ("Softmax",)
    values = nc.simulate(loaded, samples).values
    np.testing.assert_array_equal(np.exp(values), nc.simulate(image, samples).values)


def test_a_format_with_one_scale_a_channel_comes_back():
    scales = np.array([0.1, 0.25, 3], np.float32)
    logits = Tensor("y", (3,), Format(32, True, scales, 0), -(2**31), 2**31 - 1)
    layer = dense("d", tensor("x", (4,)), random_weights(3, 4), logits, 7, None)
    image = nc.compile(graph_of(layer.inputs[0], [layer]), "ideal")
    loaded = nc.Image(_core.Image.from_bytes(image.to_bytes()))
    assert loaded.host.outputs[0].format == logits.format
    samples = np.full((2, 4), 9, np.float32)
    np.testing.assert_array_equal(
        nc.simulate(loaded, samples).values, nc.simulate(image, samples).values
    )


def law(graph: Graph, image: nc.Image) -> int:
    """Bytes of an image: 1.3 a weight, 8 a neuron, 64 a core, 4 a table's entry, and its chip."""
    weighted = [layer for layer in graph.layers if isinstance(layer, (Convolution, Dense))]
    weights = sum(layer.weights.size for layer in weighted)
    neurons = sum(layer.num_neurons for layer in image.populations)
    chip = len(zlib.compress(image.chip.core.to_json().encode(), 9))
    tables = sum(layer.table.size for layer in graph.layers if isinstance(layer, Lookup))
    return int(1.3 * weights) + 8 * neurons + 64 * len(image.cores) + 4 * tables + chip


def generated(channels: int) -> Graph:
    source = flow = tensor("x", (3, 12, 12))
    layers = []
    for number in range(6):
        weights = random_weights(channels, flow.shape[0], 3, 3)
        target = tensor(f"t{number}", (1, 1, 1))
        layers.append(
            convolution(
                f"conv{number}", flow, weights, target, bias=np.arange(channels), pads=(1, 1, 1, 1),
                multiplier=np.linspace(1e-4, 2e-4, channels),
            )
        )  # fmt: skip
        flow = layers[-1].output
    return graph_of(source, layers)


@pytest.mark.parametrize("channels", [8, 32, 96])
@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
def test_an_image_of_a_generated_network_is_little_more_than_its_weights(channels, chip):
    graph = generated(channels)
    image = nc.compile(graph, chip)
    assert len(image.to_bytes()) <= law(graph, image)


COMMITTED = ["examples/digits_cnn.onnx", "examples/mnist_lenet.onnx"] + [
    f"tests/data/zoo/{network}/{variant}.onnx"
    for network in ("digits_cnn", "digits_mlp", "digits_resnet", "mnist_dscnn", "mnist_mlp")
    for variant in ("uint8_qdq_perchannel", "int8_qdq_perchannel")
]


@pytest.mark.parametrize("path", COMMITTED)
@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
def test_an_image_of_a_committed_network_is_little_more_than_its_weights(examples, path, chip):
    graph = nc.load_graph(examples.parent / path)
    image = nc.compile(graph, chip)
    assert len(image.to_bytes()) <= law(graph, image)
