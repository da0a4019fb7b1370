"""Functions of one value: activations, Clip, Max and Min with constants."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .expressions import Pointwise
from .node import GraphBuilder, Node, activation_format, unquantized
from .operands import Column, Function, apply, clamp, with_constant
from .registry import onnx_op
from .values import (
    Codes,
    Constant,
    Dequantized,
    Feed,
    Hosted,
    QuantizedConstant,
    Refusal,
    Shape,
    Unknown,
    Value,
)


@onnx_op("Abs", "Celu", "Elu", "Mish", "Neg", "Selu", "Softplus", "Softsign")
@onnx_op("ThresholdedRelu")
def elementwise(node: Node, builder: GraphBuilder) -> Value:
    """Reads the function as a table over the codes of its input."""

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(node.evaluate([row])[0], np.float32)

    return apply(node, builder, 0, function)


@onnx_op("Relu")
def relu(node: Node, builder: GraphBuilder) -> Value:
    """Reads max(x, 0)."""
    return clamp(node, builder, 0.0, np.inf)


@onnx_op("Clip")
def clip(node: Node, builder: GraphBuilder) -> Value:
    """Reads both forms: bounds as attributes (before opset 11) and as inputs."""
    low = node.constant(1, "lower bound")
    high = node.constant(2, "upper bound")
    value = node.input(0)
    if isinstance(value, Codes):
        target = value.target
        narrowed = target.narrowed(
            target.format.qmin if low is None else int(low),
            target.format.qmax if high is None else int(high),
        )
        return Codes(value.source, replace(narrowed, name=node.output_name))
    smallest = node.attributes.get("min", -np.inf) if low is None else float(low)
    largest = node.attributes.get("max", np.inf) if high is None else float(high)
    return clamp(node, builder, smallest, largest)


@onnx_op("LeakyRelu")
def leaky_relu(node: Node, builder: GraphBuilder) -> Value:
    """Reads x, or alpha * x below zero."""
    return apply(node, builder, 0, leaky(node.attributes.get("alpha", 0.01)))


def leaky(alpha: float) -> Function:
    """The function for one slope, in float32."""

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(row >= 0, row, row * np.float32(alpha)).astype(np.float32)

    return function


@onnx_op("PRelu")
def prelu(node: Node, builder: GraphBuilder) -> Value:
    """Reads x, or slope * x where x is negative, with one slope or one per channel."""
    return with_constant(node, builder, 1, _with_slopes, None)


def _with_slopes(slope: Column) -> Function:
    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.where(row < 0, row * slope, row), np.float32)

    return function


@onnx_op("Max", "Min")
def extreme(node: Node, builder: GraphBuilder) -> Value:
    """Reads the larger or the smaller of a value and a constant, one or one per channel."""
    if len(node.inputs) == 1:
        (value,) = node.inputs
        if value is None:
            raise Refusal("an input is missing")
        return value
    known = [isinstance(each, (Constant, QuantizedConstant)) for each in node.inputs]
    if len(node.inputs) != 2 or sum(known) != 1:
        raise Refusal(
            f"it compares {known.count(False)} tensors with {known.count(True)} constants; one "
            "with one is supported"
        )
    constant = known.index(True)
    value, array = node.input(1 - constant), node.required(constant, "operand")
    if isinstance(value, Unknown) or value is None:
        raise Refusal(unquantized(node, 1 - constant))
    is_one = array.size == 1 and array.ndim <= len(_shape(value)) + 1
    if isinstance(value, (Feed, Hosted)) or not is_one:
        return with_constant(node, builder, constant, partial(_with_bounds, node.op_type), None)
    bound = float(array.ravel()[0])
    low, high = (bound, np.inf) if node.op_type == "Max" else (-np.inf, bound)
    return clamp(node, builder, low, high, 1 - constant)


def _shape(value: Value) -> Shape:
    assert not isinstance(value, (Constant, QuantizedConstant, Unknown)), "it is computed"
    return value.shape


def _with_bounds(op_type: str, bounds: Column) -> Function:
    choose = np.maximum if op_type == "Max" else np.minimum
    return lambda row: np.asarray(choose(row, bounds))


@onnx_op("Sigmoid")
def sigmoid(node: Node, builder: GraphBuilder) -> Value:
    """Reads 1 / (1 + exp(-x))."""
    return apply(node, builder, 0, logistic)


def logistic(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), rounded once to float32."""
    return (1 / (1 + np.exp(-row.astype(np.float64)))).astype(np.float32)


@onnx_op("Tanh")
def tanh(node: Node, builder: GraphBuilder) -> Value:
    """Reads the hyperbolic tangent."""

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tanh(row.astype(np.float64)).astype(np.float32)

    return apply(node, builder, 0, function)


@onnx_op("HardSigmoid")
def hard_sigmoid(node: Node, builder: GraphBuilder) -> Value:
    """Reads clip(alpha * x + beta, 0, 1)."""
    alpha = np.float32(node.attributes.get("alpha", 0.2))
    beta = np.float32(node.attributes.get("beta", 0.5))

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.clip(row * alpha + beta, np.float32(0), np.float32(1)))

    return apply(node, builder, 0, function)


@onnx_op("HardSwish")
def hard_swish(node: Node, builder: GraphBuilder) -> Value:
    """Reads x * clip(x / 6 + 1/2, 0, 1)."""

    def function(row: NDArray[np.float32]) -> NDArray[np.float32]:
        ramp = row * np.float32(1 / 6) + np.float32(0.5)
        return np.asarray(row * np.clip(ramp, np.float32(0), np.float32(1)))

    return apply(node, builder, 0, function)


@onnx_op("com.microsoft.QLinearLeakyRelu")
def qlinear_leaky_relu(node: Node, builder: GraphBuilder) -> Value:
    """Reads x, or alpha * x below zero."""
    return _table(node, builder, leaky(node.attributes.get("alpha", 0.01)))


@onnx_op("com.microsoft.QLinearSigmoid")
def qlinear_sigmoid(node: Node, builder: GraphBuilder) -> Value:
    """Reads 1 / (1 + exp(-x))."""
    return _table(node, builder, logistic)


def _table(node: Node, builder: GraphBuilder, function: Function) -> Value:
    view = Dequantized(builder.codes_as(node, 0, 1, 2))
    table = Pointwise(view, function, (), node.name)
    return builder.quantized(table, node, activation_format(node, 3, 4))
