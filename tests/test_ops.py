"""Each operator means what ONNX says: its own node cases, chosen by registration."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from neurochip.errors import UnsupportedOpError
from neurochip.formats import Format
from neurochip.graph import load
from neurochip.ops import REGISTRY, SUPPORTED

COMMUTING = (
    "Clip",
    "DepthToSpace",
    "Flatten",
    "Gather",
    "GlobalMaxPool",
    "Identity",
    "MaxPool",
    "Pad",
    "Relu",
    "Reshape",
    "Slice",
    "SpaceToDepth",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
"""Operators that only move, select or clamp values, so rounding before or after is the same."""

INTEGER = ("QLinearConv", "QLinearMatMul")
REFUSED = re.compile(
    "sample|one or two|slides along 3 axes|indices are used|only zero padding|is constant|no values"
)
"""What ONNX allows and a network of classifiers does not need."""

SCALE = np.float32(1 / 16)


def cases(*op_types: str) -> list[Any]:
    """ONNX's cases of single nodes."""
    chosen = []
    for op_type in op_types:
        importlib.import_module(f"onnx.backend.test.case.node.{op_type.lower()}")
        registered = importlib.import_module("onnx.backend.test.case.node")._NodeTestCases
        for case in registered:
            (node, *more) = case.model.graph.node
            if not more and node.op_type == op_type and node.domain == "":
                chosen.append(case)
    return chosen


def named(cases: Iterable[Any]) -> list[Any]:
    return [pytest.param(case, id=case.name) for case in cases]


def first_input(case: Any) -> Any:
    return case.data_sets[0][0][0]


def float_samples(case: Any) -> bool:
    real = first_input(case)
    return getattr(real, "dtype", None) == np.float32 and real.ndim >= 2


def matrices_and_maps(case: Any) -> bool:
    """Leaves out stacks of matrices, and float16 scales, whose products round differently."""
    stacked = case.model.graph.node[0].op_type == "QLinearMatMul" and first_input(case).ndim > 2
    return not stacked and case.data_sets[0][0][1].dtype == np.float32


def eight_bits_per_tensor(case: Any) -> bool:
    inputs = case.data_sets[0][0]
    if len(inputs) < 3 or any(isinstance(each, TensorProto) for each in inputs):
        return False
    return inputs[2].dtype in (np.uint8, np.int8) and inputs[1].size == 1


def baked(case: Any) -> tuple[ModelProto, np.ndarray, np.ndarray]:
    """The case's model with all inputs but the first as constants; its input and its output."""
    model = ModelProto()
    model.CopyFrom(case.model)
    inputs, outputs = case.data_sets[0]
    arrays = [
        numpy_helper.to_array(i) if isinstance(i, TensorProto) else np.asarray(i) for i in inputs
    ]
    for info, array in list(zip(model.graph.input, arrays, strict=True))[1:]:
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), info.name))
    del model.graph.input[1:]
    del model.graph.output[1:]
    return model, arrays[0], np.asarray(outputs[0])


def between_codes(model: ModelProto) -> None:
    """Puts QuantizeLinear and DequantizeLinear around the model's only node."""
    (node,) = model.graph.node
    source, result = node.input[0], node.output[0]
    node.input[0], node.output[0] = "real", "moved"
    model.graph.initializer.append(numpy_helper.from_array(SCALE, "scale"))
    model.graph.initializer.append(numpy_helper.from_array(np.uint8(99), "zero_point"))
    parameters = ["scale", "zero_point"]

    def pair(name: str, codes: str, output: str) -> list[NodeProto]:
        return [
            helper.make_node("QuantizeLinear", [name, *parameters], [codes]),
            helper.make_node("DequantizeLinear", [codes, *parameters], [output]),
        ]

    nodes = [*pair(source, "codes", "real"), node, *pair("moved", "moved_codes", result)]
    copies = [NodeProto.FromString(each.SerializeToString()) for each in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)


@pytest.mark.parametrize("case", named(filter(float_samples, cases(*COMMUTING))))
def test_moving_codes_is_moving_what_they_stand_for(case):
    model, real, expected = baked(case)
    between_codes(model)
    try:
        graph = load(model)
    except UnsupportedOpError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert REFUSED.search(refusal)
        return
    codes = graph.evaluate(graph.quantize(real))[graph.output.name]
    rounding = Format(8, False, SCALE, 99)
    np.testing.assert_array_equal(
        graph.finish(codes), rounding.dequantize(rounding.quantize(expected))
    )


@pytest.mark.parametrize("case", named(filter(matrices_and_maps, cases(*INTEGER))))
def test_integer_operators_agree_with_onnx(case):
    model, codes, expected = baked(case)
    graph = load(model)
    result = graph.finish(graph.evaluate(graph.quantize(codes))[graph.output.name])
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("case", named(filter(eight_bits_per_tensor, cases("QuantizeLinear"))))
def test_quantizing_agrees_with_onnx(case):
    (real, scale, zero_point), (expected,) = case.data_sets[0]
    signed = zero_point.dtype == np.int8
    rounding = Format(8, signed, np.float32(scale.item()), int(zero_point.item()))
    np.testing.assert_array_equal(rounding.quantize(real), expected)


def test_every_operator_is_listed_once_and_in_order():
    assert list(SUPPORTED) == sorted(REGISTRY)


def test_quantization_rounds_half_to_even_and_adds_the_zero_point_after():
    rounding = Format(8, False, np.float32(1), 3)
    np.testing.assert_array_equal(
        rounding.quantize(np.array([-9, -0.5, 0.5, 1.5, 2.5, 999])), [0, 3, 3, 5, 5, 255]
    )
