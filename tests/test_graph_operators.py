"""Operators that become index maps, tables and sums of other kinds, and what of them is refused."""

from __future__ import annotations

import numpy as np
import pytest

import neurochip as nc
import oracle_onnxruntime
from neurochip.errors import UnsupportedOpError
from neurochip.layers import Add
from small_networks import (
    MIDDLE,
    OUTPUT,
    SHAPE,
    assert_exact,
    assert_exact_layers,
    convolution,
    finish,
    real_convolution,
    samples,
    start,
)


def one_operator(op_type, *constants, outputs=OUTPUT, opset=17, **attributes):
    writer, source = start(opset)
    given = [None if each is None else writer.constant(each) for each in constants]
    names = ["" if each is None else each for each in given]
    real = writer.node(op_type, [writer.dequantize(source), *names], **attributes)
    return finish(writer, writer.quantize(real, *outputs))


def refusal(model):
    with pytest.raises(UnsupportedOpError) as raised:
        nc.load_graph(model)
    return str(raised.value)


def difference():
    writer, source = start()
    convolved = convolution(writer, source)
    real = writer.node("Sub", [writer.dequantize(source), writer.dequantize(convolved)])
    return finish(writer, writer.quantize(real, np.float32(0.09), np.uint8(101)))


def test_a_difference_of_two_tensors_is_a_sum_with_a_negative_scale():
    graph = assert_exact_layers(difference())
    (layer,) = (each for each in graph.layers if isinstance(each, Add))
    assert layer.sign == -1
    assert any("the difference of two tensors is rounded once" in note for note in graph.notes)


@pytest.mark.parametrize("code", ["stem", "quartz", "rate"])
@pytest.mark.parametrize("chip", ["ideal", "darwin3"])
def test_chips_subtract_by_a_negative_weight(chip, code):
    graph = nc.load_graph(difference())
    real = samples(2)
    run = nc.simulate(nc.compile(graph, chip, code=code), real, timing="none", threads=1)
    if code != "rate":
        assert run.compiled_agreement.differing.sum() == 0
    if (chip, code) == ("ideal", "stem"):
        assert run.exact_agreement.differing.sum() == 0
    exact = graph.evaluate(graph.quantize(real))[graph.output.name].astype(int)
    # A branch added instead of subtracted would be off by a quarter of all levels.
    assert np.abs(run.outputs - exact).mean() < 12


@pytest.mark.parametrize("mode", ["published", "loihi"])
def test_ungated_neurons_subtract_as_well(mode):
    graph = nc.load_graph(difference())
    options = {"code": "quartz", "quartz_mode": mode, "t_max": 64}
    image = nc.compile(graph, "ideal", calibration=samples(2), **options)
    run = nc.simulate(image, samples(2), timing="none", threads=1)
    assert run.compiled_agreement.differing.sum() == 0
    exact = graph.evaluate(graph.quantize(samples(2)))[graph.output.name].astype(int)
    assert np.abs(run.outputs - exact).mean() < 12


@pytest.mark.parametrize("slopes", [np.float32(0.2), np.linspace(-1, 2, 4)])
def test_slopes_of_a_prelu_are_rows_of_a_table(slopes):
    slopes = np.asarray(slopes, np.float32)
    shaped = slopes if slopes.ndim == 0 else slopes.reshape(4, 1, 1)
    assert_exact(one_operator("PRelu", shaped))


def test_a_bound_for_each_channel_is_a_row_of_a_table_and_one_bound_a_narrower_range():
    bounds = np.array([-1, 0, 0.5, 2], np.float32).reshape(4, 1, 1)
    assert_exact(one_operator("Max", bounds))
    writer, source = start()
    convolved = writer.dequantize(convolution(writer, source))
    real = writer.node("Min", [writer.constant(np.float32(0.8)), convolved])
    assert_exact(finish(writer, writer.quantize(real, *MIDDLE)))


@pytest.mark.parametrize("axes", [[1], [2], [-1], [1, 3], [1, 2, 3]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_mean_over_any_axes_is_an_average_over_a_map_of_them(axes, keepdims):
    target = (np.float32(0.04331), np.uint8(130))  # with no ties
    model = one_operator("ReduceMean", np.array(axes), outputs=target, opset=18, keepdims=keepdims)
    graph = nc.load_graph(model)
    codes = graph.quantize(samples(3))
    # The input has the scale 0.031 and the zero point 120.
    real = (codes.astype(np.int64) - 120).mean(axis=tuple(axes), keepdims=bool(keepdims))
    wanted = np.clip(np.rint(real * (0.031 / 0.04331)) + 130, 0, 255)
    found = graph.evaluate(codes)[graph.output.name]
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() == 0


def test_resizing_is_an_index_map():
    scales = np.array([1, 1, 2, 1.5], np.float32)
    graph = assert_exact(one_operator("Resize", None, scales, mode="nearest"))
    assert graph.output.shape == (4, 12, 12)
    assert [type(layer).__name__ for layer in graph.layers] == ["Rearrange", "Lookup"]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (
            lambda: one_operator("Resize", None, np.float32([1, 1, 2, 2]), mode="linear"),
            "its mode is 'linear', which computes new values; `nearest` is supported",
        ),
        (
            lambda: one_operator("Resize", None, np.float32([2, 1, 1, 1])),
            "it resizes the axis of the samples",
        ),
        (
            lambda: one_operator("Resize", None, np.float32([1, 1, 1e4, 1e4])),
            "its result has shape [4, 60000, 80000], at most 67108864 values",
        ),
        (
            lambda: one_operator("Resize", None, np.float32([1, 1, 0.01, 1])),
            "its scales or sizes make a result of shape [4, 0, 8], which holds nothing",
        ),
        (
            lambda: one_operator("Resize", None, np.float32([2, 2])),
            "it has 2 scales or sizes for 4 axes",
        ),
        (
            lambda: one_operator(
                "Resize",
                np.zeros(8, np.float32),
                np.float32([1, 1, 2, 2]),
                coordinate_transformation_mode="tf_crop_and_resize",
            ),
            "its coordinates are 'tf_crop_and_resize', which is not supported",
        ),
        (
            lambda: one_operator(
                "Resize",
                None,
                None,
                np.array([3, 3]),
                opset=18,
                axes=[2, 3],
                keep_aspect_ratio_policy="not_larger",
            ),
            "its sizes keep the aspect ratio",
        ),
        (
            lambda: one_operator("Max", np.float32(1), np.float32(2)),
            "it compares 1 tensors with 2 constants; one with one is supported",
        ),
        (
            lambda: one_operator("ReduceMean", np.array([0, 2]), opset=18),
            "it averages axes [0, 2] of 4, samples included",
        ),
        (
            lambda: one_operator("ReduceMean", opset=18),
            "it averages all axes, samples included",
        ),
    ],
)
def test_what_is_refused_says_why(model, told):
    assert told in refusal(model())


def convolved_line(*after):
    """A convolution along a line of 4 channels, what stands behind it, and its codes."""
    writer, source = start()
    kernel = np.random.default_rng(2).integers(-127, 128, (6, 4, 3)).astype(np.int8)
    parameters = [writer.constant(each) for each in (kernel, np.float32(0.002), np.int8(0))]
    real = writer.node(
        "Conv", [writer.dequantize(source), writer.node("DequantizeLinear", parameters)]
    )
    for op_type, constants, attributes in after:
        real = writer.node(op_type, [real, *map(writer.constant, constants)], **attributes)
    return writer.model(["n", 4, 9], writer.dequantize(writer.quantize(real, *OUTPUT)))


ROW = np.linspace(-0.4, 0.7, 6).astype(np.float32)


@pytest.mark.parametrize(
    "after",
    [
        [("BatchNormalization", [ROW + 1, ROW, ROW, ROW**2 + 1], {})],
        [("Transpose", [], {"perm": [0, 2, 1]}), ("Add", [ROW], {})],
        [("Transpose", [], {"perm": [0, 2, 1]}), ("Mul", [ROW - 1], {}), ("Sub", [ROW], {})],
        [("Flatten", [], {}), ("Add", [np.repeat(ROW, 7)], {})],
    ],
    ids=["batch norm of a line", "bias on the last axis", "gain and offset", "flattened"],
)
def test_a_moved_sum_takes_constants_of_its_channels_in(after):
    graph = nc.load_graph(convolved_line(*after))
    kinds = [type(layer).__name__ for layer in graph.layers]
    assert "Lookup" not in kinds
    (layer,) = (each for each in graph.layers if type(each).__name__ == "Convolution")
    assert layer.bias.any()
    real = samples(1, (4, 9))
    ours = graph.finish(graph.evaluate(graph.quantize(real))[graph.output.name])
    theirs = oracle_onnxruntime.run(convolved_line(*after), real)
    # onnxruntime adds and multiplies in float32, after the sums: a level apart in ties.
    np.testing.assert_allclose(ours, theirs, atol=1.01 * float(OUTPUT[0]))
    assert (ours != theirs).mean() < 0.01


def test_a_constant_that_differs_within_a_channel_is_refused():
    told = refusal(
        convolved_line(("Flatten", [], {}), ("Add", [np.arange(42, dtype=np.float32)], {}))
    )
    assert "Add at" in told


@pytest.mark.parametrize("shape", [(3, 1), (1, 3, 1)])
def test_a_bias_along_the_samples_is_refused(shape):
    writer, source = start()
    flat = writer.node("Flatten", [writer.dequantize(source)])
    kernel = [np.ones((192, 3), np.int8), np.float32(0.002), np.int8(0)]
    real_kernel = writer.node("DequantizeLinear", [*map(writer.constant, kernel)])
    real = writer.node("Gemm", [flat, real_kernel, writer.constant(np.ones(shape, np.float32))])
    told = refusal(finish(writer, writer.quantize(real, *OUTPUT)))
    assert f"its bias has shape {list(shape)} for 3 output channels" in told


def test_an_int32_bias_of_one_number_is_that_of_every_output():
    writer, source = start()
    flat = writer.node("Flatten", [writer.dequantize(source)])
    kernel = [np.ones((192, 3), np.int8), np.float32(0.002), np.int8(0)]
    real_kernel = writer.node("DequantizeLinear", [*map(writer.constant, kernel)])
    scale = np.float32(np.float32(0.031) * np.float32(0.002))
    bias = writer.node(
        "DequantizeLinear", [*map(writer.constant, (np.int32(700), scale, np.int32(0)))]
    )
    real = writer.node("Gemm", [flat, real_kernel, bias])
    graph = nc.load_graph(finish(writer, writer.quantize(real, *OUTPUT)))
    (layer,) = (each for each in graph.layers if type(each).__name__ == "Dense")
    assert layer.bias.tolist() == [700, 700, 700]


@pytest.mark.parametrize("op_type", ["Add", "Mul"])
def test_a_constant_that_is_not_finite_is_refused(op_type):
    writer, source = start()
    real = real_convolution(writer, source)
    constant = writer.constant(np.array([1, np.nan, 2, 3], np.float32).reshape(4, 1, 1))
    real = writer.node(op_type, [real, constant])
    told = refusal(finish(writer, writer.quantize(real, *OUTPUT)))
    assert "its constant holds numbers that are not finite" in told


def test_a_bound_of_more_axes_than_the_value_is_refused():
    assert "is not one number per channel" in refusal(
        one_operator("Min", np.full((1, 1, 1, 1, 1), 0.5, np.float32))
    )


@pytest.mark.parametrize("op_type", ["Sigmoid", "Tanh", "LeakyRelu", "Elu", "GlobalAveragePool"])
def test_float_work_after_a_sum_that_is_not_quantized_is_the_hosts(op_type):
    """The head of a detector: Conv, Sigmoid, and no QuantizeLinear."""
    writer, source = start()
    model = writer.model(["n", *SHAPE], writer.node(op_type, [real_convolution(writer, source)]))
    graph = nc.load_graph(model)
    assert [op.op_type for op in graph.tail] == [op_type]
    real = samples(3)
    run = nc.simulate(nc.compile(graph, "ideal"), real, timing="none", threads=1)
    np.testing.assert_allclose(
        run.values, oracle_onnxruntime.run(model, real), rtol=1e-4, atol=1e-4
    )
