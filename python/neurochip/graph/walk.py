"""Loading: one walk over the nodes of a model, which turns each into layers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod

import numpy as np
from onnx import ModelProto, NodeProto, ValueInfoProto, checker, helper

from ..errors import ModelError, UnsupportedOpError
from ..formats import Array
from ..ops import REGISTRY
from ..ops.constants import fold
from ..ops.node import GraphBuilder, Node
from ..ops.refused import reason
from ..ops.remedies import remedy
from ..ops.values import (
    MAX_VALUES,
    Codes,
    Constant,
    Feed,
    Hosted,
    HostOp,
    QuantizedConstant,
    QuantizeOnHost,
    Refusal,
    Unknown,
    Value,
)
from ..renamed import renamed
from .graph import Graph, Output
from .left_float import LeftFloat, quantizes
from .model import (
    PathOrModel,
    names_of_outputs,
    needed,
    only_input,
    read_model,
    tensor_array,
    with_sample_axis,
)

QUANTIZED_HINT = "quantize it with `neurochip quantize`, which needs a few sample inputs"
REFUSED_HINT = (
    "`neurochip inspect` says what to change, `neurochip ops` lists the supported operators"
)
MAX_VERSION = 10_000
"""Of the operators and the format; ONNX counts them up by a few a year."""
INPUT_TYPES = ("float32", "uint8", "int8")


def load(
    model: PathOrModel,
    shape: Mapping[str, Sequence[int]] | None = None,
    output_tensor: str | None = None,
    *,
    output: str | None = None,
) -> Graph:
    """Reads a quantized ONNX model.

    Args:
        model: A path, the bytes of a file, or a parsed model.
        shape: By input name: the shape to use where the model leaves axes open, samples first.
        output_tensor: The output to compute, of a model that has several; what only the others
            need is left out. All of them unless given.
        output: The earlier name of `output_tensor`, with a `DeprecationWarning`.

    Raises:
        ModelError: If it is no model, is not quantized, or has open axes.
        UnsupportedOpError: If some nodes cannot be imported; all of them are listed.
    """
    if output is not None:
        output_tensor = renamed("output", output, output_tensor)
    proto, name = read_model(model)
    proto, shapes = with_sample_axis(proto, shape or {})
    return walk(proto, name, shapes, output_tensor)


def walk(
    proto: ModelProto, name: str, shapes: Mapping[str, Sequence[int]], output: str | None = None
) -> Graph:
    """The integer graph of a model, up to all of its outputs or the one that is named.

    Raises:
        ModelError: If it is not quantized, has open axes, or more than one input.
        UnsupportedOpError: If some nodes cannot be imported.
    """
    info = only_input(proto.graph)
    names = names_of_outputs(proto.graph, output)
    batch, feed, problem = _feed(info, shapes)
    values: dict[str, Value] = {info.name: feed or Unknown()}
    for tensor in proto.graph.initializer:
        values[tensor.name] = Constant(tensor_array(tensor))
    builder = GraphBuilder(batch)
    nodes = needed(proto.graph, names)
    refusals = _translate(proto, nodes, values, builder)
    with _naming_outputs(names):
        _check(name, nodes, refusals)
        if feed is None:
            raise problem
        is_one_of_several = len(proto.graph.output) > 1
        outputs = _finished(name, nodes, names, values, builder, is_one_of_several)
    if builder.input is None:
        raise ModelError(f"'{name}' never quantizes its input", hint=QUANTIZED_HINT)
    return Graph(
        name=name,
        input=builder.input,
        input_shape=feed.shape,
        head=builder.head,
        layers=tuple(builder.layers),
        outputs=outputs,
        notes=(*builder.notes, *_about(names)),
        integers=_integers(feed),
    )


def _integers(feed: Feed) -> tuple[int, int] | None:
    """The integers that a model's input holds; None for float32."""
    if not np.issubdtype(feed.dtype, np.integer):
        return None
    limits = np.iinfo(feed.dtype)
    return int(limits.min), int(limits.max)


def _translate(
    proto: ModelProto, nodes: Sequence[NodeProto], values: dict[str, Value], builder: GraphBuilder
) -> dict[str, list[tuple[str, str]]]:
    """Gives every tensor its value; returns what was refused, by operator."""
    refusals: dict[str, list[tuple[str, str]]] = defaultdict(list)
    left = LeftFloat(nodes)
    opset = _opset(proto)
    rules = checker.C.CheckerContext()
    rules.ir_version, rules.opset_imports = proto.ir_version, {"": opset}
    for raw in nodes:
        for tensor_name in raw.input:
            if tensor_name and tensor_name not in values:
                raise ModelError(f"node '{raw.name}' reads '{tensor_name}', which nothing computes")
        inputs = tuple(values[tensor] if tensor else None for tensor in raw.input)
        node = Node(raw, opset, inputs)
        results: tuple[Value, ...]
        try:
            results = _results(node, builder, rules, left)
        except Refusal as refusal:
            results = ()
            if str(refusal):
                refusals[node.op_type].append((node.name, str(refusal)))
        for position, tensor_name in enumerate(raw.output):
            values[tensor_name] = results[position] if position < len(results) else Unknown()
    return refusals


def _opset(proto: ModelProto) -> int:
    """The version of ONNX that the model's operators are those of."""
    opset = next((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 1)
    for what, version in (("opset", opset), ("IR version", proto.ir_version)):
        if not 0 <= version <= MAX_VERSION:
            raise ModelError(
                f"the model is of {what} {version}, expected 0 to {MAX_VERSION}",
                hint="export it again: the file is damaged",
            )
    return int(opset)


def _results(
    node: Node, builder: GraphBuilder, rules: checker.C.CheckerContext, left: LeftFloat
) -> tuple[Value, ...]:
    if node.op_type not in REGISTRY:
        raise Refusal(reason(node.op_type))
    if node.op_type == node.proto.op_type:
        try:
            checker.check_node(node.proto, rules)
        except Exception as error:  # there is no end to what the checker raises
            raise Refusal(f"it is not valid ONNX: {str(error).splitlines()[0]}") from None
    with _fitting():
        if node.is_foldable:
            return fold(node)
        result = left.on_host(node, builder) or _translated(node, builder, left)
        results = result if isinstance(result, tuple) else (result,)
        for value in results:
            _check_size(value)
    return results


def _translated(node: Node, builder: GraphBuilder, left: LeftFloat) -> Value | tuple[Value, ...]:
    """What the operator's translation makes of a node; after the last layer, the host can do it."""
    try:
        return REGISTRY[node.op_type](left.with_codes(node, builder), builder)
    except Refusal:
        hosted = left.behind_codes(node, builder)
        if hosted is None:
            raise
        return hosted


def _check_size(value: Value) -> None:
    """Refuses a result without values, which no neuron would hold, and one with too many."""
    if isinstance(value, (Constant, QuantizedConstant, Unknown)):
        return
    if 0 in value.shape:
        raise Refusal(f"its result holds no values: it has shape {list(value.shape)}")
    if prod(value.shape) > MAX_VALUES:
        raise Refusal(f"its result has shape {list(value.shape)}, at most {MAX_VALUES} values")


@contextmanager
def _fitting() -> Iterator[None]:
    """Refuses what is valid ONNX by itself, but no operation on these inputs.

    Translations ask for shapes and numbers as the operator's definition has them: what NumPy or
    Python raise where a model has others is the model's fault. A broken promise of our own is not
    among these errors.
    """
    try:
        yield
    except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
        told = str(error) or type(error).__name__
        raise Refusal(f"its inputs and attributes do not fit together: {told}") from error


def _check(
    name: str, nodes: Sequence[NodeProto], refusals: Mapping[str, Sequence[tuple[str, str]]]
) -> None:
    """Raises what the walk has found: a float model, or nodes that cannot be imported."""
    known = all(_op_type(node) in REGISTRY for node in nodes)
    if known and not any(quantizes(node) for node in nodes):
        raise ModelError(f"'{name}' is a float model: nothing in it is quantized", QUANTIZED_HINT)
    if refusals:
        raise _unsupported(name, refusals)


def _unsupported(
    name: str, refusals: Mapping[str, Sequence[tuple[str, str]]]
) -> UnsupportedOpError:
    """The error that lists them all; its hint is what to change, if that is one thing for all."""
    changes = {remedy(reason) for found in refusals.values() for _, reason in found}
    hint = changes.pop() if len(changes) == 1 else ""
    return UnsupportedOpError(f"'{name}'", refusals, hint=hint or REFUSED_HINT)


def _op_type(node: NodeProto) -> str:
    return Node(node, 1, ()).op_type


def _finished(
    name: str,
    nodes: Sequence[NodeProto],
    names: Sequence[str],
    values: Mapping[str, Value],
    builder: GraphBuilder,
    is_one_of_several: bool,
) -> tuple[Output, ...]:
    """What the host reads, with its float work.

    Raises:
        UnsupportedOpError: All nodes whose results cannot be read, or not be finished.
    """
    outputs: list[Output] = []
    refusals: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for wanted in names:
        try:
            with _fitting():
                last = _last(builder, values.get(wanted, Unknown()))
                if is_one_of_several and last.tensor is builder.input and _only_rounds(last.ops):
                    raise Refusal("the model's output is its input, which no layer computes")
                _try_tail(last)
            outputs.append(Output(wanted, last.tensor, last.ops))
        except Refusal as refusal:
            producer = next(node for node in nodes if wanted in node.output)
            refusals[_op_type(producer)].append((producer.name or wanted, str(refusal)))
    if refusals:
        raise _unsupported(name, refusals)
    return tuple(outputs)


def _only_rounds(ops: Sequence[HostOp]) -> bool:
    return all(op.op_type == "QuantizeLinear" for op in ops)


@contextmanager
def _naming_outputs(names: Sequence[str]) -> Iterator[None]:
    """Tells whoever asked for all outputs that one of them may be had without the others."""
    try:
        yield
    except UnsupportedOpError as error:
        if len(names) == 1:
            raise
        told = ", ".join(map(repr, names))
        ask = (
            f"the model has {len(names)} outputs, {told}: one of them may do without these nodes; "
            "name it with `--output-tensor NAME`, or `output_tensor=` in Python"
        )
        error.hint = f"{error.hint}; {ask}" if error.hint else ask
        raise


def _about(names: Sequence[str]) -> Iterator[str]:
    """What is to be said of several outputs."""
    if len(names) > 1:
        told = ", ".join(map(repr, names[1:]))
        yield (
            f"the answer is taken from the output {names[0]!r}; the host reads {told} as well "
            "(`--output-tensor NAME` computes one of them alone)"
        )


def _last(builder: GraphBuilder, value: Value) -> Hosted:
    """The last tensor and what the host does after it."""
    if isinstance(value, Codes):
        # The model's output is integer: the same codes come back from the real numbers.
        tensor = builder.tensor(value)
        op = QuantizeOnHost(tensor.name, "QuantizeLinear", tensor.format)
        return Hosted(tensor.shape, tensor.format.dtype, tensor, (op,))
    if isinstance(value, (Constant, QuantizedConstant, Feed, Unknown)):
        raise Refusal("the model's output does not come from a quantized layer")
    return builder.finish(value)


def _try_tail(output: Hosted) -> None:
    """Refuses float work after the last layer that cannot be done, however many samples."""
    tensor = output.tensor
    for count in (2, 3) if output.ops else ():
        real: Array = tensor.format.dequantize(
            np.zeros((count, *tensor.shape), tensor.format.dtype)
        )
        for op in output.ops:
            try:
                real = op.evaluate(real)
            except Refusal as refusal:
                raise Refusal(f"{op.op_type} at {op.name!r}: {refusal}") from None
        if real.shape[:1] != (count,):
            raise Refusal(f"it mixes samples: {count} become {list(real.shape)}")


def _feed(
    info: ValueInfoProto, shapes: Mapping[str, Sequence[int]]
) -> tuple[int, Feed | None, ModelError]:
    """The number of samples and the model's input; if it cannot be fed, why.

    The error is kept until the nodes have been looked at: what they cannot do comes first.
    """
    try:
        batch, shape = _input_shape(info, shapes)
        return batch, Feed(shape, _input_type(info)), ModelError("")
    except ModelError as problem:
        return 1, None, problem


def _input_type(info: ValueInfoProto) -> np.dtype[np.generic]:
    element = info.type.tensor_type.elem_type
    try:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(element))
    except KeyError:
        dtype = np.dtype(object)
    if dtype.name not in INPUT_TYPES:
        raise ModelError(
            f"input '{info.name}' is {dtype.name}, expected one of {', '.join(INPUT_TYPES)}"
        )
    return dtype


def _input_shape(
    info: ValueInfoProto, shapes: Mapping[str, Sequence[int]]
) -> tuple[int, tuple[int, ...]]:
    """The declared number of samples (1 if open) and the shape of one sample."""
    unknown = sorted(set(shapes) - {info.name})
    if unknown:
        raise ModelError(f"no input is called '{unknown[0]}'; the model's is '{info.name}'")
    declared = [
        int(axis.dim_value) if axis.HasField("dim_value") and axis.dim_value > 0 else None
        for axis in info.type.tensor_type.shape.dim
    ]
    example = (
        ",".join(str(length or 32) for length in (1, *declared[1:])) if declared else "1,3,32,32"
    )
    hint = f"give it as `--shape {info.name}={example}`, samples first"
    if info.name in shapes:
        given = [int(length) for length in shapes[info.name]]
        wrong = [a for a, b in zip(declared, given, strict=False) if a is not None and a != b]
        if (declared and len(given) != len(declared)) or wrong or min(given, default=0) < 1:
            raise ModelError(f"input '{info.name}' has shape {_told(declared)}, not {given}", hint)
        declared = list(given)
    if len(declared) < 2 or any(length is None for length in declared[1:]):
        raise ModelError(f"input '{info.name}' has open axes: {_told(declared)}", hint)
    sample = tuple(length for length in declared[1:] if length is not None)
    if prod(sample) > MAX_VALUES:
        raise ModelError(f"input '{info.name}' has {prod(sample)} values, at most {MAX_VALUES}")
    return declared[0] or 1, sample


def _told(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("?" if length is None else str(length) for length in shape) + "]"
