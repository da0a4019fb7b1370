"""Models and images that are well formed and make no sense: refused, never a raw exception."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, numpy_helper

import neurochip as nc
from neurochip import _core
from neurochip.errors import ImageError, ModelError, UnsupportedOpError
from quantized_models import Codes, Writer

SCALE = (np.float32(0.1), np.uint8(3))


def convolved(writer: Writer, source: Codes, **parts) -> Codes:
    parts = {
        "weights": np.arange(-8, 8, dtype=np.int8).reshape(4, 4, 1, 1),
        "scale": np.float32(0.02),
        "zero": np.int8(0),
        "bias": np.zeros(4, np.int32),
    } | parts
    return writer.weighted("Conv", source, *parts.values(), SCALE)


def model_of(build: Callable[[Writer, Codes], Codes], dialect="qdq") -> ModelProto:
    writer = Writer(dialect)
    result = build(writer, writer.quantize("x", *SCALE))
    return writer.model(["n", 4, 5, 5], writer.dequantize(result))


def refusal(model) -> str:
    with pytest.raises(ModelError) as caught:
        nc.load_graph(model)
    return str(caught.value)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"offset": "1e3"}, "invalid literal"),
        ({"offset": "-1"}, "cannot be read"),
        ({"length": ""}, "invalid literal"),
        ({"length": "-1"}, "cannot be read"),
        ({"length": "9" * 30}, f"its entry says {'9' * 30} bytes"),
        ({"offset": str(1 << 62)}, "bytes of 'w.bin'"),
        ({"location": "a\0b"}, "null byte"),
        ({"location": "../../etc/passwd"}, "outside the model's folder"),
        ({"location": "/etc/passwd"}, "outside the model's folder"),
        ({"location": "none.bin"}, "which is not there"),
        ({"location": ""}, "which is not there"),
    ],
)
def test_external_data_that_is_not_there_is_refused(tmp_path, told, message):
    model = model_of(convolved)
    tensor = next(each for each in model.graph.initializer if len(each.dims) == 4)
    fields = {"location": "w.bin", "offset": "0", "length": str(len(tensor.raw_data)), **told}
    (tmp_path / "w.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in fields.items():
        tensor.external_data.add(key=key, value=value)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    found = refusal(path)
    assert message in found
    assert f"'{tensor.name}'" in found


def moved(op_type: str, *constants, **attributes) -> Callable[[Writer, Codes], Codes]:
    def build(writer: Writer, source: Codes) -> Codes:
        source = convolved(writer, source)
        names = [writer.constant(constant) for constant in constants]
        return writer.moving(op_type, source, *names, **attributes)

    return build


def ints(*values):
    return np.array(values, np.int64)


@pytest.mark.parametrize("dialect", ["qdq", "qoperator"])
@pytest.mark.parametrize(
    "build",
    [
        moved("Pad", ints(1, 2, 3)),
        moved("Pad", ints(0, 0, 0, 0, 0, 0, 0, 2**40)),
        moved("Pad", ints(0, 0, -9, 0, 0, 0, 0, 0)),
        moved("Pad", np.float32([0, 0, 1, 1])),
        moved("Pad", ints(*[0] * 8), np.zeros(2, np.float32)),
        moved("Slice", ints(0), ints(1, 2), ints(1)),
        moved("Slice", ints(0), ints(1), ints(9)),
        moved("Slice", ints(), ints(1), ints(1)),
        moved("Slice", np.int64(0), np.int64(1)),
        moved("Slice", ints(4), ints(4), ints(1)),
        moved("Slice", ints(0), ints(1), ints(1), ints(0)),
        moved("Reshape", ints(0, 2**40)),
        moved("Transpose", perm=[0, 1, 2, 2**40]),
        moved("Concat", axis=9),
        moved("MaxPool", kernel_shape=[2**40, 1]),
        moved("MaxPool", kernel_shape=[1, 1], pads=[2**40] * 4),
        moved("MaxPool", kernel_shape=[1, 1], strides=[2**62, 1]),
        lambda writer, source: convolved(writer, source, bias=np.zeros((2, 3), np.int32)),
        lambda writer, source: convolved(writer, source, bias=np.zeros(0, np.int32)),
        lambda writer, source: convolved(writer, source, scale=np.zeros((), np.float32)),
        lambda writer, source: convolved(writer, source, scale=np.full(3, 0.1, np.float32)),
        lambda writer, source: convolved(writer, source, scale=np.float32("nan")),
        lambda writer, source: convolved(writer, source, scale=np.float32(1e-45)),
        lambda writer, source: convolved(writer, source, weights=np.zeros((0, 4, 1, 1), np.int8)),
        lambda writer, source: convolved(writer, source, weights=np.zeros((4, 4), np.int8)),
    ],
)
def test_constants_of_odd_shapes_and_values_are_refused_by_their_node(build, dialect):
    with pytest.raises(UnsupportedOpError):
        nc.load_graph(model_of(build, dialect))


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_pads_beyond_what_is_ever_read_are_refused_before_anything_is_made(mode):
    model = model_of(moved("Pad", ints(0, 0, 0, 0, 0, 0, 0, 2**28), mode=mode))
    nc.load_graph(model_of(convolved))  # what is imported at first is not counted
    tracemalloc.start()
    try:
        assert "it pads to shape [4, 5, 268435461]" in refusal(model)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("op_type", "inputs"),
    [
        ("ConstantOfShape", [np.array([1 + 2j], np.complex64)]),
        ("Pad", [np.zeros(3, np.float32), ints(0, 2**40)]),
        ("Tile", [np.zeros(3, np.float32), ints(2**40)]),
        ("Range", [np.float32(0), np.float32(1), np.float32(0)]),
    ],
)
def test_constants_that_cannot_be_computed_are_refused_by_their_node(op_type, inputs):
    writer = Writer("qdq")
    real = writer.dequantize(convolved(writer, writer.quantize("x", *SCALE)))
    made = writer.node(op_type, [writer.constant(each) for each in inputs])
    message = refusal(writer.model(["n", 4, 5, 5], writer.node("Add", [real, made])))
    assert f"{op_type} at" in message


@pytest.mark.parametrize(
    ("weight", "output", "told"),
    [
        (1e-45, 0.1, "the scales of its input and its weights make 0 or infinity in float32"),
        (3e38, 1e-10, "its scale over that of its output is infinite in float32"),
    ],
)
def test_scales_whose_product_float32_does_not_hold_are_refused(weight, output, told):
    writer = Writer("qoperator")
    target = (np.float32(output), np.uint8(3))
    weights, bias = np.ones((4, 4, 1, 1), np.int8), np.zeros(4, np.int32)
    scale = np.float32(weight)
    source = writer.quantize("x", *SCALE)
    result = writer.weighted("Conv", source, weights, scale, np.int8(0), bias, target)
    assert told in refusal(writer.model(["n", 4, 5, 5], writer.dequantize(result)))


def test_versions_beyond_32_bits_are_refused():
    for change in ("opset", "IR version"):
        model = model_of(convolved)
        if change == "opset":
            model.opset_import[0].version = 1 << 40
        else:
            model.ir_version = 1 << 40
        assert f"the model is of {change} {1 << 40}" in refusal(model)


def test_names_that_are_no_text_are_refused():
    data = model_of(convolved).SerializeToString()
    assert "names that are not text" in refusal(data.replace(b"conv", b"con\xff"))


@pytest.mark.parametrize("code", ["stem", "quartz", "rate"])
@pytest.mark.parametrize("only", ["quantized", "moved"])
def test_a_network_that_leaves_no_core_in_use_runs_and_is_reported(only, code):
    def build(writer, source):
        if only == "quantized":
            return source
        return writer.moving("Transpose", source, perm=[0, 2, 1, 3])

    graph = nc.load_graph(model_of(build))
    image = nc.compile(graph, "ideal", code)
    assert image.fullest_core is None
    samples = np.arange(100, dtype=np.float32).reshape(1, 4, 5, 5) / 10
    report = nc.report(nc.simulate(image, samples, threads=1))
    assert "cores used" in str(report)
    assert "fullest core" not in str(report)
    assert json.loads(report.to_json())["fullest"] is None


def with_head(**constants) -> ModelProto:
    writer = Writer("qdq")
    real = "x"
    for op_type, value in constants.items():
        real = writer.node(op_type, [real, writer.constant(np.asarray(value, np.float32))])
    result = convolved(writer, writer.quantize(real, *SCALE))
    return writer.model(["n", 4, 5, 5], writer.dequantize(result))


def test_float32_constants_before_the_first_layer_compile_and_run():
    model = with_head(Mul=0.5, Sub=np.full((4, 1, 1), 0.25))
    image = nc.compile(nc.load_graph(model), "ideal")
    samples = np.ones((1, 4, 5, 5), np.float32)
    run = nc.simulate(image, samples, threads=1)
    assert run.compiled_agreement is not None
    assert not run.compiled_agreement.differing.any()
    assert nc.Image.from_bytes(image.to_bytes()).host.head == ("Mul", "Sub")


def test_a_constant_for_two_samples_before_the_first_layer_is_refused():
    with pytest.raises(UnsupportedOpError, match="does not fit samples of its input"):
        nc.load_graph(with_head(Mul=np.ones((2, 4, 5, 5))))


@pytest.mark.parametrize(
    ("op_type", "constant"), [("Div", np.int64(3)), ("Mul", np.ones((2, 4, 5, 5), np.float32))]
)
def test_float_work_after_the_last_layer_that_cannot_be_done_is_refused(op_type, constant):
    writer = Writer("qdq")
    real = writer.dequantize(convolved(writer, writer.quantize("x", *SCALE)))
    real = writer.node(op_type, [real, writer.constant(constant)])
    assert op_type in refusal(writer.model(["n", 4, 5, 5], real))


@pytest.fixture(scope="module")
def image() -> nc.Image:
    return nc.compile(nc.load_graph(model_of(convolved)), "ideal")


FORMAT = {"signed": False, "scale": [0.1], "per_channel": False, "zero_point": 0}


@pytest.mark.parametrize(
    ("part", "value", "told"),
    [
        ("input_format", {"bits": 2**40, **FORMAT}, "`input_format.bits` is 1099511627776"),
        ("input_format", {"bits": -1, **FORMAT}, "`input_format.bits` is -1"),
        ("input_format", {"bits": 32, **FORMAT}, "8 bits at most"),
        ("input_format", {"bits": 8, **FORMAT, "scale": [0.0]}, "above 0"),
        ("input_format", {"bits": 8, **FORMAT, "scale": []}, "has 0 scales"),
        ("input_format", {"bits": 8, **FORMAT, "zero_point": []}, "`input_format.zero_point`"),
        ("input_shape", [2**32], "`input_shape[0]` is 4294967296"),
        ("input_shape", [2**16, 2**16], "4294967296 values"),
        ("input_shape", [1] * 40 + [100], "41 axes"),
        ("input_range", [0, 2**40], "`input_range[1]`"),
        ("input_range", [0], "not enough values"),
        ("input_index", {"count": 2**31, "channels": 1}, "`input_index.count`"),
        ("input_index", {"count": 100, "channels": 0}, "`input_index.channels`"),
        ("input_index", [2**40] * 100, "`input_index[0]`"),
        ("head", [[]], "`head[0]` is []"),
        ("outputs", 3, "`outputs` is 3, expected a list"),
        ("outputs", [], "a population is read for no output"),
        ("outputs", 2, "`outputs` is 2, expected a list"),
        ("takes_codes", 1, "`takes_codes` is 1"),
        ("input_integers", [0, 2**40], "`input_integers[1]`"),
        ("input_integers", [-5000, 127], "`input_integers` is -5000 to 127, expected the range"),
        ("normalization", {"mean": [1e40], "std": [1]}, "`mean` is 1e+40"),
        ("normalization", {"mean": [None], "std": [1]}, "`normalization.mean[0]` is None"),
    ],
)
def test_work_for_the_host_that_is_beyond_its_limits_is_refused(image, tmp_path, part, value, told):
    assert told in image_refusal(image, tmp_path, lambda host: host["work"].update({part: value}))


def test_two_outputs_of_one_name_are_refused(image, tmp_path):
    def damage(host):
        host["work"]["outputs"] *= 2

    assert "two outputs have one name" in image_refusal(image, tmp_path, damage)


@pytest.mark.parametrize(
    ("part", "value", "told"),
    [
        ("format", {"bits": 8, **FORMAT, "per_channel": True, "scale": [1.0] * 3}, "3 scales"),
        ("shape", [2**32], "`outputs[0].shape[0]`"),
        ("shape", "abc", "`outputs[0].shape` is 'abc', expected a list"),
        ("index", [None] * 100, "`outputs[0].index[0]` is None"),
        ("index", [0] * 9, "an index is too long or too short"),
        ("population", 1, "`outputs[0].population` is 1, expected a whole number from 0 to 0"),
        ("readout", {"s1": [0.0], "bias": [0]}, "`outputs[0].readout.s1[0]`"),
        ("readout", {"s1": [1.0], "bias": [0]}, "membranes are read where spikes are sent"),
        ("name", 7, "`outputs[0].name` is 7, expected text"),
        ("tail", 3, "`outputs[0].tail` is 3"),
    ],
)
def test_an_output_that_is_beyond_its_limits_is_refused(image, tmp_path, part, value, told):
    def damage(host):
        host["work"]["outputs"][0].update({part: value})

    assert told in image_refusal(image, tmp_path, damage)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda host: host["network"].update(populations=[[]]), "`populations[0]` is [], expected"),
        (lambda host: population(host)["facts"].update(differing="x"), "`differing` is 'x'"),
        (lambda host: population(host)["facts"].update(differing=2**70), "`differing` is"),
        (lambda host: population(host)["facts"].update(differing=1, reachable=None), "is missing"),
        (lambda host: population(host)["code"].update(base=2**40), "`base` is 1099511627776"),
        (lambda host: population(host)["facts"].update(note=["x"]), "`note` is ['x']"),
        (lambda host: population(host)["facts"].update(s1=["x"]), "`s1[0]` is 'x'"),
        (lambda host: host.update(usage=[["a", 1, 2]]), "`usage[0][0]` is 'a'"),
        (lambda host: host["network"].update(notes=[1]), "`notes[0]` is 1"),
        (lambda host: host.update(gain=[]), "`gain` is []"),
    ],
)
def test_what_people_ask_an_image_for_is_refused_where_it_is_something_else(
    image, tmp_path, damage, told
):
    assert told in image_refusal(image, tmp_path, damage)


def population(host):
    """What an image says of its second population for the host."""
    return host["network"]["populations"][1]


def image_refusal(image, tmp_path, damage) -> str:
    description = json.loads(image.core.description())
    damage(description["host"])
    data = image.to_bytes()
    blob = data[len(data) - int.from_bytes(data[20:28], "little") :]
    path = tmp_path / "damaged.image"
    path.write_bytes(_core.Image(json.dumps(description), blob).to_bytes())
    with pytest.raises(ImageError, match="part for the host is damaged") as caught:
        nc.Image.load(path)
    return str(caught.value)


def test_a_tensor_whose_data_does_not_fit_its_shape_is_refused():
    model = model_of(convolved)
    tensor = next(each for each in model.graph.initializer if len(each.dims) == 4)
    tensor.dims[0] = 1 << 40
    assert "does not fit its type and shape" in refusal(model)
    tensor.CopyFrom(numpy_helper.from_array(np.zeros((4, 4, 1, 1), np.float64), tensor.name))
    assert "dequantizes float64 values" in refusal(model)


@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
def test_accumulators_of_a_map_are_read_with_the_bias_of_their_channel(chip):
    def build(writer, source):
        bias = np.array([100_000, -90_000, 7, 0], np.int32)
        codes = convolved(writer, source, bias=bias)
        writer.nodes.pop()
        return codes

    model = model_of(build)
    real = model.graph.node[-2].output[0]
    del model.graph.node[-1]
    model.graph.output[0].name = real
    graph = nc.load_graph(model)
    assert graph.output.format.bits == 32
    image = nc.compile(graph, chip, "stem")
    samples = np.random.default_rng(1).normal(size=(3, 4, 5, 5)).astype(np.float32)
    run = nc.simulate(image, samples, threads=1)
    assert run.compiled_agreement is not None
    assert not run.compiled_agreement.differing.any()
    again = nc.simulate(nc.Image.from_bytes(image.to_bytes()), samples, threads=1)
    np.testing.assert_array_equal(run.outputs, again.outputs)
