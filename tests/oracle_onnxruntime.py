"""onnxruntime with the options under which it computes the contract: fused integer kernels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from neurochip.graph import Graph
from qoperator import offset, qoperator_model

CONTRACT = (1, 31)
"""The release whose kernels are the contract; Python 3.10 still gets an older one."""


def is_current() -> bool:
    """Whether the installed release is the contract's or a later one."""
    major, minor, *_ = onnxruntime.__version__.split(".")
    return (int(major), int(minor)) >= CONTRACT


def has_vnni() -> bool:
    """Whether u8 x s8 products are summed without saturation on this machine."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags


def session(model: ModelProto | bytes | str | os.PathLike[str]) -> onnxruntime.InferenceSession:
    """A session whose Conv, Gemm, Add and GlobalAveragePool are integer kernels."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if isinstance(model, ModelProto):
        model = model.SerializeToString()
    if not isinstance(model, bytes):
        model = Path(model).read_bytes()
    # The two options exclude each other: the second has no kernels for int8 activations.
    if has_vnni() or _int8_activations(model):
        options.add_session_config_entry("session.qdqisint8allowed", "1")
    else:
        options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(
    model: ModelProto | bytes | str | os.PathLike[str], samples: NDArray[np.generic]
) -> NDArray[np.generic]:
    """The model's first output; one sample at a time where the model fixes their number."""
    oracle = session(model)
    (info,) = oracle.get_inputs()
    if isinstance(info.shape[0], int):
        parts = [oracle.run(None, {info.name: sample[None]})[0] for sample in samples]
        return np.concatenate(parts)
    return np.asarray(oracle.run(None, {info.name: samples})[0])


def _int8_activations(data: bytes) -> bool:
    model = ModelProto.FromString(data)
    signed = {t.name for t in model.graph.initializer if t.data_type == TensorProto.INT8}
    return any(
        node.op_type == "QuantizeLinear" and len(node.input) > 2 and node.input[2] in signed
        for node in model.graph.node
    )


def layer_by_layer(graph: Graph, samples: NDArray[np.generic]) -> dict[str, tuple[int, int]]:
    """How many codes of how many differ from onnxruntime's integer kernels, by tensor."""
    codes = graph.evaluate(graph.quantize(samples))
    oracle = session(qoperator_model(graph))
    feed = (codes[graph.input.name].astype(np.int16) + offset(graph.input)).astype(np.uint8)
    names = [layer.output.name for layer in graph.layers]
    results = oracle.run(names, {graph.input.name: feed})
    differences = {}
    for layer, theirs in zip(graph.layers, results, strict=True):
        ours = codes[layer.output.name].astype(np.int64) + offset(layer.output)
        differences[layer.output.name] = int((ours != theirs).sum()), int(ours.size)
    return differences
