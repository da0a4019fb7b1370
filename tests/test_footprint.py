"""How many files one convolution passes on its way from an ONNX node to the rows of a report."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import neurochip as nc

PACKAGE = Path(nc.__file__).parent

MOST = 76
"""Files; who makes it fewer lowers this. Each room is to be small enough to be read at once."""


@pytest.fixture(scope="module")
def model():
    """One convolution between QuantizeLinear and DequantizeLinear."""
    scale = np.float32(0.02)
    constants = {
        "scale": scale, "zero": np.uint8(3),
        "weights": np.arange(-18, 18, dtype=np.int8).reshape(4, 1, 3, 3),
        "weight_scale": np.float32(0.05), "weight_zero": np.int8(0),
        "bias": np.int32([-50, 0, 20, 50]), "bias_scale": scale * np.float32(0.05),
        "bias_zero": np.int32(0), "output_scale": np.float32(0.03), "output_zero": np.uint8(7),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["real"]),
        helper.make_node("DequantizeLinear", ["weights", "weight_scale", "weight_zero"], ["w"]),
        helper.make_node("DequantizeLinear", ["bias", "bias_scale", "bias_zero"], ["b"]),
        helper.make_node("Conv", ["real", "w", "b"], ["sum"], kernel_shape=[3, 3]),
        helper.make_node("QuantizeLinear", ["sum", "output_scale", "output_zero"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "output_scale", "output_zero"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "convolution", [x], [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def reported(model) -> str:
    image = nc.compile(nc.load_graph(model), "tiny")
    samples = np.linspace(0, 1, 192, dtype=np.float32).reshape(3, 1, 8, 8)
    return str(nc.report(nc.simulate(image, samples)))


def files_entered(call, *arguments) -> set[str]:
    """The files of the package of which a function is entered."""
    files = set()

    def enter(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_name != "<module>":
            files.add(code.co_filename)

    sys.setprofile(enter)
    try:
        call(*arguments)
    finally:
        sys.setprofile(None)
    paths = (Path(file) for file in files)
    return {str(path.relative_to(PACKAGE)) for path in paths if path.is_relative_to(PACKAGE)}


def test_one_convolution_passes_few_files_on_its_way_to_the_report(model):
    assert "cores" in reported(model)  # imports all that is needed: only calls are counted
    files = sorted(files_entered(reported, model))
    assert {"ops/weighted.py", "layers/weighted.py", "report/table.py"} <= set(files)
    assert len(files) <= MOST, "\n".join(files)
