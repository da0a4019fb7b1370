"""Networks whose input is integer: samples and calibration are the codes themselves."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import neurochip as nc
from command_line import neurochip
from neurochip.errors import InputError
from neurochip.inputs import random_inputs

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
    told = neurochip("run", path, "--chip", "ideal", "--samples", "50", "--json")
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
