"""Opsets: an operator means what the opset of its model says, at every opset that changed it.

The judge is onnxruntime on the same model. Opsets before 10 have no QuantizeLinear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import NodeProto, TensorProto, defs, helper, numpy_helper

import neurochip as nc
import oracle_onnxruntime
from neurochip.ops import SUPPORTED
from neurochip.ops.reference import evaluated

FIRST, LAST = 10, 23
SCALE, ZERO = np.float32(0.1), np.uint8(128)

Arrays = list[np.ndarray | None]


@dataclass
class Case:
    """An operator on dequantized values of a shape, with constants as its other inputs."""

    shape: tuple[int, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    constants: Arrays = field(default_factory=list)
    outputs: int = 1
    is_tail: bool = False
    """Whether the host computes it from the output, so that it is not quantized again."""
    weights: bool = False
    """Whether the first constant is the quantized weights."""


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def reals(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def axes_case(shape: tuple[int, ...], axes: list[int], since: int) -> Callable[[int], Case]:
    """Axes are an attribute before an opset, and an input from it on."""
    return lambda opset: (
        Case(shape, {"axes": axes}) if opset < since else Case(shape, {}, [ints(*axes)])
    )


WEIGHTS = np.random.default_rng(0).integers(-100, 100, (4, 3, 2, 2)).astype(np.int8)
AXES = ints(2, 3)
MATRIX = np.random.default_rng(1).integers(-100, 100, (6, 5)).astype(np.int8)


def sizes_case(shape: tuple[int, ...], sizes: list[int], **attributes: Any) -> Any:
    """Of a Resize by sizes, which it has from opset 11 on; without `roi` only from 13 on."""
    nothing = np.zeros(0, np.float32)
    return lambda opset: (
        None
        if opset < 11
        else Case(shape, attributes, [nothing, nothing if opset < 13 else None, ints(1, *sizes)])
    )


def scales_case(shape: tuple[int, ...], scales: list[float], **attributes: Any) -> Any:
    given, nothing = reals(1, *scales), np.zeros(0, np.float32)
    return lambda opset: (
        Case(shape, {}, [given]) if opset < 11 else Case(shape, attributes, [nothing, given])
    )


SIMPLE = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
RESIZES = [
    scales_case((2, 3, 4), [1, 2, 2], **SIMPLE),
    scales_case((2, 3, 4), [1, 1.5, 3]),
    scales_case((2, 7, 5), [1, 0.6, 0.4]),
    sizes_case((2, 7, 5), [2, 4, 11], nearest_mode="round_prefer_ceil"),
    sizes_case((2, 7, 5), [2, 9, 3], nearest_mode="ceil"),
    sizes_case((2, 7, 5), [2, 13, 1], coordinate_transformation_mode="pytorch_half_pixel"),
    sizes_case((2, 7, 5), [2, 4, 11], coordinate_transformation_mode="align_corners"),
    scales_case((2, 10, 10), [1, 0.7, 0.9]),
    scales_case((2, 6, 6), [1, 1.1, 1.15]),
    lambda opset: (
        None if opset < 18 else Case((2, 7, 5), {"axes": [2, 3]}, [None, reals(1.3, 0.7)])
    ),
]
if oracle_onnxruntime.is_current():  # releases before round half-way coordinates otherwise
    RESIZES += [
        sizes_case((3, 14, 20), [3, 19, 26]),
        sizes_case((3, 14, 18), [3, 31, 21]),
        sizes_case(
            (2, 7, 7),
            [2, 4, 8],
            coordinate_transformation_mode="asymmetric",
            nearest_mode="round_prefer_ceil",
        ),
    ]

CASES: dict[str, list[Callable[[int], Case]]] = {
    "Abs": [lambda opset: Case((4,))],
    "Celu": [lambda opset: Case((4,), {"alpha": 0.7}) if opset >= 12 else None],
    "Elu": [lambda opset: Case((4,), {"alpha": 0.7})],
    "Max": [
        lambda opset: Case((3, 2, 2), {}, [np.float32(1.5)]),
        lambda opset: Case((3, 2, 2), {}, [reals(1.5, -3, 2).reshape(3, 1, 1)]),
    ],
    "Min": [
        lambda opset: Case((3, 2, 2), {}, [np.float32(1.5)]),
        lambda opset: Case((3, 2, 2), {}, [reals(1.5, -3, 2).reshape(3, 1, 1)]),
    ],
    "Mish": [lambda opset: Case((4,)) if opset >= 18 else None],
    "Neg": [lambda opset: Case((4,))],
    "PRelu": [
        lambda opset: Case((3, 2, 2), {}, [reals(0.1, -0.5, 1.5).reshape(3, 1, 1)]),
        lambda opset: Case((4,), {}, [reals(0.25)]),
    ],
    "Resize": RESIZES,
    "Selu": [lambda opset: Case((4,))],
    "Softplus": [lambda opset: Case((4,))],
    "Softsign": [lambda opset: Case((4,))],
    "ThresholdedRelu": [lambda opset: Case((4,), {"alpha": 2.0})],
    "Upsample": [lambda opset: Case((2, 3, 4), {}, [reals(1, 1, 2, 3)]) if opset < 10 else None],
    "Add": [lambda opset: Case((3, 2, 2), {}, [np.float32(1.5)])],
    "ArgMax": [lambda opset: Case((3, 2, 2), {"axis": 1, "keepdims": 0}, is_tail=True)],
    "AveragePool": [
        lambda opset: Case((2, 5, 5), {"kernel_shape": [5, 5]}),
        lambda opset: Case((2, 6), {"kernel_shape": [6]}),
    ],
    "Clip": [
        lambda opset: (
            Case((4,), {"min": -1.0, "max": 2.0})
            if opset < 11
            else Case((4,), {}, [np.float32(-1), np.float32(2)])
        ),
        lambda opset: (
            Case((4,), {"max": 2.0}) if opset < 11 else Case((4,), {}, [None, np.float32(2)])
        ),
    ],
    "Conv": [lambda opset: Case((3, 5, 5), {"strides": [2, 1]}, [WEIGHTS], weights=True)],
    "DepthToSpace": [
        lambda opset: Case((8, 2, 2), {"blocksize": 2}),
        lambda opset: Case((8, 2, 2), {"blocksize": 2} | ({"mode": "CRD"} if opset > 10 else {})),
    ],
    "Div": [lambda opset: Case((3, 2, 2), {}, [np.float32(1.5)])],
    "Dropout": [
        lambda opset: (
            Case((4,), {"ratio": 0.5}) if opset < 12 else Case((4,), {}, [np.float32(0.5)])
        )
    ],
    "Exp": [lambda opset: Case((3,), is_tail=True)],
    "Flatten": [
        lambda opset: Case((1, 2, 3), {"axis": 2}),
        lambda opset: Case((4, 2, 3)),
    ],
    "Gather": [lambda opset: Case((4, 3), {"axis": 1}, [ints(2, 0, -1)])],
    "Gemm": [
        lambda opset: Case(
            (6,), {"alpha": 0.5}, [MATRIX, *([reals(*[0] * 5)] if opset < 11 else [])], weights=True
        )
    ],
    "GlobalAveragePool": [lambda opset: Case((3, 4, 4))],
    "GlobalMaxPool": [lambda opset: Case((3, 4, 4))],
    "HardSigmoid": [lambda opset: Case((4,), {"alpha": 0.3, "beta": 0.4})],
    "HardSwish": [lambda opset: Case((4,)) if opset >= 14 else None],
    "Identity": [lambda opset: Case((4,))],
    "LeakyRelu": [lambda opset: Case((4,), {"alpha": 0.3})],
    "Log": [lambda opset: None],  # of what can be negative
    "LogSoftmax": [
        lambda opset: Case((3, 2, 2), {"axis": 1}, is_tail=True),
        lambda opset: Case((3, 4), {"axis": -1}, is_tail=True),
        lambda opset: Case((3, 2, 2), is_tail=True),
    ],
    "MatMul": [lambda opset: Case((6,), {}, [MATRIX], weights=True)],
    "MaxPool": [
        lambda opset: Case(
            (2, 5, 5),
            {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1, "pads": [1, 1, 0, 0]},
        )
    ],
    "Mul": [lambda opset: Case((3, 2, 2), {}, [np.float32(1.5)])],
    "Pad": [
        lambda opset: (
            Case((3, 2, 2), {"pads": [0, 0, 1, 0, 0, 0, 0, 2]})
            if opset < 11
            else Case((3, 2, 2), {}, [ints(0, 0, 1, 0, 0, 0, 0, 2)])
        ),
        lambda opset: (
            Case((3, 2, 2), {}, [ints(1, 0, 0, 2), None, ints(2, 3)]) if opset >= 18 else None
        ),
    ],
    "ReduceMean": [
        axes_case((3, 4, 4), [2, 3], 18),
        axes_case((3, 4, 4), [-1, -2], 18),
        axes_case((3, 4, 5), [2], 18),
        axes_case((3, 4), [1], 18),
        axes_case((6,), [-1], 18),
        axes_case((3, 4, 5), [1, 3], 18),
    ],
    "Relu": [lambda opset: Case((4,))],
    "Reshape": [
        lambda opset: Case((3, 2, 2), {}, [ints(0, 0, -1)]),
        lambda opset: Case((3, 2, 2), {}, [ints(0, 12)]),
    ],
    "Sigmoid": [lambda opset: Case((4,))],
    "Slice": [
        lambda opset: Case((3, 4, 4), {}, [ints(0), ints(-1), ints(2)]),
        lambda opset: Case((3, 5, 4), {}, [ints(-1), ints(-9), ints(2), ints(-2)]),
    ],
    "Softmax": [
        lambda opset: Case((3, 2, 2), {"axis": 1}, is_tail=True),
        lambda opset: Case((3, 4), {"axis": -1}, is_tail=True),
        lambda opset: Case((3, 2, 2), is_tail=True),
        lambda opset: Case((5,), is_tail=True),
    ],
    "SpaceToDepth": [lambda opset: Case((2, 4, 4), {"blocksize": 2})],
    "Split": [
        lambda opset: (
            Case((4, 2, 2), {"axis": 1, "split": [1, 3]}, outputs=2)
            if opset < 13
            else Case((4, 2, 2), {"axis": 1}, [ints(1, 3)], outputs=2)
        ),
        lambda opset: (
            Case((5, 2), {"axis": 1, "num_outputs": 2}, outputs=2) if opset >= 18 else None
        ),
    ],
    "Sqrt": [lambda opset: None],  # of what can be negative
    "Squeeze": [axes_case((1, 4), [1], 13), lambda opset: Case((1, 4))],
    "Sub": [lambda opset: Case((3, 2, 2), {}, [np.float32(1.5)])],
    "Tanh": [lambda opset: Case((4,))],
    "Transpose": [lambda opset: Case((3, 2, 4), {"perm": [0, 2, 3, 1]})],
    "Unsqueeze": [axes_case((4,), [1], 13), axes_case((4,), [2, -1], 13)],
}

ON_CONSTANTS: dict[str, list[Callable[[int], tuple[dict[str, Any], Arrays]]]] = {
    "Cast": [lambda opset: ({"to": TensorProto.INT64}, [reals(1.5, -2.5)])],
    "Concat": [lambda opset: ({"axis": 0}, [ints(1, 2), ints(3)])],
    "ConstantOfShape": [lambda opset: ({}, [ints(2, 3)])],
    "Equal": [lambda opset: ({}, [ints(1, 2), ints(1, 3)])],
    "Expand": [lambda opset: ({}, [reals(1, 2), ints(3, 2)])],
    "Floor": [lambda opset: ({}, [reals(1.5, -1.5)])],
    "Log": [lambda opset: ({}, [reals(0.5, 2)])],
    "Neg": [lambda opset: ({}, [reals(0.5, -2)])],
    "Range": [lambda opset: ({}, [np.array(1), np.array(9), np.array(3)])],
    "ReduceProd": [
        lambda opset: (
            ({"axes": [0], "keepdims": 0}, [reals(1, 2, 3)])
            if opset < 18
            else ({"keepdims": 0}, [reals(1, 2, 3), ints(0)])
        )
    ],
    "Shape": [
        lambda opset: ({}, [np.zeros((2, 3, 4), np.float32)]),
        lambda opset: (
            ({"start": 1, "end": -1} if opset >= 15 else {}), [np.zeros((2, 3, 4), np.float32)]
        ),
    ],
    "Size": [lambda opset: ({}, [np.zeros((2, 3), np.float32)])],
    "Sqrt": [lambda opset: ({}, [reals(4, 2)])],
    "Tile": [lambda opset: ({}, [ints(1, 2), ints(3)])],
    "Where": [lambda opset: ({}, [np.array([True, False]), ints(1, 2), ints(3, 4)])],
}  # fmt: skip

ELSEWHERE = {
    "BatchNormalization": "behind a Conv, in test_graph_dialects.py",
    "Constant": "it has no inputs",
    "DequantizeLinear": "in every case here",
    "QuantizeLinear": "in every case here",
    "QLinearConv": "one version only",
    "QLinearMatMul": "ONNX's own cases, in test_ops.py",
}


def changed_at(op_type: str) -> list[int]:
    """The first opset with QuantizeLinear, and each later one that changed the operator."""
    history = {
        schema.since_version
        for schema in defs.get_all_schemas_with_history()
        if schema.name == op_type and schema.domain == ""
    }
    later = {version for version in history if FIRST < version <= LAST}
    return sorted({max(FIRST, min(history)), *later, *(version - 1 for version in later)} - {9})


def drawn(table: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(op_type, opset, build, id=f"{op_type}-{opset}-{number}")
        for op_type, builds in table.items()
        for opset in changed_at(op_type)
        for number, build in enumerate(builds)
        if build(opset) is not None
    ]


def model_of(op_type: str, opset: int, case: Case) -> Any:
    constants: dict[str, np.ndarray] = {"s": np.asarray(SCALE), "z": np.asarray(ZERO)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
    ]
    names = ["d"]
    for number, constant in enumerate(case.constants):
        name = f"c{number}" if constant is not None else ""
        if constant is not None:
            constants[name] = np.asarray(constant)
        if case.weights and number == 0:
            constants |= {"ws": np.float32(0.01).reshape(()), "wz": np.zeros((), np.int8)}
            nodes.append(helper.make_node("DequantizeLinear", [name, "ws", "wz"], ["w"]))
            name = "w"
        names.append(name)
    results = ["r", *(f"r{number}" for number in range(1, case.outputs))]
    nodes.append(helper.make_node(op_type, names, results, name="op", **case.attributes))
    if case.is_tail:
        nodes.append(helper.make_node("Identity", ["r"], ["y"]))
    else:
        nodes.append(helper.make_node("QuantizeLinear", ["r", "s", "z"], ["q2"]))
        nodes.append(helper.make_node("DequantizeLinear", ["q2", "s", "z"], ["y"]))
    element = TensorProto.INT64 if op_type == "ArgMax" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *case.shape])],
        [helper.make_tensor_value_info("y", element, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7 if opset < 15 else 10)


def session_of(model: Any) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def test_every_operator_has_its_cases_or_is_tested_elsewhere():
    own = {name for name in SUPPORTED if not name.startswith("com.microsoft")}
    assert own - CASES.keys() - ON_CONSTANTS.keys() - ELSEWHERE.keys() == set()


@pytest.mark.parametrize(("op_type", "opset", "build"), drawn(CASES))
def test_an_operator_means_what_its_opset_says(op_type, opset, build):
    case = build(opset)
    model = model_of(op_type, opset, case)
    try:
        session = session_of(model)
    except Exception as error:
        pytest.skip(f"onnxruntime has no kernel: {str(error)[:80]}")
    x = np.random.default_rng(opset).uniform(-12, 12, (4, *case.shape)).astype(np.float32)
    expected = np.concatenate([session.run(None, {"x": sample[None]})[0] for sample in x])
    graph = nc.load_graph(model)
    run = nc.simulate(nc.compile(graph, "ideal"), x, timing="none", threads=1)
    assert not run.compiled_agreement.differing.any()
    values = np.asarray(run.values).reshape(expected.shape)
    # Means are rounded once here, in float32 there: a level apart in ties.
    levels = SCALE if op_type in ("ReduceMean", "AveragePool", "GlobalAveragePool") else 0
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6 + levels)


@pytest.mark.parametrize(("op_type", "opset", "build"), drawn(ON_CONSTANTS))
def test_an_operator_on_constants_means_what_its_opset_says(op_type, opset, build):
    attributes, arrays = build(opset)
    names = [f"i{number}" for number in range(len(arrays))]
    node: NodeProto = helper.make_node(op_type, names, ["o"], **attributes)
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in zip(names, arrays, strict=True)
    ]
    (result,) = evaluated(node, opset, arrays)
    output = helper.make_tensor_value_info("o", helper.np_dtype_to_tensor_dtype(result.dtype), None)
    model = helper.make_model(
        helper.make_graph([node], "g", inputs, [output]),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=7 if opset < 15 else 10,
    )
    try:
        session = session_of(model)
    except Exception as error:
        pytest.skip(f"onnxruntime has no kernel: {str(error)[:80]}")
    (expected,) = session.run(None, dict(zip(names, arrays, strict=True)))
    np.testing.assert_array_equal(result, expected)
