"""Rewriting a float network so that each layer is one sum and one clamp; its function stays.

onnxruntime folds constants, drops what does nothing in inference, and folds a batch norm into the
convolution before it. What it leaves is done here: a batch norm after a dense layer, or after no
weighted layer at all, and clamps that stand behind a pool or a reshape.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ..errors import ModelError, UnsupportedOpError
from ..formats import Array
from .runtime import onnxruntime, session

Vector: TypeAlias = "NDArray[np.float64]"
"""One number a channel."""

CLAMPS = frozenset({"Relu", "Clip"})
MOVERS = frozenset({"MaxPool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze"})
"""Operators that commute with a clamp, and whose output means what their input means."""
OLDEST_OPSET = 13
"""The first whose QuantizeLinear knows channels; older models are converted."""
OPSET = 17


def prepare(model: ModelProto) -> ModelProto:
    """The same function in fewer operators, with the shape of every tensor.

    Raises:
        ModelError: If onnxruntime cannot run the model, or a batch norm cannot be folded.
    """
    simple = onnx.shape_inference.infer_shapes(_simplified(_with_opset(model)))
    if any(node.op_type == "BatchNormalization" for node in simple.graph.node):
        fold_batch_norms(simple.graph)
        _drop_unused(simple.graph)
    name_means(simple.graph)
    move_clamps(simple.graph)
    _name_nodes(simple.graph)
    return simple


def fold_batch_norms(graph: GraphProto) -> None:
    """Puts every batch norm into the layer before it, or makes it a depthwise 1x1 convolution.

    Raises:
        UnsupportedOpError: If a batch norm of vectors follows no weighted layer.
    """
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    uses = _uses(graph)
    folded = []
    for node in (node for node in graph.node if node.op_type == "BatchNormalization"):
        gain, offset = _affine(node, weights)
        before = producers.get(node.input[0])
        if before is not None and uses[node.input[0]] == 1 and _absorbs(before, weights):
            _absorb(graph, before, weights, gain, offset)
            before.output[0] = node.output[0]
            producers[node.output[0]] = before
            folded.append(node)
        else:
            _make_depthwise(graph, node, gain, offset)
    for node in folded:
        graph.node.remove(node)


def name_means(graph: GraphProto) -> None:
    """Makes a mean over both axes of a map the pool it is: integer kernels know only that one."""
    ranks = {
        each.name: len(each.type.tensor_type.shape.dim)
        for each in (*graph.value_info, *graph.input)
    }
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type != "ReduceMean" or ranks.get(node.input[0]) != 4:
            nodes.append(node)
            continue
        given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        axes = given.get("axes", weights.get(node.input[1]) if len(node.input) > 1 else None)
        if axes is None or sorted(axis % 4 for axis in axes) != [2, 3]:
            nodes.append(node)
            continue
        (result,) = node.output
        vector = not given.get("keepdims", 1)
        pooled = f"{result}_pooled" if vector else result
        nodes.append(helper.make_node("GlobalAveragePool", node.input[:1], [pooled], node.name))
        if vector:
            nodes.append(helper.make_node("Flatten", [pooled], [result], f"{node.name}_flatten"))
    del graph.node[:]
    graph.node.extend(nodes)


def move_clamps(graph: GraphProto) -> None:
    """Moves every clamp before the pools and reshapes it stands behind: both are monotone moves."""
    moved = True
    while moved:
        moved = False
        uses = _uses(graph)
        producers = {
            output: position for position, node in enumerate(graph.node) for output in node.output
        }
        for position, clamp in enumerate(graph.node):
            before = producers.get(clamp.input[0]) if clamp.op_type in CLAMPS else None
            if before is None or uses[clamp.input[0]] != 1:
                continue
            mover = graph.node[before]
            if mover.op_type in MOVERS and len(mover.output) == 1:
                _swap(graph, before, position)
                moved = True
                break


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


def _affine(node: NodeProto, weights: Mapping[str, Array]) -> tuple[Vector, Vector]:
    """The factor and the offset that a batch norm has for each channel."""
    missing = [name for name in node.input[1:] if name not in weights]
    if missing:
        raise ModelError(f"batch norm {node.name!r} reads {missing[0]!r}, which is not constant")
    scale, bias, mean, variance = (weights[name].astype(np.float64) for name in node.input[1:5])
    epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
    gain = scale / np.sqrt(variance + epsilon)
    return gain, bias - mean * gain


def _absorbs(node: NodeProto, weights: Mapping[str, Array]) -> bool:
    """Whether this is a weighted layer whose weights and bias are constant."""
    if node.op_type not in ("Conv", "Gemm") or not all(n in weights for n in node.input[1:]):
        return False
    return all(each.f == 1.0 for each in node.attribute if each.name in ("alpha", "beta"))


def _absorb(
    graph: GraphProto, node: NodeProto, weights: dict[str, Array], gain: Vector, offset: Vector
) -> None:
    """Multiplies a layer's weights and bias by the gain of their channel."""
    array = weights[node.input[1]].astype(np.float64)
    transposed = any(each.name == "transB" and each.i for each in node.attribute)
    channels_last = node.op_type == "Gemm" and not transposed
    rows = gain if channels_last else gain.reshape((-1,) + (1,) * (array.ndim - 1))
    bias = weights[node.input[2]].astype(np.float64) if len(node.input) > 2 else 0.0
    constants = _constants(node.output[0], array * rows, bias * gain + offset)
    graph.initializer.extend(constants)
    weights.update((each.name, numpy_helper.to_array(each)) for each in constants)
    del node.input[1:]
    node.input.extend(each.name for each in constants)


def _make_depthwise(graph: GraphProto, node: NodeProto, gain: Vector, offset: Vector) -> None:
    """One weight and one bias a channel, as the convolution they are."""
    shapes = {value.name: value.type.tensor_type.shape.dim for value in graph.value_info}
    if len(shapes.get(node.input[0], ())) == 2:
        why = "it follows no convolution or matrix product whose weights could take it in"
        cannot = "that cannot be quantized"
        raise UnsupportedOpError("the model", {node.op_type: [(node.name, why)]}, cannot, "")
    constants = _constants(node.output[0], gain.reshape(-1, 1, 1, 1), offset)
    graph.initializer.extend(constants)
    inputs = [node.input[0], *(each.name for each in constants)]
    output, name, window = [node.output[0]], node.name, [1, 1]
    node.CopyFrom(
        helper.make_node("Conv", inputs, output, name, group=len(gain), kernel_shape=window)
    )


def _constants(stem: str, weights: Array, bias: Array) -> list[TensorProto]:
    """Folded weights and bias, named after the tensor they compute."""
    return [
        numpy_helper.from_array(array.astype(np.float32), f"{stem}_folded_{what}")
        for what, array in (("weights", weights), ("bias", bias))
    ]


def _swap(graph: GraphProto, mover_at: int, clamp_at: int) -> None:
    """From source -> mover -> clamp to source -> clamp -> mover, tensor names kept."""
    mover, clamp = NodeProto(), NodeProto()
    mover.CopyFrom(graph.node[mover_at])
    clamp.CopyFrom(graph.node[clamp_at])
    source, between, result = mover.input[0], mover.output[0], clamp.output[0]
    clamp.input[0], clamp.output[0] = source, between
    mover.input[0], mover.output[0] = between, result
    # Whatever else the mover reads was computed before it; what a clamp reads is constant.
    graph.node[mover_at].CopyFrom(clamp)
    graph.node[clamp_at].CopyFrom(mover)


def _drop_unused(graph: GraphProto) -> None:
    """Removes the constants that nothing reads any more."""
    uses = _uses(graph)
    kept = [tensor for tensor in graph.initializer if uses[tensor.name]]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _uses(graph: GraphProto) -> Counter[str]:
    """How often each tensor is read; being an output of the model counts."""
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(output.name for output in graph.output)
    return uses


def _name_nodes(graph: GraphProto) -> None:
    """Gives a name to every node that has none: layers are told apart by it."""
    taken = {node.name for node in graph.node}
    for node in graph.node:
        if not node.name:
            name = node.output[0]
            node.name = name if name not in taken else f"{name}_{node.op_type}"
            taken.add(node.name)
