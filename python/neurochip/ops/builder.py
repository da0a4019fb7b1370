"""The graph under construction, as the translation of a node sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..formats import Format, Tensor
from ..layers import Lookup
from .node import Node, activation_format
from .values import (
    Codes,
    Constant,
    Dequantized,
    DequantizeOnHost,
    Feed,
    Hosted,
    HostOp,
    LayerBuilder,
    QuantizedConstant,
    Refusal,
    Shape,
    Target,
    Unknown,
    Value,
)


class GraphBuilder(LayerBuilder):
    """What the translations of the nodes ask for: values by the inputs of a node."""

    def view(self, node: Node, position: int) -> Dequantized:
        """The view at one of the node's inputs.

        Raises:
            Refusal: If the input is anything but dequantized codes.
        """
        value = node.input(position)
        if isinstance(value, Dequantized):
            return value
        raise Refusal(unquantized(node, position))

    def codes_as(self, node: Node, position: int, scale_at: int, zero_point_at: int) -> Tensor:
        """The codes at one input, meaning what the scale and zero point beside them say."""
        value = node.input(position)
        tensor = self.tensor(value) if isinstance(value, Codes) else None
        held = "uint8" if tensor is None else tensor.format.type_name
        stated = activation_format(node, scale_at, zero_point_at, held)
        if isinstance(value, Feed) and value.dtype.kind in "iu":
            return self._integer_input(node, position, value, stated)
        if tensor is None:
            raise Refusal(unquantized(node, position))
        if (tensor.format.bits, tensor.format.signed) != (stated.bits, stated.signed):
            raise Refusal(f"its input {node.input_name(position)!r} has another integer type")
        if tensor.format == stated:
            return tensor
        identity = np.arange(stated.qmin, stated.qmax + 1, dtype=np.int32)[None]
        output = replace(tensor, format=stated)
        return self.emit(Lookup(f"{node.name}_reinterpret", (tensor,), output, identity))

    def quantized(self, source: Value, node: Node, target_format: Format) -> Codes:
        """The codes of a real value in a format, under the name of the node's output."""
        if isinstance(source, (Constant, QuantizedConstant, Codes, Hosted, Unknown)):
            raise Refusal(unquantized(node, 0))
        qmin, qmax = target_format.qmin, target_format.qmax
        return Codes(source, Target(node.output_name, target_format, qmin, qmax))

    def host(self, node: Node, position: int) -> Feed | Hosted:
        """The node as float work on the host, before the first layer or after the last."""
        value = node.input(position)
        op = node.host_op(position)
        if isinstance(value, Feed):
            shape, dtype = _host_result(op, value.shape, value.dtype)
            return Feed(shape, dtype, (*value.ops, op))
        if value is None or isinstance(value, (Constant, QuantizedConstant, Codes, Unknown)):
            raise Refusal(unquantized(node, position))
        done = self.finish(value)
        shape, dtype = _host_result(op, done.shape, done.dtype)
        return Hosted(shape, dtype, done.tensor, (*done.ops, op))

    def _integer_input(self, node: Node, position: int, feed: Feed, stated: Format) -> Tensor:
        if feed.dtype != stated.dtype:
            raise Refusal(f"the model's input is {feed.dtype}, its zero point {stated.dtype}")
        dequantize = DequantizeOnHost(node.name, "DequantizeLinear", stated)
        real = Feed(feed.shape, np.dtype(np.float32), (*feed.ops, dequantize))
        name = node.input_name(position)
        if self.input is not None and self.input.name == name and self.input.format == stated:
            return self.input
        return self._set_input(real, Target(name, stated, stated.qmin, stated.qmax))


def _host_result(op: HostOp, shape: Shape, dtype: np.dtype[Any]) -> tuple[Shape, np.dtype[Any]]:
    """Shape and type of what a host operation makes of one sample, however many there are."""
    results = [op.evaluate(np.zeros((count, *shape), dtype)) for count in (2, 3)]
    shapes = [result.shape for result in results]
    if not all(shapes) or shapes != [(count, *shapes[0][1:]) for count in (2, 3)]:
        raise Refusal("it mixes samples")
    return results[0].shape[1:], results[0].dtype


def unquantized(node: Node, position: int) -> str:
    """Why an input is no tensor of codes; empty if the node before has been refused already."""
    value = node.input(position)
    if value is None:
        return "an input is missing"
    name = node.input_name(position)
    if isinstance(value, Unknown):
        return ""
    if isinstance(value, Hosted):
        op = value.ops[0]
        return f"its input {name!r} comes after {op.op_type} at {op.name!r}, which runs on the host"
    if isinstance(value, (Constant, QuantizedConstant)):
        return f"its input {name!r} is constant"
    if isinstance(value, Codes):
        return f"its input {name!r} is integer; a DequantizeLinear is missing before it"
    return f"its input {name!r} is not quantized: no QuantizeLinear stands between it and the node"
