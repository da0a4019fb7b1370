"""ONNX operators by family, found by being in this folder.

| file | operators |
|---|---|
| `weighted.py` | Conv, Gemm, MatMul |
| `pool.py` | MaxPool, AveragePool, ReduceMean, and of whole maps |
| `arithmetic.py` | Add, Sub, Mul, Div |
| `elementwise.py` | activations, Clip, Max and Min |
| `normalize.py` | BatchNormalization |
| `movement.py`, `resize.py` | Reshape, Transpose, Slice, Pad, Resize and their like |
| `concat.py` | Concat, Split |
| `quantize.py` | QuantizeLinear, DequantizeLinear |
| `host.py`, `constants.py` | what the host computes; what is constant |
| `refused.py` | what cannot be translated, and why |

The QLinear form of an operator stands beside it. Adding one takes a function from a node and its
inputs' values to its output's value:

    @onnx_op("Relu")
    def relu(node: Node, builder: GraphBuilder) -> Value: ...

It raises `Refusal(reason)` where it cannot translate the node; all refusals are reported together.
What a value can be is in `values.py`; the integer layers it may ask for are in `layers/`. What the
host does is a `HostOp`: plain data, with a class for each thing that it does.
"""

from __future__ import annotations

import importlib
import pkgutil

from .registry import REGISTRY

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["REGISTRY", "SUPPORTED"]

SUPPORTED = tuple(sorted(REGISTRY))
"""Every operator that can be imported."""
