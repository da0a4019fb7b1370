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
from neurochip.errors import CapacityError, InputError, ModelError, UnsupportedOpError
from neurochip.graph.model import needed
from small_networks import SHAPE, convolution, start

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
    assert [layer.name for layer in nc.load_graph(model, output_tensor="bd").layers] == listed


def test_of_the_nodes_that_can_be_next_the_first_of_the_file_is():
    """b waits for d, and is ready then before e, which has been ready since a."""
    reads = {"a": ["x"], "b": ["d"], "c": ["x"], "d": ["x"], "e": ["a"], "f": [*"abcde"]}
    nodes = [helper.make_node("Sum", sources, [name]) for name, sources in reads.items()]
    graph = helper.make_graph(nodes, "g", [], [])
    assert [node.output[0] for node in needed(graph, ["f"])] == ["a", "c", "d", "b", "e", "f"]
    assert [node.output[0] for node in needed(graph, ["b"])] == ["d", "b"]


@pytest.mark.parametrize("output", ["ad", "bd"])
def test_one_output_of_several_is_onnxruntimes(output):
    model = two_headed()
    x = np.random.default_rng(0).uniform(-1, 1.5, (50, 2)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = session.run([output], {"x": x})[0]
    image = nc.compile(model, "ideal", output_tensor=output)
    assert (nc.simulate(image, x).values == expected).all()
    assert [layer.name for layer in image.populations[1:]] == ["first", "second"][
        : "ab".index(output[0]) + 1
    ]


@pytest.mark.parametrize("pipeline", [False, True])
def test_all_outputs_are_onnxruntimes(pipeline):
    model = two_headed()
    x = np.random.default_rng(0).uniform(-1, 1.5, (50, 2)).astype(np.float32)
    names = ["label", "ad", "bd"]
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(names, {"x": x})
    image = nc.compile(model, "ideal", pipeline=pipeline)
    run = nc.simulate(image, x, check="all")
    assert list(run.values_by_name) == names
    for name, wanted in zip(names, expected, strict=True):
        np.testing.assert_array_equal(run.values_by_name[name], wanted)
    np.testing.assert_array_equal(run.predictions, expected[0][:, 0])
    assert run.exact_agreement.layers == ("first", "second")
    assert run.exact_agreement.differing.sum() == 0
    # The spikes of both layers leave the chip; those of the first reach the second as well.
    spikes = dict(zip(run.population_names, run.by_population["spikes"].sum(axis=0), strict=True))
    assert run.counters["output_packets"].sum() == spikes["first"] + spikes["second"]
    loaded = nc.Image.from_bytes(image.to_bytes())
    again = nc.simulate(loaded, x)
    np.testing.assert_array_equal(again.values_by_name["bd"], expected[2])
    np.testing.assert_array_equal(again.outputs_by_name["label"], run.outputs_by_name["ad"])


@pytest.mark.parametrize("code", ["stem", "quartz", "rate"])
@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
def test_membranes_are_read_beside_the_codes_of_the_same_sums(code, chip):
    """Both layers are read before they are quantized, the first of them also as codes."""
    model = two_headed()
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in (("b", 4), ("a", 3), ("ad", 3))
    )
    x = np.random.default_rng(0).uniform(-1, 1.5, (20, 2)).astype(np.float32)
    graph = nc.load_graph(model)
    run = nc.simulate(nc.compile(graph, chip, code=code), x, timing="none", check="all")
    exact = graph.evaluate(graph.quantize(x))
    for output in graph.outputs:
        if code == "stem":
            np.testing.assert_array_equal(
                run.outputs_by_name[output.name], exact[output.tensor.name]
            )
    if code != "rate":
        assert run.compiled_agreement.differing.sum() == 0
    oracle = onnxruntime.InferenceSession(model.SerializeToString()).run(["b", "a"], {"x": x})
    for name, wanted in zip("ba", oracle, strict=True):
        assert np.abs(run.values_by_name[name] - wanted).max() <= {"rate": 0.3}.get(code, 0.1)


def test_outputs_that_cannot_be_read_are_listed_with_the_way_to_have_one_alone():
    model = two_headed()
    model.graph.output.append(helper.make_tensor_value_info("w", TensorProto.INT8, None))
    with pytest.raises(ModelError, match="output 'w' is computed by no node") as raised:
        nc.load_graph(model)
    assert (
        raised.value.hint
        == "name another with `--output-tensor NAME`, or `output_tensor=` in Python"
    )
    top = helper.make_node("TopK", ["bd", "k"], ["top", "places"], name="top")
    model = two_headed(top)
    model.graph.initializer.append(numpy_helper.from_array(np.array([2]), "k"))
    model.graph.output.append(helper.make_tensor_value_info("top", TensorProto.FLOAT, None))
    with pytest.raises(UnsupportedOpError, match="TopK at 'top'") as raised:
        nc.load_graph(model)
    assert "the model has 4 outputs, 'label', 'ad', 'bd', 'top'" in raised.value.hint
    assert "name it with `--output-tensor NAME`, or `output_tensor=` in Python" in raised.value.hint
    assert nc.load_graph(model, output_tensor="bd").outputs[0].name == "bd"


@pytest.mark.parametrize("output", ["xq", "xd"])
def test_an_output_that_is_the_input_is_refused(output):
    model = two_headed()
    model.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
    with pytest.raises(UnsupportedOpError, match="is its input, which no layer computes"):
        nc.load_graph(model, output_tensor=output)


def test_one_output_that_is_not_there_is_refused():
    with pytest.raises(ModelError, match="no output is called 'a'; the model's are: 'label', 'ad'"):
        nc.load_graph(two_headed(), output_tensor="a")


def test_the_command_line_names_an_output(tmp_path):
    onnx.save(two_headed(), tmp_path / "m.onnx")
    command = (tmp_path / "m.onnx", "--chip", "ideal")
    told = neurochip("run", *command)
    assert told.exit_code == 0
    said = " ".join(told.stdout.split())
    assert "the answer is taken from the output 'label'; the host reads 'ad', 'bd' as well" in said
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
        nc.load_graph(cycle, output_tensor="bd")
    twice = two_headed(helper.make_node("Relu", ["xd"], ["a"], name="again"))
    with pytest.raises(
        ModelError, match=r"'a' is computed by two nodes, 'first' \(MatMul\) and 'again' \(Relu\)"
    ):
        nc.load_graph(twice, output_tensor="bd")


@pytest.mark.parametrize("option", [{"output_tensor": "ad"}, {"shape": {"x": (1, 2)}}])
def test_a_graph_that_is_loaded_takes_neither_output_nor_shape(option):
    graph = nc.load_graph(two_headed(), output_tensor="bd")
    with pytest.raises(InputError, match="say how a model is loaded") as raised:
        nc.compile(graph, "ideal", **option)
    assert raised.value.hint == "give them to `load_graph`"


def unquantized_and_quantized(*names):
    """A sum that is read as it is and as codes: two layers of one node."""
    model = two_headed()
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
    )
    return model


def test_layers_of_one_node_have_names_of_their_own_and_are_all_compared():
    model = unquantized_and_quantized("a", "ad")
    for node in model.graph.node:
        node.name = ""  # the layer is called as its output is
    x = np.random.default_rng(0).uniform(-1, 1.5, (20, 2)).astype(np.float32)
    run = nc.simulate(nc.compile(model, "tiny"), x, timing="none", check="all")
    names = run.exact_agreement.layers
    assert len(set(names)) == len(names) == 2
    assert run.exact_agreement.compared.tolist() == [60, 60]
    assert run.compiled_agreement.differing.tolist() == [0, 0]


def test_a_sum_that_several_outputs_read_is_on_the_chip_once():
    softmax = helper.make_node("Softmax", ["b"], ["p"], axis=1)
    logarithm = helper.make_node("LogSoftmax", ["b"], ["l"], axis=1)
    model = two_headed(softmax, logarithm)
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("b", "p", "l")
    )
    image = nc.compile(model, "ideal")
    assert [layer.name for layer in image.populations] == ["input", "first", "second"]
    x = np.random.default_rng(0).uniform(-1, 1.5, (20, 2)).astype(np.float32)
    run = nc.simulate(image, x, timing="none")
    oracle = onnxruntime.InferenceSession(model.SerializeToString())
    for name, wanted in zip("bpl", oracle.run(list("bpl"), {"x": x}), strict=True):
        np.testing.assert_allclose(run.values_by_name[name], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("order", [("ad", "bd"), ("bd", "ad")])
def test_spikes_to_the_host_take_axons_whatever_the_order_of_outputs(order):
    """The three neurons of the first layer send to the second and to the host: two axons each."""
    image = nc.compile(unquantized_and_quantized(*order), "darwin3", objective="cores")
    entries = {core.population: core.axon_entries for core in image.cores}
    alone = nc.compile(unquantized_and_quantized("bd"), "darwin3", objective="cores")
    without = {core.population: core.axon_entries for core in alone.cores}
    assert entries["first"] == without["first"] + 3
    assert entries["second"] == without["second"]


@pytest.mark.parametrize("order", [(14, 1), (1, 14)])
def test_every_output_needs_a_port_within_reach(order):
    """A chain of fourteen layers, one core each: the last sits far from all ports."""
    writer, codes = start()
    tensors = [codes]
    for _ in range(14):
        tensors.append(convolution(writer, tensors[-1], (np.float32(0.05), np.uint8(77))))
    names = [writer.dequantize(tensors[layer]) for layer in order]
    model = writer.model(["n", *SHAPE], names[0])
    model.graph.output.append(helper.make_tensor_value_info(names[1], TensorProto.FLOAT, None))
    reach = {"mesh.max_hops_x": 2, "mesh.max_hops_y": 2, "core.max_neurons": 200}
    with pytest.raises(CapacityError, match="from the nearest io port; 'darwin3' addresses 2"):
        nc.compile(model, "darwin3", overrides=reach)
