"""What cannot be imported is refused at the door: all of it at once, with numbers and a way out."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, external_data_helper, helper, numpy_helper, save_model

from neurochip.errors import InputError, ModelError, NeurochipError, UnsupportedOpError
from neurochip.graph import load
from quantized_models import Codes, Writer

SCALE = (np.float32(0.1), np.uint8(3))


def convolved(writer: Writer, source: Codes) -> Codes:
    return writer.weighted(
        "Conv",
        source,
        np.arange(-6, 6, dtype=np.int8).reshape(3, 4, 1, 1),
        np.float32(0.02),
        np.int8(0),
        np.zeros(3, np.int32),
        SCALE,
    )


def small_model() -> ModelProto:
    writer = Writer("qdq")
    result = convolved(writer, writer.quantize("x", *SCALE))
    return writer.model(["n", 4, 5, 5], writer.dequantize(result))


def refusal(model: ModelProto) -> str:
    with pytest.raises(UnsupportedOpError) as caught:
        load(model)
    return str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"cannot read model '.*nothing.onnx': no such file"):
        load(tmp_path / "nothing.onnx")


@pytest.mark.parametrize("content", [b"", b"not a network", bytes(100), b"\x08\x07"])
def test_a_file_that_is_no_model_is_named(tmp_path, content):
    path = tmp_path / "image.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"'.*image.onnx' is not an ONNX model"):
        load(path)


def test_paths_bytes_and_parsed_models_are_read_alike(tmp_path):
    model = small_model()
    path = tmp_path / "small.onnx"
    path.write_bytes(model.SerializeToString())
    graphs = [load(path), load(str(path)), load(model.SerializeToString()), load(model)]
    assert [graph.name for graph in graphs] == ["small", "small", "random", "random"]
    assert len({graph.output.name for graph in graphs}) == 1


def test_a_float_model_is_told_how_to_become_quantized():
    writer = Writer("qdq")
    kernel = writer.constant(np.ones((3, 4, 1, 1), np.float32))
    result = writer.node("Relu", [writer.node("Conv", ["x", kernel])])
    with pytest.raises(ModelError, match="'random' is a float model") as caught:
        load(writer.model(["n", 4, 5, 5], result))
    assert "`neurochip quantize`" in caught.value.hint


def test_open_axes_are_asked_for_and_can_be_given():
    model = small_model()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    with pytest.raises(ModelError, match=r"input 'x' has open axes: \[\?, 4, \?, 5\]") as caught:
        load(model)
    assert "--shape x=" in caught.value.hint
    assert load(model, {"x": (1, 4, 7, 5)}).output.shape == (3, 7, 5)


@pytest.mark.parametrize("shape", [(1, 4, 5), (1, 3, 5, 5), (1, 4, 0, 5)])
def test_a_shape_that_contradicts_the_model_is_refused(shape):
    with pytest.raises(ModelError, match=r"input 'x' has shape \[\?, 4, 5, 5\], not"):
        load(small_model(), {"x": shape})


def test_a_shape_for_no_input_is_refused():
    with pytest.raises(ModelError, match="no input is called 'y'; the model's is 'x'"):
        load(small_model(), {"y": (1, 4, 5, 5)})


def test_samples_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"have shape \[4, 5\], the model takes \[4, 5, 5\]"):
        load(small_model()).quantize(np.zeros((2, 4, 5), np.float32))


def test_networks_have_one_input():
    model = small_model()
    model.graph.input.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, [1, 2]))
    with pytest.raises(ModelError, match=r"has 2 inputs, expected one: .*'extra'"):
        load(model)


def test_an_input_of_another_type_is_refused():
    model = small_model()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    with pytest.raises(ModelError, match="'x' is float64, expected one of float32, uint8, int8"):
        load(model)


def test_a_sample_too_large_is_refused_before_it_is_allocated():
    model = small_model()
    for axis in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        axis.dim_value = 1_000_000
    with pytest.raises(ModelError, match="input 'x' has 4000000000000 values, at most"):
        load(model)


def test_a_damaged_tensor_is_named():
    model = small_model()
    (tensor,) = [t for t in model.graph.initializer if list(t.dims) == [3, 4, 1, 1]]
    tensor.dims[0] = 7
    with pytest.raises(ModelError, match=f"tensor '{tensor.name}' is damaged: its data"):
        load(model)


def test_a_malformed_node_is_told_what_it_lacks():
    writer = Writer("qdq")
    real = writer.dequantize(writer.quantize("x", *SCALE))
    result = writer.node("MaxPool", [real])
    text = refusal(writer.model(["n", 4, 5, 5], result))
    assert "MaxPool at 'maxpool2': it is not valid ONNX: " in text
    assert "kernel_shape" in text


def test_an_output_that_nothing_computes_is_named():
    model = small_model()
    model.graph.output[0].name = "ghost"
    with pytest.raises(ModelError, match="output 'ghost' is computed by no node"):
        load(model)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    flips=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=6)
)
def test_a_damaged_file_never_ends_in_a_traceback(flips):
    data = bytearray(small_model().SerializeToString())
    for position, value in flips:
        data[position % len(data)] = value
    with contextlib.suppress(NeurochipError):
        load(bytes(data))


def test_a_tensor_that_nothing_computes_is_named():
    model = small_model()
    model.graph.node[0].input[0] = "ghost"
    with pytest.raises(ModelError, match="reads 'ghost', which nothing computes"):
        load(model)


def test_all_refusals_are_listed_at_once_by_node_name():
    writer = Writer("qdq")
    source = writer.quantize("x", *SCALE)
    real = writer.dequantize(convolved(writer, source))
    float_kernel = writer.constant(np.ones((5, 5), np.float32))
    real = writer.node("MatMul", [real, float_kernel])
    real = writer.dequantize(writer.quantize(real, *SCALE))
    real = writer.node("Einsum", [real], equation="abcd->adcb")
    real = writer.node("Mystery", [real], domain="acme")
    text = refusal(writer.model(["n", 4, 5, 5], real))
    assert text.startswith("'random' has 3 nodes neurochip cannot import:")
    assert "MatMul at 'matmul7': its weights 'c14' are float" in text
    assert "Einsum at 'einsum10': general tensor products are not supported" in text
    assert "acme.Mystery at 'mystery11': it is not supported" in text


def test_dynamic_quantization_is_refused_with_the_alternative():
    writer = Writer("qdq")
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], name="dynamic")
    writer.nodes.append(node)
    kernel = writer.constant(np.ones((4, 3), np.int8))
    sums = writer.node("MatMulInteger", ["q", kernel, "z"])
    result = writer.node("Mul", [writer.node("Cast", [sums], to=TensorProto.FLOAT), "s"])
    text = refusal(writer.model(["n", 4], result))
    assert "DynamicQuantizeLinear at 'dynamic': its scale is computed from each input" in text
    assert "quantize_static" in text


def test_a_layer_between_two_real_tensors_names_the_missing_quantizelinear():
    writer = Writer("qdq")
    source = writer.quantize("x", *SCALE)
    convolved(writer, source)
    quantize = writer.nodes.pop()
    real = str(quantize.input[0])
    kernel = writer.constant(np.ones((3, 3, 1, 1), np.int8))
    scale = writer.constant(np.float32(0.1))
    weights = writer.node("DequantizeLinear", [kernel, scale])
    result = writer.quantize(writer.node("Conv", [real, weights]), *SCALE)
    text = refusal(writer.model(["n", 4, 5, 5], writer.dequantize(result)))
    assert f"its input '{real}' is not quantized: no QuantizeLinear stands between" in text


def test_softmax_inside_the_network_is_refused():
    writer = Writer("qdq")
    real = writer.dequantize(writer.quantize("x", *SCALE))
    again = writer.quantize(writer.node("Softmax", [real]), *SCALE)
    result = convolved(writer, again)
    text = refusal(writer.model(["n", 4, 5, 5], writer.dequantize(result)))
    assert "comes after Softmax at 'softmax2', which runs on the host" in text


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ((np.float32(0.1), np.uint16(0)), "its codes have 16 bits; activations have at most 8"),
        (
            (np.linspace(0.1, 0.2, 4, dtype=np.float32), np.zeros(4, np.uint8)),
            "4 scales, one per ch",
        ),
        ((np.float32(0), np.uint8(0)), "is not positive"),
        ((np.float32(np.nan), np.uint8(0)), "is not positive"),
    ],
)
def test_formats_that_activations_cannot_have_are_refused(parameters, reason):
    writer = Writer("qdq", opset=21)
    result = writer.dequantize(writer.quantize("x", *parameters))
    assert reason in refusal(writer.model(["n", 4, 5, 5], result))


def test_blockwise_scales_are_refused():
    writer = Writer("qdq", opset=21)
    source = writer.dequantize(writer.quantize("x", *SCALE))
    codes = writer.constant(np.ones((8, 3), np.int8))
    scales = writer.constant(np.ones((2, 3), np.float32))
    weights = writer.node("DequantizeLinear", [codes, scales], axis=0, block_size=4)
    result = writer.node("MatMul", [source, weights])
    assert "blockwise scales" in refusal(writer.model(["n", 8], result))


def test_what_mixes_samples_is_refused():
    writer = Writer("qdq")
    real = writer.dequantize(writer.quantize("x", *SCALE))
    moved = writer.node("Transpose", [real], perm=[1, 0, 2, 3])
    assert "it mixes samples" in refusal(writer.model(["n", 4, 5, 5], moved))


def test_a_sum_that_is_never_quantized_cannot_end_a_network():
    writer = Writer("qdq")
    source = writer.quantize("x", *SCALE)
    real = writer.dequantize(source)
    result = writer.node("Add", [real, real])
    assert "its result is never quantized" in refusal(writer.model(["n", 4, 5, 5], result))


def external_model(folder, location: str = "weights.bin", **sizes: int):
    """A model whose weights lie in another file."""
    model = small_model()
    (tensor,) = [t for t in model.graph.initializer if list(t.dims) == [3, 4, 1, 1]]
    array = numpy_helper.to_array(tensor)
    (folder / "weights.bin").write_bytes(array.tobytes())
    where = {"offset": 0, "length": 12} | sizes
    external_data_helper.set_external_data(tensor, location, **where)
    tensor.ClearField("raw_data")
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_external_data_is_read_from_the_models_folder(tmp_path):
    graph = load(external_model(tmp_path))
    np.testing.assert_array_equal(graph.layers[0].weights.ravel(), np.arange(-6, 6))


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", "inner/../../weights.bin"])
def test_external_data_outside_the_models_folder_is_refused(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(ModelError, match="outside the model's folder"):
        load(external_model(folder, location))


def test_a_link_out_of_the_models_folder_is_refused(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(12))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(ModelError, match="outside the model's folder"):
        load(external_model(folder, "link.bin"))


@pytest.mark.parametrize("sizes", [{"length": 5}, {"offset": 8}, {"length": 2**40}])
def test_external_data_of_the_wrong_size_is_refused_before_it_is_read(tmp_path, sizes):
    with pytest.raises(ModelError, match=r"needs 12 bytes of 'weights.bin', which has \d+ from"):
        load(external_model(tmp_path, **sizes))


def test_missing_external_data_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"needs 'gone.bin', which is not there"):
        load(external_model(tmp_path, "gone.bin"))


def test_external_data_needs_a_folder(tmp_path):
    data = external_model(tmp_path).read_bytes()
    with pytest.raises(ModelError, match="keeps its data in another file"):
        load(data)


def test_a_constant_too_large_is_refused_before_it_is_made():
    writer = Writer("qdq")
    real = writer.dequantize(writer.quantize("x", *SCALE))
    huge = writer.node("ConstantOfShape", [writer.constant(np.array([1 << 40]))])
    result = writer.node("Add", [real, huge])
    assert "it would make a constant of" in refusal(writer.model(["n", 4, 5, 5], result))


def test_models_saved_with_all_data_outside_are_read(tmp_path):
    path = tmp_path / "model.onnx"
    save_model(small_model(), path, save_as_external_data=True, size_threshold=0)
    assert load(path).layers[0].weights.shape == (3, 4, 1, 1)
