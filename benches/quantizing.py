"""Architectures as uint8 QDQ graphs: their ranges are known, onnxruntime rewrites them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from architectures import Architecture
from onnx import ModelProto
from onnxruntime.quantization import (
    CalibrationMethod,
    QDQQuantizer,
    QuantType,
    TensorsData,
)

QUANTIZED = ("Conv", "Gemm", "Add", "MaxPool", "GlobalAveragePool", "Relu", "Flatten")


def quantized(architecture: Architecture) -> ModelProto:
    """The network with uint8 activations, zero point 0 after ReLU, int8 weights per tensor."""
    folded = onnx.shape_inference.infer_shapes(_folded(architecture.model))
    extremes = {
        name: (np.float32(low), np.float32(high))
        for name, (low, high) in architecture.ranges.items()
    }
    quantizer = QDQQuantizer(
        folded,
        False,
        False,
        QuantType.QInt8,
        QuantType.QUInt8,
        TensorsData(CalibrationMethod.MinMax, extremes),
        [],
        [],
        QUANTIZED,
        {},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    model: ModelProto = quantizer.model.model
    return model


def _folded(model: ModelProto) -> ModelProto:
    """The model with every batch norm inside the convolution before it."""
    if not any(node.op_type == "BatchNormalization" for node in model.graph.node):
        return model
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        data = model.SerializeToString()
        onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return onnx.load(path)
