"""Small quantized ONNX models, written in either dialect from the same description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Dialect = Literal["qdq", "qoperator"]
Numbers = NDArray[Any]


@dataclass(frozen=True)
class Codes:
    """A quantized tensor of the model being written."""

    name: str
    scale: np.float32
    zero_point: Any
    """Of the codes' own type."""


@dataclass
class Writer:
    """Writes one operator at a time, each with its QuantizeLinear, in the chosen dialect."""

    dialect: Dialect
    opset: int = 17
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def constant(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def node(self, op_type: str, inputs: Sequence[str], domain: str = "", **attributes: Any) -> str:
        output = f"{op_type.lower()}{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op_type, inputs, [output], name=output, domain=domain, **attributes)
        )
        return output

    def quantize(self, real: str, scale: np.float32, zero_point: Any) -> Codes:
        parameters = [self.constant(scale), self.constant(zero_point)]
        return Codes(self.node("QuantizeLinear", [real, *parameters]), scale, zero_point)

    def dequantize(self, codes: Codes) -> str:
        return self.node("DequantizeLinear", self.triple(codes))

    def triple(self, codes: Codes) -> list[str]:
        return [codes.name, self.constant(codes.scale), self.constant(codes.zero_point)]

    def weighted(
        self,
        kind: Literal["Conv", "Gemm"],
        source: Codes,
        weights: Numbers,
        weight_scale: Numbers,
        weight_zero_point: Numbers,
        bias: Numbers,
        target: tuple[np.float32, Any],
        **attributes: Any,
    ) -> Codes:
        """A convolution, or a Gemm with transB."""
        if kind == "Gemm":
            attributes["transB"] = 1
        kernel = [
            self.constant(weights),
            self.constant(weight_scale),
            self.constant(weight_zero_point),
        ]
        if self.dialect == "qoperator":
            tail = [self.constant(target[0]), self.constant(target[1])]
            inputs = [*self.triple(source), *kernel]
            if kind == "Conv":
                inputs += [*tail, self.constant(bias)]
                return Codes(self.node("QLinearConv", inputs, **attributes), *target)
            inputs += [self.constant(bias), *tail]
            return Codes(self.node("QGemm", inputs, "com.microsoft", **attributes), *target)
        axis = {"axis": 0} if weight_scale.ndim else {}
        real_weights = self.node("DequantizeLinear", kernel, **axis)
        scale = np.asarray(source.scale * weight_scale, np.float32)
        parameters = [self.constant(bias), self.constant(scale)]
        parameters.append(self.constant(np.zeros(scale.shape, np.int32)))
        real_bias = self.node("DequantizeLinear", parameters, **axis)
        real = self.node(kind, [self.dequantize(source), real_weights, real_bias], **attributes)
        return self.quantize(real, *target)

    def pair(
        self,
        kind: Literal["Add", "Mul"],
        first: Codes,
        second: Codes,
        target: tuple[np.float32, Any],
    ) -> Codes:
        if self.dialect == "qoperator":
            inputs = [*self.triple(first), *self.triple(second)]
            inputs += [self.constant(target[0]), self.constant(target[1])]
            return Codes(self.node(f"QLinear{kind}", inputs, "com.microsoft"), *target)
        real = self.node(kind, [self.dequantize(first), self.dequantize(second)])
        return self.quantize(real, *target)

    def concat(self, parts: Sequence[Codes], target: tuple[np.float32, Any]) -> Codes:
        if self.dialect == "qoperator":
            inputs = [self.constant(target[0]), self.constant(target[1])]
            for part in parts:
                inputs += self.triple(part)
            return Codes(self.node("QLinearConcat", inputs, "com.microsoft", axis=1), *target)
        real = self.node("Concat", [self.dequantize(part) for part in parts], axis=1)
        return self.quantize(real, *target)

    def global_average(self, source: Codes, target: tuple[np.float32, Any]) -> Codes:
        if self.dialect == "qoperator":
            inputs = [*self.triple(source), self.constant(target[0]), self.constant(target[1])]
            return Codes(self.node("QLinearGlobalAveragePool", inputs, "com.microsoft"), *target)
        return self.quantize(self.node("GlobalAveragePool", [self.dequantize(source)]), *target)

    def moving(self, op_type: str, source: Codes, *others: str, **attributes: Any) -> Codes:
        """An operator that keeps codes as they are: MaxPool, Flatten, Transpose, ..."""
        if self.dialect == "qoperator":
            name = self.node(op_type, [source.name, *others], **attributes)
            return Codes(name, source.scale, source.zero_point)
        real = self.node(op_type, [self.dequantize(source), *others], **attributes)
        return self.quantize(real, source.scale, source.zero_point)

    def model(self, shape: Sequence[int | str], output: str) -> ModelProto:
        """The model from the float tensor `x` to a float tensor."""
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)
