"""Small float ONNX networks with random weights, for what quantizes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper


class FloatNetwork:
    """Nodes one behind the other, from the tensor `x`."""

    def __init__(self, *shape: int, seed: int = 0) -> None:
        self.shape = shape
        self.rng = np.random.default_rng(seed)
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.last = "x"

    def constant(self, array: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def random(self, *shape: int) -> str:
        return self.constant(self.rng.normal(size=shape).astype(np.float32))

    def add(self, op_type: str, *others: str, source: str | None = None, **attributes: Any) -> str:
        """A node that reads the last tensor, or `source`, and these others."""
        name = f"{op_type.lower()}_{len(self.nodes)}"
        inputs = [self.last if source is None else source, *others]
        self.nodes.append(helper.make_node(op_type, inputs, [name], name=name, **attributes))
        self.last = name
        return name

    def convolution(self, channels_in: int, channels: int, *, bias: bool = True) -> str:
        weights = self.random(channels, channels_in, 3, 3)
        others = [weights, self.random(channels)] if bias else [weights]
        return self.add("Conv", *others, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def batch_norm(self, channels: int) -> str:
        """Gains of either sign."""
        positive = self.rng.uniform(0.5, 2, channels).astype(np.float32)
        vectors = [self.random(channels) for _ in range(3)]
        return self.add("BatchNormalization", *vectors, self.constant(positive))

    def model(self, opset: int = 17) -> ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "made_up",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *self.shape])],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)],
            self.constants,
        )
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
        )

    def samples(self, count: int) -> NDArray[np.float32]:
        return self.rng.uniform(0, 1, (count, *self.shape)).astype(np.float32)


def operators(model: ModelProto) -> Sequence[str]:
    return [node.op_type for node in model.graph.node]


def vgg(seed: int = 0) -> FloatNetwork:
    """Every order of layers that exporters write, with something to fold in each."""
    network = FloatNetwork(2, 8, 8, seed=seed)
    network.convolution(2, 4, bias=False)
    network.batch_norm(4)
    network.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    network.add("Relu")
    network.batch_norm(4)
    network.add("Flatten")
    network.add("MatMul", network.random(64, 5))
    network.add("Add", network.random(5))
    network.batch_norm(5)
    network.add("Relu")
    network.add("Dropout")
    network.add("Gemm", network.random(3, 5), network.random(3), transB=1)
    return network
