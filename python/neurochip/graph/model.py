"""The model before it is walked: read from its file, its nodes in order, its samples.

A file may have come from anyone: external data must lie in the model's folder, and must be there in
full before any of it is read. An exporter of speech networks writes models of one sample, whose
first node adds the axis of the samples and whose last removes it: the input is (time, features),
and nothing counts samples. They are read as if the axis were there from the input to the output.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import TypeAlias

import numpy as np
from google.protobuf.message import DecodeError
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)
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


def needed(graph: GraphProto, outputs: Sequence[str]) -> list[NodeProto]:
    """The nodes that outputs depend on, each after those it reads from.

    A file may list its nodes in any order; where several can be next, the first of the file is.

    Raises:
        ModelError: If two nodes compute one tensor, nodes depend on their own results, or an output
            is computed by no node.
    """
    producers = _producers(graph)
    for output in outputs:
        if output not in producers:
            raise ModelError(
                f"the model's output '{output}' is computed by no node",
                hint="name another with `--output-tensor NAME`, or `output_tensor=` in Python",
            )
    wanted = [producers[output] for output in outputs]
    waits_for: dict[int, set[int]] = {}
    while wanted:
        node = wanted.pop()
        if node not in waits_for:
            waits_for[node] = {producers[t] for t in graph.node[node].input if t in producers}
            wanted += waits_for[node]
    return [graph.node[node] for node in _sorted(graph, waits_for)]


def _producers(graph: GraphProto) -> dict[str, int]:
    """By tensor: the position of the node that computes it."""
    producers: dict[str, int] = {}
    for position, node in enumerate(graph.node):
        for tensor in filter(None, node.output):
            first = producers.setdefault(tensor, position)
            if first != position:
                names = f"{_name(graph.node[first])} and {_name(node)}"
                raise ModelError(
                    f"tensor '{tensor}' is computed by two nodes, {names}",
                    hint="export the model again: every tensor has one node that computes it",
                )
    return producers


def _sorted(graph: GraphProto, waits_for: dict[int, set[int]]) -> list[int]:
    """Kahn's algorithm; of the nodes that could be next, it takes the first of the file."""
    readers: dict[int, list[int]] = {node: [] for node in waits_for}
    for node, sources in waits_for.items():
        for source in sources:
            readers[source].append(node)
    missing = {node: len(sources) for node, sources in waits_for.items()}
    ready = [node for node, count in missing.items() if count == 0]
    heapify(ready)
    order = []
    while ready:
        node = heappop(ready)
        order.append(node)
        for reader in readers[node]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heappush(ready, reader)
    if len(order) < len(waits_for):
        stuck = min(node for node, count in missing.items() if count)
        raise ModelError(
            f"node {_name(graph.node[stuck])} waits for a result that depends on its own",
            hint="export the model again: its graph has a cycle",
        )
    return order


def _name(node: NodeProto) -> str:
    return f"'{node.name or next(iter(node.output), '')}' ({node.op_type})"


BATCH = 1


def only_input(graph: GraphProto) -> ValueInfoProto:
    """The one input that is no constant.

    Raises:
        ModelError: If there is none, or there are more.
    """
    constants = {tensor.name for tensor in graph.initializer}
    inputs: list[ValueInfoProto] = [i for i in graph.input if i.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(repr(info.name) for info in inputs) or "none"
        raise ModelError(f"the model has {len(inputs)} inputs, expected one: {names}")
    return inputs[0]


def names_of_outputs(graph: GraphProto, asked_for: str | None) -> list[str]:
    """The outputs that are computed: the one asked for, or all of them.

    Raises:
        ModelError: If there is none.
    """
    outputs = list(dict.fromkeys(str(info.name) for info in graph.output))
    if not outputs:
        raise ModelError("the model has no output", hint="export it again with its output")
    if asked_for is not None and asked_for not in outputs:
        names = ", ".join(map(repr, outputs))
        raise ModelError(f"no output is called {asked_for!r}; the model's are: {names}")
    return outputs if asked_for is None else [asked_for]


def with_sample_axis(
    proto: ModelProto, shapes: Mapping[str, Sequence[int]]
) -> tuple[ModelProto, Mapping[str, Sequence[int]]]:
    """The model with an axis for samples, and the shapes given for its input with that axis.

    Both as they are, if the input's only reader is not an Unsqueeze of the first axis.
    """
    graph = proto.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [info for info in graph.input if info.name not in constants]
    readers = [node for node in graph.node if inputs and inputs[0].name in node.input]
    if len(inputs) != 1 or len(readers) != 1 or 0 not in _axes(graph, readers[0], "Unsqueeze"):
        return proto, shapes
    made = ModelProto()
    made.CopyFrom(proto)
    _add_axis(made.graph, inputs[0].name)
    ends = {info.name for info in made.graph.output}
    for node in made.graph.node:
        adds = inputs[0].name in node.input
        removes = any(name in ends for name in node.output) and 0 in _axes(
            made.graph, node, "Squeeze"
        )
        if adds or removes:
            _without_first_axis(made.graph, node)
    rank = len(inputs[0].type.tensor_type.shape.dim)
    return made, {
        name: (BATCH, *shape) if len(shape) == rank else shape for name, shape in shapes.items()
    }


def _axes(graph: GraphProto, node: NodeProto, op_type: str) -> list[int]:
    """The axes that a node of an operator names; none if it is of another one."""
    if node.op_type != op_type or node.domain not in ("", "ai.onnx"):
        return []
    named = (a for a in node.attribute if a.name == "axes" and a.type == AttributeProto.INTS)
    attribute = next(named, None)
    if attribute is not None:
        return list(attribute.ints)
    if len(node.input) < 2:
        return []
    for tensor in graph.initializer:
        if tensor.name == node.input[1]:
            return [int(axis) for axis in tensor_array(tensor).ravel()]
    for source in graph.node:
        if node.input[1] in source.output and source.op_type == "Constant":
            return _integers(source)
    return []


def _integers(constant: NodeProto) -> list[int]:
    """What a Constant holds, whichever attribute it is in; none if it is damaged."""
    for attribute in constant.attribute:
        if attribute.name == "value_ints":
            return list(attribute.ints)
        if attribute.name == "value_int":
            return [attribute.i]
        if attribute.name == "value" and attribute.HasField("t"):
            return [int(number) for number in tensor_array(attribute.t).ravel()]
    return []


def _add_axis(graph: GraphProto, name: str) -> None:
    """Puts an axis of one sample before those of an input."""
    (info,) = (each for each in graph.input if each.name == name)
    shape = info.type.tensor_type.shape
    lengths = list(shape.dim)
    del shape.dim[:]
    shape.dim.add().dim_value = BATCH
    for length in lengths:
        shape.dim.add().CopyFrom(length)


def _without_first_axis(graph: GraphProto, node: NodeProto) -> None:
    """Lets a node add or remove only its other axes; without any it does nothing."""
    others = [axis for axis in _axes(graph, node, node.op_type) if axis != 0]
    is_input = len(node.input) > 1
    del node.input[1:]
    del node.attribute[:]  # the axes; neither operator has another one
    if not others:
        node.op_type = "Identity"
    elif is_input:
        name = f"{node.output[0]}/other_axes"
        graph.initializer.append(numpy_helper.from_array(np.array(others, np.int64), name))
        node.input.append(name)
    else:
        node.attribute.append(helper.make_attribute("axes", others))
