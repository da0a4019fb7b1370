"""Models whose nodes stand in any order, and models with several outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import neurochip as nc
from command_line import neurochip
from neurochip.errors import InputError, ModelError
from neurochip.graph.order import needed

RESNET = Path(__file__).parent / "data" / "zoo" / "digits_resnet" / "uint8_qdq.onnx"
CONSTANTS = {
    "s": np.float32(0.01), "z": np.uint8(100), "ws": np.float32(0.01),
    "w": np.arange(6, dtype=np.int8).reshape(2, 3), "v": np.full((3, 4), -7, np.int8),
}  # fmt: skip


def requantized(name):
    return [
        helper.make_node("QuantizeLinear", [name, "s", "z"], [f"{name}q"]),
        helper.make_node("DequantizeLinear", [f"{name}q", "s", "z"], [f"{name}d"]),
    ]


def two_headed(*further):
    """Two layers in a row, of which each is an output, and the class of the first."""
    nodes = [
        *requantized("x"),
        helper.make_node("DequantizeLinear", ["w", "ws"], ["wd"]),
        helper.make_node("MatMul", ["xd", "wd"], ["a"], name="first"),
        *requantized("a"),
        helper.make_node("DequantizeLinear", ["v", "ws"], ["vd"]),
        helper.make_node("MatMul", ["ad", "vd"], ["b"], name="second"),
        *requantized("b"),
        helper.make_node("ArgMax", ["ad"], ["label"], axis=1),
        *further,
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, None),
            helper.make_tensor_value_info("ad", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("bd", TensorProto.FLOAT, ["n", 4]),
        ],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in CONSTANTS.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@given(st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_the_order_of_the_nodes_changes_no_integer(random):
    model = onnx.load(RESNET)
    nodes = list(model.graph.node)
    random.shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    x = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
    outputs = [
        nc.simulate(nc.compile(each, "ideal"), x, timing="none").outputs for each in (RESNET, model)
    ]
    assert (outputs[0] == outputs[1]).all()


def test_nodes_that_are_in_order_stay_in_it():
    model = two_headed()
    listed = [node.name for node in model.graph.node if node.name]
    assert [layer.name for layer in nc.load_graph(model, output="bd").layers] == listed


def test_of_the_nodes_that_can_be_next_the_first_of_the_file_is():
    """b waits for d, and is ready then before e, which has been ready since a."""
    reads = {"a": ["x"], "b": ["d"], "c": ["x"], "d": ["x"], "e": ["a"], "f": [*"abcde"]}
    nodes = [helper.make_node("Sum", sources, [name]) for name, sources in reads.items()]
    graph = helper.make_graph(nodes, "g", [], [])
    assert [node.output[0] for node in needed(graph, "f")] == ["a", "c", "d", "b", "e", "f"]
    assert [node.output[0] for node in needed(graph, "b")] == ["d", "b"]


@pytest.mark.parametrize("output", ["ad", "bd"])
def test_one_output_of_several_is_onnxruntimes(output):
    model = two_headed()
    x = np.random.default_rng(0).uniform(-1, 1.5, (50, 2)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = session.run([output], {"x": x})[0]
    image = nc.compile(model, "ideal", output=output)
    assert (nc.simulate(image, x).values == expected).all()
    assert [layer.name for layer in image.layers[1:]] == ["first", "second"][
        : "ab".index(output[0]) + 1
    ]


def test_several_outputs_are_listed_and_one_that_is_not_there_is_refused():
    with pytest.raises(ModelError, match="3 outputs, expected one: 'label', 'ad', 'bd'") as raised:
        nc.load_graph(two_headed())
    assert raised.value.hint == "name one with `--output-tensor NAME`, or `output=` in Python"
    with pytest.raises(ModelError, match="no output is called 'a'; the model's are: 'label', 'ad'"):
        nc.load_graph(two_headed(), output="a")


def test_the_command_line_names_an_output(tmp_path):
    onnx.save(two_headed(), tmp_path / "m.onnx")
    command = (tmp_path / "m.onnx", "--chip", "ideal")
    told = neurochip("run", *command)
    assert told.exit_code == 1
    assert "name one with `--output-tensor NAME`" in told.stderr
    assert neurochip("run", *command, "--output-tensor", "ad").exit_code == 0
    assert neurochip("compare", *command, "--output-tensor", "bd").exit_code == 0
    shown = neurochip("inspect", tmp_path / "m.onnx", "--output-tensor", "ad")
    assert "first" in shown.stdout
    assert "second" not in shown.stdout
    image = tmp_path / "m.image"
    assert neurochip("compile", *command, "--output-tensor", "ad", "-o", image).exit_code == 0
    refused = neurochip("run", image, "--output-tensor", "ad")
    assert refused.exit_code == 1
    assert "`--output-tensor` cannot change it" in " ".join(refused.stderr.split())


def test_a_cycle_and_a_tensor_of_two_nodes_are_refused():
    cycle = two_headed()
    next(n for n in cycle.graph.node if n.name == "first").input[0] = "bd"
    with pytest.raises(ModelError, match=r"'first' \(MatMul\) waits for a result that depends on"):
        nc.load_graph(cycle, output="bd")
    twice = two_headed(helper.make_node("Relu", ["xd"], ["a"], name="again"))
    with pytest.raises(
        ModelError, match=r"'a' is computed by two nodes, 'first' \(MatMul\) and 'again' \(Relu\)"
    ):
        nc.load_graph(twice, output="bd")


@pytest.mark.parametrize("option", [{"output": "ad"}, {"shape": {"x": (1, 2)}}])
def test_a_graph_that_is_loaded_takes_neither_output_nor_shape(option):
    graph = nc.load_graph(two_headed(), output="bd")
    with pytest.raises(InputError, match="say how a model is loaded") as raised:
        nc.compile(graph, "ideal", **option)
    assert raised.value.hint == "give them to `load_graph`"
