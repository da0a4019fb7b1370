"""Rewriting a float network so that each layer is one sum and one clamp; its function stays.

onnxruntime folds constants, drops what does nothing in inference, and folds a batch norm into the
convolution before it. What it leaves is done in `batch_norm` and `moves`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
from onnx import ModelProto

from ..errors import ModelError
from .batch_norm import drop_unused, fold_batch_norms
from .exports import name_nodes, part_shared_weights, tidy
from .moves import move_clamps, rename_pools, restore_hard_swish
from .products import plain_products
from .runtime import first_line, onnxruntime, session

OLDEST_OPSET = 13
"""The first whose QuantizeLinear knows channels; older models are converted."""
OPSET = 17
FIRST_HARD_SWISH = 14
"""The first opset that has HardSwish."""
UNWANTED = ["MatMulAddFusion"]
"""It makes a Gemm of a product of maps, between Reshapes that put samples and rows in one axis."""


def prepare(model: ModelProto, output: str | None = None) -> ModelProto:
    """The same function in fewer operators, with the shape of every tensor.

    Args:
        model: A float model; it is changed.
        output: The output to compute, of several.

    Raises:
        ModelError: If onnxruntime cannot run the model, or a batch norm cannot be folded.
    """
    tidy(model, output)
    prepared = onnx.shape_inference.infer_shapes(_simplified(_with_opset(model)))
    graph = prepared.graph
    name_nodes(graph)
    before = [node.SerializeToString() for node in graph.node]
    part_shared_weights(graph)
    plain_products(graph)
    if any(node.op_type == "BatchNormalization" for node in graph.node):
        fold_batch_norms(graph)
    if _opset(prepared) >= FIRST_HARD_SWISH:
        restore_hard_swish(graph)
    rename_pools(graph)
    move_clamps(graph)
    drop_unused(graph)
    name_nodes(graph)
    if before == [node.SerializeToString() for node in graph.node]:
        return prepared
    del graph.value_info[:]
    return onnx.shape_inference.infer_shapes(prepared)


def _with_opset(model: ModelProto) -> ModelProto:
    opset = _opset(model)
    newest = onnx.defs.onnx_opset_version()
    if opset > newest:
        raise ModelError(
            f"the model is of opset {opset}, newer than any that is known here ({newest})",
            hint=f"export the model again with opset {OPSET}",
        )
    if opset >= OLDEST_OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:
        raise ModelError(
            f"opset {opset} cannot be converted to {OPSET}: {first_line(error)}",
            hint=f"export the model again with opset {OPSET}",
        ) from None


def _opset(model: ModelProto) -> int:
    return next((int(each.version) for each in model.opset_import if each.domain == ""), 1)


def _simplified(model: ModelProto) -> ModelProto:
    """The model after onnxruntime's optimizations that hold on every machine."""
    package = onnxruntime()
    options = package.SessionOptions()
    options.graph_optimization_level = package.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "simplified.onnx"
        options.optimized_model_filepath = str(path)
        session(model, options, disabled_optimizers=UNWANTED)
        simple = onnx.load(path)
    domains = {node.domain for node in simple.graph.node} | {""}
    kept = [opset for opset in simple.opset_import if opset.domain in domains]
    del simple.opset_import[:]
    simple.opset_import.extend(kept)
    return simple
