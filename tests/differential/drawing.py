"""A quantized graph under construction: tensors, constants and what is drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Numbers = NDArray[Any]
FIRST_OPSET, LAST_OPSET = 11, 23
LEVELS = 256


@dataclass(frozen=True)
class Real:
    """Real numbers that codes stand for, (1, *shape)."""

    name: str
    shape: tuple[int, ...]
    scale: np.float32
    zero: Any

    @property
    def size(self) -> float:
        """Most of them are at most this large in magnitude."""
        return float(self.scale) * LEVELS / 2


@dataclass
class Drawing:
    """Draws numbers and adds nodes; operators at the model's opset."""

    seed: int
    random: np.random.Generator = field(init=False)
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    types: dict[str, int] = field(default_factory=dict)
    """Of outputs that are not float32."""

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.opset = self.integer(FIRST_OPSET, LAST_OPSET)
        self.signed = self.chance(3)

    # Numbers

    def integer(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high + 1))

    def chance(self, one_in: int) -> bool:
        return self.integer(1, one_in) == 1

    def choose(self, values: Sequence[Any]) -> Any:
        return values[self.integer(0, len(values) - 1)]

    def uniform(self, low: float, high: float, shape: Sequence[int] = ()) -> Any:
        return np.asarray(self.random.uniform(low, high, shape), np.float32)

    # Nodes

    def constant(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def node(self, op_type: str, inputs: Sequence[str], results: int = 1, **attributes: Any) -> Any:
        number = len(self.nodes)
        names = [f"t{number}_{place}" for place in range(results)]
        name = "" if self.chance(10) else f"n{number}"
        self.nodes.append(helper.make_node(op_type, inputs, names, name=name, **attributes))
        return names[0] if results == 1 else names

    def code_type(self) -> type[np.generic]:
        signed = not self.signed if self.chance(40) else self.signed
        return np.int8 if signed else np.uint8

    def quantized(
        self, name: str, shape: tuple[int, ...], size: float, *, is_positive: bool = False
    ) -> Real:
        """A QuantizeLinear and a DequantizeLinear for values of a size."""
        dtype = self.code_type()
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        scale = np.float32(2 * size / LEVELS * self.uniform(0.7, 1.4))
        zero = {0: low, 1: low, 2: high}.get(self.integer(0, 12), (low + high + 1) // 2)
        if self.chance(3):
            zero = self.integer(low, high)
        if is_positive and not self.chance(4):
            zero = low
        return self.requantized(name, shape, np.float32(scale), dtype(zero))

    def requantized(self, name: str, shape: tuple[int, ...], scale: np.float32, zero: Any) -> Real:
        parameters = [self.constant(scale), self.constant(zero)]
        codes = self.node("QuantizeLinear", [name, *parameters])
        real = self.node("DequantizeLinear", [codes, *parameters])
        return Real(real, shape, scale, zero)

    def model(self, info: Any) -> ModelProto:
        """The model, its nodes in any order one time in four."""
        if self.chance(4):
            self.nodes = [self.nodes[place] for place in self.random.permutation(len(self.nodes))]
        outputs = [
            helper.make_tensor_value_info(name, self.types.get(name, TensorProto.FLOAT), None)
            for name in self.outputs
        ]
        graph = helper.make_graph(self.nodes, f"seed{self.seed}", [info], outputs, self.constants)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=self._ir_version())

    def _ir_version(self) -> int:
        return 8 if self.opset < 19 else 10
