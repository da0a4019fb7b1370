"""Models of one sample: they add the axis of samples to their input, and remove it at the end."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import neurochip as nc
import oracle_onnxruntime
from command_line import neurochip
from neurochip.errors import ModelError


def speech_model(opset, time=None, axes_by="initializer"):
    """(time, 10) -> (1, 10, time) -> a convolution along time -> (time - 2, 5)."""
    constants = {
        "s": np.float32(0.05), "z": np.uint8(120), "ws": np.float32(0.01), "wz": np.int8(0),
        "w": np.random.default_rng(0).integers(-127, 128, (5, 10, 3)).astype(np.int8),
    }  # fmt: skip
    nodes = []
    attributes, inputs = {"axes": [0]}, []
    if opset >= 13:
        attributes, inputs = {}, ["axes"]
        if axes_by == "initializer":
            constants["axes"] = np.array([0])
        elif axes_by == "node":
            value = numpy_helper.from_array(np.array([0]), "value")
            nodes.append(helper.make_node("Constant", [], ["axes"], value=value))
        else:
            nodes.append(helper.make_node("Constant", [], ["axes"], value_ints=[0]))
    nodes += [
        helper.make_node("Unsqueeze", ["x", *inputs], ["u"], **attributes),
        helper.make_node("Transpose", ["u"], ["t"], perm=[0, 2, 1]),
        helper.make_node("QuantizeLinear", ["t", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"]),
        helper.make_node("Conv", ["d", "wd"], ["c"], kernel_shape=[3]),
        helper.make_node("QuantizeLinear", ["c", "s", "z"], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", "s", "z"], ["cd"]),
        helper.make_node("Transpose", ["cd"], ["ct"], perm=[0, 2, 1]),
        helper.make_node("Squeeze", ["ct", *inputs], ["y"], **attributes),
    ]
    graph = helper.make_graph(
        nodes,
        "speech",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [time, 10])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 5])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize(
    ("opset", "axes_by"), [(10, ""), (12, ""), (13, "initializer"), (17, "node"), (17, "list")]
)
def test_a_sample_is_the_whole_input(opset, axes_by):
    model = speech_model(opset, axes_by=axes_by)
    graph = nc.load_graph(model, {"x": (20, 10)})
    assert graph.input_shape == (20, 10)
    x = np.random.default_rng(1).uniform(-6, 6, (4, 20, 10)).astype(np.float32)
    session = oracle_onnxruntime.session(model)
    wanted = np.stack([session.run(None, {"x": sample})[0] for sample in x])
    run = nc.simulate(nc.compile(graph, "ideal"), x, timing="none", threads=1)
    np.testing.assert_array_equal(run.values, wanted)
    again = nc.load_graph(model, {"x": (1, 20, 10)})
    assert again.input_shape == (20, 10)


def test_an_open_length_is_asked_for_and_a_fixed_one_is_known(tmp_path):
    with pytest.raises(ModelError, match=r"'x' has open axes: \[1, \?, 10\]"):
        nc.load_graph(speech_model(13))
    assert nc.load_graph(speech_model(13, 7)).input_shape == (7, 10)
    path = tmp_path / "m.onnx"
    onnx.save(speech_model(13), path)
    told = neurochip("run", path, "--shape", "x=20,10", "--chip", "ideal", "--samples", "2")
    assert told.exit_code == 0, told.stderr


def test_an_axis_that_another_node_reads_too_stays_as_it_is():
    model = speech_model(13, 1)
    model.graph.node.append(helper.make_node("Identity", ["x"], ["same"]))
    assert nc.load_graph(speech_model(13, 7)).output.shape == (5, 5)
    with pytest.raises(ModelError, match="it mixes samples"):
        nc.load_graph(model)


@pytest.mark.parametrize(
    "damage",
    [
        lambda constant: constant.ClearField("attribute"),
        lambda constant: setattr(constant.attribute[0].t, "data_type", 99),
        lambda constant: constant.ClearField("output"),
    ],
    ids=["no value", "no such type", "no output"],
)
def test_damaged_axes_are_refused_with_a_message(damage):
    model = speech_model(17, 20, axes_by="node")
    damage(next(node for node in model.graph.node if node.op_type == "Constant"))
    with pytest.raises(ModelError):
        nc.load_graph(model)
