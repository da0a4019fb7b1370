"""Quantizing what exporters write: constants as inputs, shared weights, biases of any shape."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import neurochip as nc
from command_line import neurochip
from float_networks import operators
from neurochip.errors import ModelError, UnsupportedOpError
from neurochip.quantize import compare, quantize
from neurochip.quantize.prepare import prepare
from neurochip.quantize.runtime import outputs

MAP = (3, 8, 8)
node = helper.make_node


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def export(nodes, constants, shape, *, batch="n", opset=17, ir=8, results=("y",), listed=False):
    """A float model from `x`; `listed` names its constants among its inputs, before the data."""
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    data = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])
    names = [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in held]
    graph = helper.make_graph(
        nodes,
        "export",
        [*(names if listed else ()), data],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results],
        held,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def samples(shape, count=25):
    return np.random.default_rng(1).uniform(-1, 1, (count, *shape)).astype(np.float32)


def assert_quantizes(model, shape, *, error=0.02, **choices):
    """It keeps its function, equals onnxruntime, and runs on a chip; returns what was made."""
    x = samples(shape)
    made = quantize(model, x, **choices)
    answers = compare(model, made, x)
    assert answers.differing == 0
    assert len(answers.float_outputs) == len(x)
    away = np.abs(answers.float_outputs - answers.quantized_outputs).max()
    assert away <= error * np.abs(answers.float_outputs).max()
    run = nc.simulate(nc.compile(made.graph(), chip="ideal"), x[:2], timing="none")
    np.testing.assert_array_equal(run.values, answers.graph_outputs[:2])
    return made


def conv(source="x", result="y", weights="w", *others, **attributes):
    return node("Conv", [source, weights, *others], [result], pads=[1] * 4, **attributes)


@pytest.mark.parametrize("ir", [3, 8])
def test_constants_may_be_listed_among_the_inputs_before_the_data(ir, tmp_path):
    nodes = [conv(result="a"), node("Relu", ["a"], ["y"])]
    model = export(nodes, {"w": random(4, 3, 3, 3)}, MAP, opset=9, ir=ir, listed=True, batch=1)
    before = model.SerializeToString()
    assert_quantizes(model, MAP)
    assert model.SerializeToString() == before
    onnx.save(model, tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", samples(MAP))
    files = (tmp_path / "m.onnx", "--calibration", tmp_path / "x.npy", "-o", tmp_path / "q.onnx")
    told = neurochip("quantize", *files)
    assert told.stderr == ""
    assert "0 of 6,400 outputs differ (25 samples)" in told.stdout


def test_open_axes_are_asked_for_by_the_name_of_the_data(tmp_path):
    model = export([conv()], {"w": random(4, 3, 3, 3)}, (3, "h", "w"), listed=True)
    onnx.save(model, tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", samples(MAP))
    files = (tmp_path / "m.onnx", "--calibration", tmp_path / "x.npy", "-o", tmp_path / "q.onnx")
    assert "`--shape x=1,3,32,32`" in neurochip("quantize", *files).stderr
    assert neurochip("quantize", *files, "--shape", "x=1,3,8,8").exit_code == 0


@pytest.mark.parametrize("weights", ["per-tensor", "per-channel"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 5), (5,)])
def test_a_gemm_has_a_bias_of_any_shape_that_is_one_row(shape, weights):
    gemm = node("Gemm", ["x", "w", "b"], ["y"])
    model = export([gemm], {"w": random(6, 5), "b": random(*shape)}, (6,))
    assert_quantizes(model, (6,), weights=weights)


@pytest.mark.parametrize("shape", [(3, 5), (3, 1)])
def test_a_bias_of_a_row_a_sample_is_refused(shape):
    gemm = node("Gemm", ["x", "w", "b"], ["y"], name="fc")
    model = export([gemm], {"w": random(6, 5), "b": random(*shape)}, (6,), batch=3)
    with pytest.raises(UnsupportedOpError) as caught:
        quantize(model, samples((6,))).graph()
    told = f"Gemm at 'fc': its bias has shape {list(shape)} for 5 output channels"
    assert told in str(caught.value)


@pytest.mark.parametrize("bias", [True, False])
def test_the_factors_of_a_gemm_are_in_its_weights_and_bias(bias):
    others = ["w", "b"] if bias else ["w", ""]
    gemm = node("Gemm", ["x", *others], ["y"], alpha=0.5, beta=0.25, transB=1)
    model = export([gemm], {"w": random(5, 6), "b": random(5)}, (6,))
    (made,) = prepare(ModelProto.FromString(model.SerializeToString())).graph.node
    assert {each.name for each in made.attribute} == {"transB"}
    assert_quantizes(model, (6,))


@pytest.mark.parametrize("weights", ["per-tensor", "per-channel"])
def test_layers_may_share_their_weights_and_biases(weights):
    nodes = [
        conv("x", "a", "w", "b"),
        node("Relu", ["a"], ["r"]),
        conv("r", "c", "w", "b"),
        node("Add", ["c", "scalar"], ["d"]),
        node("Mul", ["d", "b_map"], ["y"]),
        node("Reshape", ["b", "s"], ["b_map"]),
    ]
    constants = {
        "w": random(3, 3, 3, 3),
        "b": random(3),
        "scalar": np.float32(0.5),
        "s": np.array([1, 3, 1, 1]),
    }
    assert_quantizes(export(nodes, constants, MAP), MAP, weights=weights)


def test_weights_may_be_read_by_something_else_too():
    nodes = [conv(result="a"), node("Relu", ["a"], ["r"]), node("Add", ["r", "w"], ["s"])]
    nodes.append(conv("s", "y", "v"))
    constants = {"w": random(1, 1, 1, 1), "v": random(2, 1, 3, 3)}
    assert_quantizes(export(nodes, constants, (1, 8, 8)), (1, 8, 8))


@pytest.mark.parametrize("batch", [2, 3, 25, 40])
def test_a_fixed_batch_may_leave_a_remainder(batch):
    nodes = [conv(result="a"), node("Reshape", ["a", "s"], ["f"]), node("Gemm", ["f", "k"], ["y"])]
    constants = {
        "w": random(4, 3, 3, 3),
        "s": np.array([batch, 256]),
        "k": random(256, 5),
    }
    fixed = export(nodes, constants, MAP, batch=batch)
    made = assert_quantizes(fixed, MAP, error=0.05)
    constants["s"] = np.array([-1, 256])
    alike = quantize(export(nodes, constants, MAP), samples(MAP))
    np.testing.assert_allclose(
        [(tensor.low, tensor.high) for tensor in made.tensors],
        [(tensor.low, tensor.high) for tensor in alike.tensors],
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    "pools",
    [
        [node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2])],
        [node("GlobalAveragePool", ["x"], ["y"])],
        [node("GlobalMaxPool", ["x"], ["a"]), node("Flatten", ["a"], ["y"])],
        [
            node("MaxPool", ["x"], ["a"], kernel_shape=[2, 2]),
            node("Relu", ["a"], ["b"]),
            node("MaxPool", ["b"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
        ],
    ],
    ids=lambda nodes: "_".join(each.op_type for each in nodes),
)
def test_a_network_may_be_nothing_but_pools(pools):
    made = assert_quantizes(export(pools, {}, MAP), MAP)
    assert len(made.tensors) == 1 + sum(each.op_type == "GlobalAveragePool" for each in pools)


@pytest.mark.parametrize(
    ("nodes", "shape"),
    [
        ([node("Identity", ["x"], ["y"])], MAP),
        ([node("Sub", ["x", "c"], ["y"])], MAP),
        ([node("Relu", ["x"], ["y"])], MAP),
        ([node("Softmax", ["x"], ["y"])], (8,)),
        ([node("Relu", ["x"], ["z"]), node("Identity", ["c"], ["y"])], MAP),
    ],
    ids=lambda case: "_".join(each.op_type for each in case) if isinstance(case, list) else "",
)
def test_a_network_without_anything_to_quantize_is_refused(nodes, shape):
    model = export(nodes, {"c": random(1)}, shape)
    with pytest.raises(ModelError) as caught:
        quantize(model, samples(shape))
    assert str(caught.value) == (
        "'export' has nothing to quantize: no sums, pools or tables between its input and output"
    )
    assert caught.value.hint == "give the whole network; `neurochip ops` lists what it may hold"


@pytest.mark.parametrize("weights", ["per-tensor", "per-channel"])
@pytest.mark.parametrize(
    ("shape", "bias"),
    [((6,), (1, 4)), ((7, 6), (4,)), ((7, 6), (1, 1, 4)), ((7, 6), ()), ((2, 7, 6), (4,))],
)
def test_a_product_of_maps_takes_in_its_bias(shape, bias, weights):
    nodes = [node("MatMul", ["x", "w"], ["m"]), node("Add", ["b", "m"], ["a"])]
    nodes.append(node("Relu", ["a"], ["y"]))
    model = export(nodes, {"w": random(6, 4), "b": random(*bias)}, shape)
    made = assert_quantizes(model, shape, weights=weights)
    integers = operators(onnx.load_from_string(made.model))
    assert integers.count("Gemm" if len(shape) == 1 else "Conv") == 1
    assert not {"Add", "MatMul"}.intersection(integers)


def test_weights_may_stand_on_the_left_with_a_bias_a_row():
    nodes = [node("MatMul", ["w", "x"], ["m"]), node("Add", ["m", "b"], ["y"])]
    model = export(nodes, {"w": random(5, 7), "b": random(5, 1)}, (7, 6))
    made = assert_quantizes(model, (7, 6))
    assert "Add" not in operators(onnx.load_from_string(made.model))


def test_weights_may_have_axes_of_length_1_before_them():
    nodes = [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"], ["y"])]
    assert_quantizes(export(nodes, {"w": random(1, 6, 4), "b": random(4)}, (7, 6)), (7, 6))


def test_a_bias_that_depends_on_the_position_is_a_table_behind_the_product():
    nodes = [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"], ["a"])]
    nodes += [node("Relu", ["a"], ["r"]), node("MatMul", ["r", "v"], ["y"])]
    constants = {"w": random(6, 4), "b": random(7, 4), "v": random(4, 5)}
    model = export(nodes, constants, (7, 6))
    made = assert_quantizes(model, (7, 6))
    assert [type(layer).__name__ for layer in made.graph().layers].count("Lookup") == 1


def test_float_work_at_the_end_is_no_tensor_with_codes():
    nodes = [conv(result="a"), node("Sigmoid", ["a"], ["s"]), node("Mul", ["s", "c"], ["m"])]
    nodes.append(node("Relu", ["m"], ["y"]))
    constants = {"w": random(4, 3, 3, 3), "c": random(4, 1, 1)}
    made = assert_quantizes(export(nodes, constants, MAP), MAP, error=0.1)
    assert [tensor.name for tensor in made.tensors] == ["x", "a", "s"]
    assert [op.op_type for op in made.graph().tail] == ["Mul", "Relu"]


def test_maps_of_keras_have_their_channels_last():
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        conv("t", "a", "w", "b"),
        node("Relu", ["a"], ["r"]),
        node("MaxPool", ["r"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", ["m"], ["u"], perm=[0, 2, 3, 1]),
        node("Reshape", ["u", "s"], ["f"]),
        node("MatMul", ["f", "k"], ["d"]),
        node("Add", ["d", "c"], ["e"]),
        node("Softmax", ["e"], ["y"]),
    ]
    constants = {
        "w": 0.3 * random(4, 3, 3, 3),
        "b": random(4),
        "s": np.array([-1, 64]),
        "k": 0.1 * random(64, 5),
        "c": random(5),
    }
    assert_quantizes(export(nodes, constants, (8, 8, 3)), (8, 8, 3), error=0.05)


def test_a_number_of_samples_may_be_read_from_a_shape():
    nodes = [
        conv(result="a"),
        node("Relu", ["a"], ["r"]),
        node("Shape", ["r"], ["lengths"]),
        node("Gather", ["lengths", "first"], ["count"]),
        node("Unsqueeze", ["count", "axis"], ["counts"]),
        node("Concat", ["counts", "rest"], ["s"], axis=0),
        node("Reshape", ["r", "s"], ["f"]),
        node("Gemm", ["f", "k"], ["y"], transB=1),
    ]
    constants = {
        "w": random(4, 3, 3, 3),
        "first": np.array(0),
        "axis": np.array([0]),
        "rest": np.array([-1]),
        "k": random(5, 256),
    }
    assert_quantizes(export(nodes, constants, MAP), MAP)


def test_constants_may_be_nodes_and_lie_behind_identities():
    nodes = [
        node("Constant", [], ["w0"], value=numpy_helper.from_array(random(4, 3, 3, 3))),
        node("Constant", [], ["b"], value_floats=[0.1, -0.2, 0.3, 0.0]),
        node("Identity", ["w0"], ["w"]),
        node("Identity", ["x"], ["i"]),
        conv("i", "a", "w", "b"),
        node("Dropout", ["a"], ["d", "mask"]),
        node("Relu", ["d"], ["r"]),
        node("Identity", ["r"], ["y"]),
    ]
    assert_quantizes(export(nodes, {}, MAP), MAP)


def test_nodes_may_share_a_name_or_have_none():
    nodes = [
        conv("x", "a", "w", name="same"),
        node("Relu", ["a"], ["r"], name="same"),
        conv("r", "y", "v"),
    ]
    made = assert_quantizes(
        export(nodes, {"w": random(4, 3, 3, 3), "v": random(2, 4, 3, 3)}, MAP), MAP
    )
    assert len({tensor.layer for tensor in made.tensors}) == len(made.tensors)


def test_what_the_output_does_not_depend_on_is_left_out():
    nodes = [node("Relu", ["a"], ["y"]), node("Erf", ["x"], ["z"]), conv(result="a")]
    made = assert_quantizes(
        export(nodes, {"w": random(4, 3, 3, 3), "unused": random(9)}, MAP, listed=True), MAP
    )
    model = onnx.load_from_string(made.model)
    assert "Erf" not in operators(model)
    assert "unused" not in {tensor.name for tensor in model.graph.initializer}


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 21])
def test_every_opset_is_read(opset):
    nodes = [
        conv(result="a"),
        node("BatchNormalization", ["a", "gain", "offset", "mean", "variance"], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]),
        node("Dropout", ["p"], ["d"]),
        node("Flatten", ["d"], ["f"]),
        node("Gemm", ["f", "k", "c"], ["y"], transB=1),
    ]
    constants = {
        "w": random(4, 3, 3, 3),
        "gain": random(4, seed=1),
        "offset": random(4, seed=2),
        "mean": random(4, seed=3),
        "variance": np.abs(random(4, seed=4)) + 0.1,
        "k": random(5, 4),
        "c": random(5),
    }
    ir = 3 if opset < 9 else 8
    assert_quantizes(export(nodes, constants, MAP, opset=opset, ir=ir, listed=ir == 3), MAP)


def test_the_long_name_of_the_domain_is_the_short_one():
    model = export([conv(result="a"), node("Relu", ["a"], ["y"])], {"w": random(4, 3, 3, 3)}, MAP)
    for each in (*model.opset_import, *model.graph.node):
        each.domain = "ai.onnx"
    assert_quantizes(model, MAP)


def test_an_opset_of_the_future_is_refused():
    model = export([conv()], {"w": random(4, 3, 3, 3)}, MAP, opset=99)
    with pytest.raises(ModelError, match="the model is of opset 99, newer than any") as caught:
        quantize(model, samples(MAP))
    assert caught.value.hint == "export the model again with opset 17"


def test_weights_that_are_an_input_are_refused():
    model = export([conv()], {}, MAP)
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 3, 3, 3]))
    with pytest.raises(ModelError) as caught:
        quantize(model, samples(MAP))
    assert str(caught.value) == "'export' has 2 inputs ('x', 'w'), expected one"
    assert caught.value.hint == "export it with all other inputs as constants (initializers)"


def test_a_model_that_onnxruntime_has_no_kernel_for_is_refused():
    nodes = [
        node("Cast", ["x"], ["d"], to=TensorProto.DOUBLE),
        node("Conv", ["d", "w"], ["c"], name="conv"),
        node("Cast", ["c"], ["y"], to=TensorProto.FLOAT),
    ]
    with pytest.raises(ModelError) as caught:
        quantize(export(nodes, {"w": random(4, 3, 3, 3).astype(float)}, MAP), samples(MAP))
    assert str(caught.value) == (
        "onnxruntime cannot run the model: Could not find an implementation for Conv(11) node "
        "with name 'conv'"
    )
    assert caught.value.hint == (
        "see that onnxruntime runs the float model by itself, and export it again if not"
    )


def two_outputs():
    nodes = [conv(result="a"), node("Relu", ["a"], ["r"]), conv("r", "y", "v")]
    nodes.append(node("Erf", ["r"], ["z"]))
    constants = {"w": random(4, 3, 3, 3), "v": random(2, 4, 3, 3)}
    return export(nodes, constants, MAP, results=("z", "y"))


def test_one_of_several_outputs_is_quantized(tmp_path):
    onnx.save(two_outputs(), tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", samples(MAP))
    files = (tmp_path / "m.onnx", "--calibration", tmp_path / "x.npy", "-o", tmp_path / "q.onnx")
    told = neurochip("quantize", *files, "--output-tensor", "y")
    assert told.exit_code == 0, told.stderr
    assert "0 of 3,200 outputs differ" in told.stdout
    assert nc.load_graph(tmp_path / "q.onnx").output.shape == (2, 8, 8)


def test_an_output_that_is_none_is_refused():
    with pytest.raises(ModelError) as caught:
        quantize(two_outputs(), samples(MAP), output_tensor="r")
    assert str(caught.value) == "no output is called 'r'; the model's are: 'z', 'y'"


def test_a_sum_of_caffe2_is_adds():
    nodes = [
        conv("x", "a"),
        conv("x", "b", "v"),
        node("Sum", ["a", "b", "x"], ["s"], name="sum"),
        node("Sum", ["s"], ["t"]),
        node("Relu", ["t"], ["y"]),
    ]
    constants = {"w": random(3, 3, 3, 3), "v": random(3, 3, 3, 3, seed=1)}
    model = export(nodes, constants, MAP, opset=8, ir=3, listed=True)
    assert_quantizes(model, MAP)


def test_float_work_at_the_end_is_compared_within_its_rounding(tmp_path):
    nodes = [
        conv(result="a"),
        node("GlobalAveragePool", ["a"], ["g"]),
        node("Softmax", ["g"], ["s"], axis=1),
        node("Flatten", ["s"], ["f"]),
        node("Mul", ["f", "percent"], ["y"]),
    ]
    model = export(nodes, {"w": random(4, 3, 3, 3), "percent": np.float32(100)}, MAP)
    x = samples(MAP)
    answers = compare(model, quantize(model, x), x)
    assert answers.float_work == ("Softmax", "Mul")
    assert answers.differing == 0
    answers.graph_outputs[3, 1] *= 1.001
    assert answers.differing == 1
    onnx.save(model, tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", x)
    files = (tmp_path / "m.onnx", "--calibration", tmp_path / "x.npy", "-o", tmp_path / "q.onnx")
    told = " ".join(neurochip("quantize", *files).stdout.split())
    assert "outputs differ (25 samples), but for float rounding in Softmax, Mul" in told


def test_a_result_may_leave_out_the_axis_of_its_one_sample():
    nodes = [
        conv(result="a"),
        node("GlobalAveragePool", ["a"], ["g"]),
        node("Squeeze", ["g"], ["y"]),
    ]
    assert_quantizes(export(nodes, {"w": random(4, 3, 3, 3)}, MAP, batch=1), MAP)


@pytest.mark.parametrize("apart", [True, False])
def test_a_hard_swish_is_a_table(apart):
    swish = [node("HardSwish", ["a"], ["s"])]
    if apart:
        swish = [node("HardSigmoid", ["a"], ["g"], alpha=1 / 6, beta=0.5)]
        swish.append(node("Mul", ["g", "a"], ["s"]))
    nodes = [conv(result="a"), *swish, conv("s", "y", "v")]
    constants = {"w": 0.3 * random(4, 3, 3, 3), "v": random(2, 4, 3, 3)}
    made = assert_quantizes(export(nodes, constants, MAP), MAP, error=0.05)
    assert [tensor.op_type for tensor in made.tensors] == ["", "Conv", "HardSwish", "Conv"]


def test_another_gate_stays_a_product():
    gate = node("HardSigmoid", ["a"], ["g"], alpha=0.2, beta=0.5)
    nodes = [conv(result="a"), gate, node("Mul", ["a", "g"], ["y"])]
    prepared = prepare(export(nodes, {"w": random(4, 3, 3, 3)}, MAP))
    assert operators(prepared) == ["Conv", "HardSigmoid", "Mul"]


def test_a_factor_between_layers_does_not_make_a_tensor_outermost():
    nodes = [
        conv(result="a"),
        node("Relu", ["a"], ["r"]),
        node("Mul", ["r", "c"], ["m"]),
        conv("m", "y", "v"),
    ]
    constants = {"w": random(4, 3, 3, 3), "c": random(1, 4, 1, 1), "v": random(2, 4, 3, 3)}
    made = quantize(export(nodes, constants, MAP), samples(MAP), bits=4)
    assert [tensor.format.bits for tensor in made.tensors] == [8, 4, 4, 8]


def test_the_last_part_of_a_fixed_batch_adds_no_values():
    x = samples(MAP, 4)
    model = export([conv()], {"w": random(4, 3, 3, 3)}, MAP, batch=3)
    found = outputs(model, x)
    free = export([conv()], {"w": random(4, 3, 3, 3)}, MAP)
    np.testing.assert_allclose(found, outputs(free, x), rtol=1e-5, atol=1e-5)
