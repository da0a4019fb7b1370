"""Rewriting a float network so that each layer is one sum and one clamp; its function stays.

onnxruntime folds constants, drops what does nothing in inference, and folds a batch norm into the
convolution before it. What it leaves is done in `batch_norm` and `moves`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto

from ..errors import ModelError
from .batch_norm import fold_batch_norms
from .moves import move_clamps, rename_means
from .runtime import onnxruntime, session

OLDEST_OPSET = 13
"""The first whose QuantizeLinear knows channels; older models are converted."""
OPSET = 17


def prepare(model: ModelProto) -> ModelProto:
    """The same function in fewer operators, with the shape of every tensor.

    Raises:
        ModelError: If onnxruntime cannot run the model, or a batch norm cannot be folded.
    """
    prepared = onnx.shape_inference.infer_shapes(_simplified(_with_opset(model)))
    graph = prepared.graph
    _name_nodes(graph)
    before = [node.SerializeToString() for node in graph.node]
    if any(node.op_type == "BatchNormalization" for node in graph.node):
        fold_batch_norms(graph)
    rename_means(graph)
    move_clamps(graph)
    if before == [node.SerializeToString() for node in graph.node]:
        return prepared
    del graph.value_info[:]
    return onnx.shape_inference.infer_shapes(prepared)


def _with_opset(model: ModelProto) -> ModelProto:
    opset = next((each.version for each in model.opset_import if each.domain == ""), 1)
    if opset >= OLDEST_OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:
        raise ModelError(
            f"opset {opset} cannot be converted to {OPSET}: {_first_line(error)}",
            hint=f"export the model again with opset {OPSET}",
        ) from None


def _simplified(model: ModelProto) -> ModelProto:
    """The model after onnxruntime's optimizations that hold on every machine."""
    package = onnxruntime()
    options = package.SessionOptions()
    options.graph_optimization_level = package.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "simplified.onnx"
        options.optimized_model_filepath = str(path)
        try:
            session(model, options)
        except Exception as error:
            raise ModelError(f"onnxruntime cannot run the model: {_first_line(error)}") from None
        simple = onnx.load(path)
    domains = {node.domain for node in simple.graph.node} | {""}
    kept = [opset for opset in simple.opset_import if opset.domain in domains]
    del simple.opset_import[:]
    simple.opset_import.extend(kept)
    return simple


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _name_nodes(graph: GraphProto) -> None:
    """Gives a name to every node that has none: layers are told apart by it."""
    taken = {node.name for node in graph.node}
    for node in graph.node:
        if not node.name:
            name = node.output[0]
            node.name = name if name not in taken else f"{name}_{node.op_type}"
            taken.add(node.name)
