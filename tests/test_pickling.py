"""Pickling: errors and nouns go to other processes and back, and are what they were."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import neurochip as nc
from neurochip import errors

ZOO = Path(__file__).parent / "data" / "zoo"

ERRORS = [
    *(
        getattr(errors, name)("what, where, how much", "one way out")
        for name in ("NeurochipError", "ModelError", "ChipError", "InputError", "ImageError")
    ),
    errors.UnsupportedOpError("'model'", {"LSTM": [("rnn", "")], "Conv": [("a", "3-D")]}),
    errors.Interrupted(3, 10, "packets"),
]


def pickled(value):
    return pickle.loads(pickle.dumps(value))


def same(value):
    """What a process of a pool is asked for."""
    return value


def raises(error):
    raise error


def told(error):
    return type(error), str(error), error.args, vars(error)


@pytest.fixture(scope="module")
def pool():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        yield executor


@pytest.fixture(scope="module")
def samples(digits_pictures):
    return digits_pictures[:4]


@pytest.fixture(scope="module")
def image(examples, digits_pictures):
    calibration = digits_pictures[4:40]
    return nc.compile(
        examples / "digits_cnn.onnx", "tiny", calibration=calibration, objective="cores"
    )


@pytest.mark.parametrize("copied", [pickled, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_that_was_copied_says_all_that_it_said(error, copied):
    assert told(copied(error)) == told(error)


@pytest.mark.parametrize("error", ERRORS[:-1], ids=lambda error: type(error).__name__)
def test_an_error_in_another_process_is_raised_here(pool, error):
    with pytest.raises(type(error)) as raised:
        pool.submit(raises, error).result()
    assert str(raised.value) == str(error)
    assert raised.value.hint == error.hint


def test_a_note_on_an_error_stays_on_it():
    error = errors.InputError("what", "a way out")
    error.__dict__["__notes__"] = ["while reading a.npz"]
    assert pickled(error).__notes__ == ["while reading a.npz"]


GRAPHS = [path for path in sorted(ZOO.rglob("*.onnx")) if path.stem != "float"]


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_graph_computes_the_same_after_pickling(path):
    graph = nc.load_graph(path)
    again = pickled(graph)
    real = np.random.default_rng(3).random((2, *graph.input_shape), np.float32)
    codes = graph.quantize(real)
    np.testing.assert_array_equal(again.quantize(real), codes)
    values = graph.evaluate(codes)
    for name, wanted in again.evaluate(codes).items():
        np.testing.assert_array_equal(values[name], wanted)
    output = values[graph.output.name]
    np.testing.assert_array_equal(again.finish(output), graph.finish(output))


def on_host(before, after):
    """A graph with host work: a node before its only layer, and nodes after it."""
    constants = [
        numpy_helper.from_array(np.array(value), name)
        for name, value in (
            ("scale", np.float32(0.02)), ("zero", np.uint8(0)), ("three", np.float32([3])),
            ("starts", np.int64([0])), ("ends", np.int64([4])), ("axes", np.int64([2])),
        )
    ]  # fmt: skip
    nodes = [
        helper.make_node(before, ["x", *({"Div": ["three"]}.get(before, []))], ["scaled"]),
        helper.make_node("QuantizeLinear", ["scaled", "scale", "zero"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["real"]),
        helper.make_node("Relu", ["real"], ["relu"]),
        helper.make_node("QuantizeLinear", ["relu", "scale", "zero"], ["more"]),
        helper.make_node("DequantizeLinear", ["more", "scale", "zero"], ["last"]),
        *after,
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 6, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "made_up", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


SOFTMAX = helper.make_node("Softmax", ["last"], ["soft"], axis=1)
HOST = {
    "softmax": [helper.make_node("Softmax", ["last"], ["y"], axis=1)],
    "average": [helper.make_node("AveragePool", ["last"], ["y"], kernel_shape=[2, 2])],
    "largest": [
        SOFTMAX, helper.make_node("MaxPool", ["soft"], ["y"], kernel_shape=[3, 3], pads=[1] * 4)
    ],
    "moved": [SOFTMAX, helper.make_node("Transpose", ["soft"], ["y"], perm=[0, 2, 3, 1])],
    "sliced": [SOFTMAX, helper.make_node("Slice", ["soft", "starts", "ends", "axes"], ["y"])],
}  # fmt: skip


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
@pytest.mark.parametrize("before", ["Div", "Identity"])
@pytest.mark.parametrize("after", HOST)
def test_work_of_the_host_is_copied_with_its_graph(before, after, copied):
    graph = nc.load_graph(on_host(before, HOST[after]))
    assert len(graph.tail) == len(HOST[after])
    real = np.random.default_rng(5).random((3, 2, 6, 6), np.float32)
    codes = graph.quantize(real)
    again = copied(graph)
    np.testing.assert_array_equal(again.quantize(real), codes)
    np.testing.assert_array_equal(again.finish(codes), graph.finish(codes))


def callables(value, path):
    """Paths to what can be called among all that a noun holds."""
    if callable(value):
        yield path
    elif is_dataclass(value):
        for each in fields(value):
            yield from callables(getattr(value, each.name), f"{path}.{each.name}")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from callables(each, f"{path}[{key!r}]")
    elif isinstance(value, (tuple, list)):
        for position, each in enumerate(value):
            yield from callables(each, f"{path}[{position}]")


@pytest.mark.parametrize("after", HOST)
def test_nothing_that_a_graph_holds_can_be_called(after):
    graph = nc.load_graph(on_host("Div", HOST[after]))
    assert graph.head
    assert list(callables(graph, "graph")) == []
    assert list(callables([{"f": len}], "made")) == ["made[0]['f']"]


@pytest.mark.parametrize(
    ("chip", "code"),
    [("ideal", "stem"), ("darwin3", "stem"), ("ideal", "quartz"), ("ideal", "rate")],
)
@pytest.mark.parametrize("network", ["digits_cnn", "digits_mlp", "digits_resnet"])
def test_an_image_runs_the_same_after_pickling_and_is_compared_with_its_graph(
    network, chip, code, samples
):
    shape = nc.load_graph(ZOO / network / "uint8_qdq.onnx").input_shape
    image = nc.compile(ZOO / network / "uint8_qdq.onnx", chip, code=code)
    again = pickled(image)
    assert again.to_bytes() == image.to_bytes()
    x = samples[:2].reshape(-1, *shape)
    ours, theirs = nc.simulate(again, x, "none"), nc.simulate(image, x, "none")
    assert_same_run(ours, theirs)
    assert ours.exact_agreement is not None


def assert_same_run(ours, theirs):
    np.testing.assert_array_equal(ours.outputs, theirs.outputs)
    np.testing.assert_array_equal(ours.values, theirs.values)
    assert list(ours.counters) == list(theirs.counters)
    for name, counted in theirs.counters.items():
        np.testing.assert_array_equal(ours.counters[name], counted, name)
    for kind in ("exact_agreement", "compiled_agreement"):
        mine, other = getattr(ours, kind), getattr(theirs, kind)
        assert (mine is None) == (other is None)
        if mine is not None:
            assert mine.layers == other.layers
            np.testing.assert_array_equal(mine.differing, other.differing)
            np.testing.assert_array_equal(mine.compared, other.compared)


def test_an_image_without_its_graph_stays_without(image, samples, tmp_path):
    image.save(tmp_path / "a.image")
    loaded = nc.Image.load(tmp_path / "a.image")
    again = pickled(loaded)
    assert again.graph is None
    assert again.to_bytes() == loaded.to_bytes() == image.to_bytes()
    np.testing.assert_array_equal(
        nc.simulate(again, samples, "none").outputs, nc.simulate(image, samples, "none").outputs
    )


def test_the_bytes_of_an_image_are_read_back_with_the_checks_of_a_file(image, tmp_path):
    data = image.to_bytes()
    assert nc.Image.from_bytes(data).to_bytes() == data
    for broken in (data[:-1], b"", data[:100] + bytes([data[100] ^ 1]) + data[101:]):
        with pytest.raises(errors.ImageError) as of_bytes:
            nc.Image.from_bytes(broken)
        (tmp_path / "b.image").write_bytes(broken)
        with pytest.raises(errors.ImageError) as of_file:
            nc.Image.load(tmp_path / "b.image")
        assert str(of_file.value) == f"'{tmp_path}/b.image': {of_bytes.value}"
        assert of_file.value.hint == of_bytes.value.hint
        assert of_bytes.value.hint == "compile the network again with `neurochip compile`"


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
def test_a_run_and_its_report_say_the_same_after_copying(image, samples, copied):
    run = nc.simulate(image, samples, detail=True)
    again = copied(run)
    assert_same_run(again, run)
    assert nc.report(again).to_json() == nc.report(run).to_json()
    assert copied(nc.report(run)).to_json() == nc.report(run).to_json()
    np.testing.assert_array_equal(again.detail.link_flits, run.detail.link_flits)


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
def test_a_network_becomes_the_same_image_after_copying(image, copied):
    placement = nc.place(copied(image.network), nc.chip("tiny"))
    assert nc.assemble(placement).to_bytes() == image.to_bytes()


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
def test_a_placement_becomes_the_same_image_after_copying(image, copied):
    placement = copied(nc.place(image.network, nc.chip("tiny")))
    assert nc.assemble(placement).to_bytes() == image.to_bytes()


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
def test_a_replay_says_the_same_after_copying(copied):
    replay = nc.replay(np.array([[0, 0, 5], [1, 3, 2], [1, 3, 3]]), "tiny")
    again = copied(replay)
    np.testing.assert_array_equal(again.arrived, replay.arrived)
    assert again.to_json() == replay.to_json()


def test_graphs_networks_images_runs_and_reports_go_through_a_pool(pool, image, samples):
    run = nc.simulate(image, samples, "none")
    nouns = (image.graph, image.network, image, run, nc.report(run))
    graph, network, came_back, again, report = pool.map(same, nouns)
    assert graph.name == image.graph.name
    assert network.population(network.output).name == network.output
    assert came_back.to_bytes() == image.to_bytes()
    assert_same_run(again, run)
    assert report.to_json() == nc.report(run).to_json()
    assert_same_run(pool.submit(nc.simulate, image, samples, "none").result(), run)


def test_chips_placements_and_replays_go_through_a_pool(pool, image):
    placement = nc.place(image.network, nc.chip("tiny"))
    replay = nc.replay(np.array([[0, 0, 5]]), "tiny")
    chip, placed, replayed = pool.map(same, (nc.chip("tiny"), placement, replay))
    assert chip.fingerprint == nc.chip("tiny").fingerprint
    assert nc.assemble(placed).to_bytes() == image.to_bytes()
    assert replayed.to_json() == replay.to_json()
