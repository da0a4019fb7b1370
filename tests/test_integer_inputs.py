"""Networks whose input is integer: samples and calibration are the codes themselves."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import neurochip as nc
import oracle_onnxruntime
from command_line import neurochip
from conftest import known
from neurochip.errors import InputError
from neurochip.inputs import random_inputs
from normalized_network import MEAN, PICTURES, STD, by_hand, network

TYPES = {np.uint8: (TensorProto.UINT8, 3), np.int8: (TensorProto.INT8, -3)}


def model_of(dtype):
    """y = x W with scales that keep every sum apart."""
    kind, zero = TYPES[dtype]
    arrays = {
        "s": np.float32(0.5), "z": dtype(zero), "w": np.arange(8).reshape(4, 2).astype(dtype),
        "ws": np.float32(0.25), "wz": dtype(0), "s2": np.float32(8),
    }  # fmt: skip
    node = helper.make_node(
        "QLinearMatMul", ["x", "s", "z", "w", "ws", "wz", "s2", "z"], ["y"], name="matmul"
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", kind, ["n", 4])],
        [helper.make_tensor_value_info("y", kind, ["n", 2])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(params=TYPES)
def model(request, tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save(model_of(request.param), path)
    return path, request.param


def test_random_samples_are_codes_of_the_whole_range(model):
    path, dtype = model
    told = neurochip("run", path, "--chip", "ideal", "--samples", "50", "--check", "all", "--json")
    assert told.exit_code == 0, told.stderr
    assert json.loads(told.stdout)["exact"]["differing"] == 0
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    x = random_inputs((4,), 2000, codes=(low, high)).x
    assert (x.min(), x.max()) == (low, high)
    assert (x == np.trunc(x)).all()


def test_integers_of_a_file_are_taken_as_they_are(model, tmp_path):
    path, dtype = model
    x = np.array([[0, 1, 100, 127], [5, 6, 7, 8]], dtype)
    np.save(tmp_path / "x.npy", x)
    told = neurochip("run", path, "--chip", "ideal", "--input", tmp_path / "x.npy", "--json")
    assert told.exit_code == 0, told.stderr
    assert json.loads(told.stdout)["exact"]["differing"] == 0
    image = tmp_path / "m.image"
    assert neurochip("compile", path, "--chip", "ideal", "-o", image).exit_code == 0
    again = neurochip("run", image, "--input", tmp_path / "x.npy")
    assert again.exit_code == 0, again.stderr


def normalizing_by_itself():
    """Images of uint8, which the graph casts, scales and normalizes before it quantizes them."""
    model = network()
    constants = {"c": np.float32(255), "m": np.float32(MEAN), "d": np.float32(STD)}
    along = {"m": (1, 3, 1, 1), "d": (1, 3, 1, 1), "c": ()}
    nodes = [
        helper.make_node("Cast", ["images"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["f", "c"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "m"], ["moved"]),
        helper.make_node("Div", ["moved", "d"], ["x"]),
        *model.graph.node,
    ]
    del model.graph.node[:], model.graph.input[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(
        numpy_helper.from_array(array.reshape(along[name]), name)
        for name, array in constants.items()
    )
    taken = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 3, 32, 32])
    model.graph.input.append(taken)
    return model


def test_integers_that_the_graph_computes_with_are_not_divided_before(tmp_path):
    model = normalizing_by_itself()
    session = oracle_onnxruntime.session(model)
    right = session.run(None, {"images": PICTURES})[0]
    image = nc.compile(nc.load_graph(model), "ideal")
    for samples in (PICTURES, PICTURES.astype(np.float32)):
        run = nc.simulate(image, samples, timing="none")
        np.testing.assert_array_equal(run.values, right)
        assert run.filling.share > 0.99
    path, samples = tmp_path / "m.onnx", tmp_path / "x.npz"
    onnx.save(model, path)
    np.savez(samples, x=PICTURES, y=right.argmax(axis=1))
    common = ("run", path, "--chip", "ideal", "--timing", "none", "--json")
    told = json.loads(neurochip(*common, "--input", samples).stdout)
    assert told["accuracy"]["correct"] == len(PICTURES)
    assert [note for note in told["notes"] if "range" in note] == []
    told = neurochip(*common, "--input", samples, "--mean", "0.5")
    assert "error: the model takes integers from 0 to 255, as they are" in told.stderr
    with pytest.raises(InputError, match=r"sample 0 holds 0\.5 at .*, expected an integer from 0"):
        nc.simulate(image, np.full((1, 3, 32, 32), 0.5), timing="none")


def test_integers_that_the_graph_computes_with_calibrate_as_they_are():
    graph = nc.load_graph(normalizing_by_itself())
    ours = nc.compile(graph, calibration=PICTURES, measure_sums=True)
    theirs = nc.compile(nc.load_graph(network()), calibration=by_hand(), measure_sums=True)
    assert known(ours) == known(theirs)
    with pytest.raises(InputError, match="expected an integer from 0 to 255"):
        nc.compile(graph, calibration=by_hand())
    with pytest.raises(InputError, match="samples are <U1, the model takes integers from 0 to 255"):
        nc.compile(graph, calibration=np.full((1, 3, 32, 32), "a"))


def test_an_image_file_knows_that_samples_are_integers():
    """A Cast alone moves values, so that the file can run without its graph."""
    model = normalizing_by_itself()
    cast, *_, first = model.graph.node[:5]
    del model.graph.node[1:4]
    cast.output[0] = first.input[0]
    right = oracle_onnxruntime.session(model).run(None, {"images": PICTURES})[0]
    image = nc.Image.from_bytes(nc.compile(nc.load_graph(model), "ideal").to_bytes())
    assert image.host.integers == (0, 255)
    outputs = nc.simulate(image, PICTURES, timing="none").values
    np.testing.assert_array_equal(outputs, right)


def test_codes_calibrate_as_they_are_and_images_of_255_are_divided(examples):
    digits = np.load(examples / "digits.npz")
    stored = digits["x_calibration"][:64, None]
    network = examples / "digits_cnn.onnx"
    divided = nc.compile(network, calibration=stored.astype(np.float32) / 255)
    assert nc.compile(network, calibration=stored).to_bytes() == divided.to_bytes()
    placed = [nc.compile(network, calibration=x, optimize=1) for x in (stored, stored / 255)]
    assert placed[0].to_bytes() == placed[1].to_bytes()
    with pytest.raises(InputError, match="'calibration' holds int16 values, expected uint8"):
        nc.compile(network, calibration=stored.astype(np.int16))
    codes = np.random.default_rng(0).integers(0, 256, (64, 4), np.uint8)
    same, darker = (
        nc.compile(nc.load_graph(model_of(np.uint8)), calibration=x, measure_sums=True).to_bytes()
        for x in (codes.astype(np.float32), codes // 255)
    )
    told = nc.compile(nc.load_graph(model_of(np.uint8)), calibration=codes, measure_sums=True)
    assert told.to_bytes() == same != darker


def normalizing_model(zero_point):
    """uint8 -> Cast -> * 1/64 -> - 1 -> QuantizeLinear -> Relu: images as bytes, scaled inside."""
    arrays = {
        "k": np.float32(1 / 64), "m": np.array([[1, 0.5, 0.25, 0]], np.float32),
        "s": np.float32(1 / 32), "z": np.uint8(zero_point),
    }  # fmt: skip
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT, name="cast"),
        helper.make_node("Mul", ["f", "k"], ["scaled"], name="mul"),
        helper.make_node("Sub", ["scaled", "m"], ["normal"], name="sub"),
        helper.make_node("QuantizeLinear", ["normal", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("Relu", ["d"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "s", "z"], ["rq"]),
        helper.make_node("DequantizeLinear", ["rq", "s", "z"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_integers_that_the_graph_scales_itself_are_not_divided_before(tmp_path):
    path, samples = tmp_path / "m.onnx", tmp_path / "x.npy"
    model = normalizing_model(32)
    onnx.save(model, path)
    x = np.random.default_rng(0).integers(0, 256, (20, 4)).astype(np.uint8)
    np.save(samples, x)
    wanted = oracle_onnxruntime.run(model, x)
    run = nc.simulate(nc.compile(path, "ideal", calibration=x), x, timing="none", threads=1)
    np.testing.assert_array_equal(run.values, wanted)
    told = neurochip("run", path, "--chip", "ideal", "--input", samples, "--json")
    assert told.exit_code == 0, told.stderr
    assert json.loads(told.stdout)["activity"]["spikes"]["mean"] == run.spikes.mean()
    with pytest.raises(InputError, match=r"expected an integer from 0 to 255"):
        nc.simulate(run.image, x / 255, timing="none")


def test_codes_that_the_host_casts_to_are_taken_as_codes():
    """x -> Mul -> Cast to uint8 -> DequantizeLinear -> MatMul."""
    arrays = {
        "k": np.array([[3, 4]], np.float32), "s": np.float32(0.5), "s2": np.float32(8),
        "w": np.array([[1, 2], [3, 4]], np.uint8), "ws": np.float32(0.25),
    }  # fmt: skip
    nodes = [
        helper.make_node("Mul", ["x", "k"], ["m"], name="mul"),
        helper.make_node("Cast", ["m"], ["c"], to=TensorProto.UINT8, name="cast"),
        helper.make_node("DequantizeLinear", ["c", "s"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "ws"], ["wd"]),
        helper.make_node("MatMul", ["d", "wd"], ["a"], name="matmul"),
        helper.make_node("QuantizeLinear", ["a", "s2"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s2"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = np.random.default_rng(0).uniform(0, 60, (8, 2)).astype(np.float32)
    run = nc.simulate(nc.compile(nc.load_graph(model), "ideal"), x, timing="none", threads=1)
    np.testing.assert_array_equal(run.values, oracle_onnxruntime.run(model, x))
