"""Reading an ONNX file that may have come from anyone.

External data must lie in the model's folder, and must be there in full before any of it is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.external_data_helper import (
    ExternalDataInfo,
    load_external_data_for_tensor,
    uses_external_data,
)
from onnx.inliner import inline_local_functions

from ..errors import ModelError, NeurochipError
from ..files import reason, refuse_lfs_pointer
from ..formats import Array

PathOrModel: TypeAlias = "str | os.PathLike[str] | bytes | ModelProto"


def read_model(model: PathOrModel) -> tuple[ModelProto, str]:
    """The parsed model with all its data, and its name.

    Raises:
        ModelError: If there is no such file, it is not ONNX, or data is missing.
    """
    if isinstance(model, ModelProto):
        proto, name, folder = model, model.graph.name or "model", None
    elif isinstance(model, bytes):
        proto, folder = _parse(model, "the model"), None
        name = proto.graph.name or "model"
    else:
        path = Path(model)
        proto, name, folder = _parse(_read(path), f"'{path}'"), path.stem, path.parent
    for tensor in _tensors(proto):
        if uses_external_data(tensor):
            _load_external(tensor, folder)
    if proto.functions:
        with _damaged("the model's functions"):
            proto = inline_local_functions(proto)
    return proto, name


@contextmanager
def _damaged(what: str) -> Iterator[None]:
    """Turns what the libraries below raise into one error: there is no end to what it may be."""
    try:
        yield
    except NeurochipError:
        raise
    except Exception as error:
        told = str(error) or type(error).__name__
        raise ModelError(f"{what} cannot be read: {told.splitlines()[0]}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a path with a NUL is a ValueError
        told = reason(error) if isinstance(error, OSError) else str(error)
        raise ModelError(f"cannot read model '{path}': {told}") from None


def _parse(data: bytes, what: str) -> ModelProto:
    refuse_lfs_pointer(data, what, ModelError)
    proto = ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError:
        raise ModelError(f"{what} is not an ONNX model") from None
    if not proto.graph.node or not proto.opset_import:
        raise ModelError(f"{what} is not an ONNX model", hint="it holds no graph of operators")
    if not all(isinstance(name, str) for name in _names(proto.graph)):
        # Protobuf hands over as bytes what is not UTF-8.
        raise ModelError(f"{what} is damaged: it has names that are not text")
    return proto


def _names(graph: GraphProto) -> Iterator[object]:
    for each in (*graph.input, *graph.output, *graph.initializer):
        yield each.name
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _tensors(proto: ModelProto) -> Iterator[TensorProto]:
    """Every tensor of the main graph; subgraphs are refused later."""
    yield from proto.graph.initializer
    nodes: Iterator[NodeProto] = iter(proto.graph.node)
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t


def tensor_array(tensor: TensorProto) -> Array:
    """A tensor's numbers.

    Raises:
        ModelError: If its data does not fit its type and shape.
    """
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except Exception as error:  # there is no end to what a damaged tensor makes onnx raise
        told = f"its data does not fit its type and shape ({error})"
        raise ModelError(f"tensor '{tensor.name}' is damaged: {told}") from None


def _load_external(tensor: TensorProto, folder: Path | None) -> None:
    """Loads one tensor's data after checking where it lies and how long it is."""
    if folder is None:
        raise ModelError(
            f"tensor '{tensor.name}' keeps its data in another file",
            hint="load the model by its path, with the data file beside it",
        )
    with _damaged(f"the external data of tensor '{tensor.name}'"):
        _load_from(tensor, folder, ExternalDataInfo(tensor))


def _load_from(tensor: TensorProto, folder: Path, info: ExternalDataInfo) -> None:
    path = (folder / info.location).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ModelError(
            f"tensor '{tensor.name}' reads '{info.location}', outside the model's folder"
        )
    if not path.is_file():
        raise ModelError(f"tensor '{tensor.name}' needs '{info.location}', which is not there")
    needed = _expected_bytes(tensor)
    start = info.offset or 0
    held = path.stat().st_size - start
    length = needed if info.length is None else info.length
    if start < 0 or length != needed or needed > held:
        said = "" if length == needed else f"; its entry says {length} bytes"
        raise ModelError(
            f"tensor '{tensor.name}' needs {needed} bytes of '{info.location}', "
            f"which has {max(0, held)} from offset {start}{said}"
        )
    load_external_data_for_tensor(tensor, str(folder))
    tensor.data_location = TensorProto.DEFAULT
    del tensor.external_data[:]


def _expected_bytes(tensor: TensorProto) -> int:
    count = 1
    for length in tensor.dims:
        count *= length
    if tensor.data_type in (TensorProto.INT4, TensorProto.UINT4):
        return (count + 1) // 2
    return count * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
