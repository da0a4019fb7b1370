"""ONNX operators, one a file, found by being in this folder.

Adding one takes a function from a node and its inputs' values to its output's value:

    @onnx_op("Relu")
    def relu(node: Node, builder: GraphBuilder) -> Value: ...

It raises `Refusal(reason)` where it cannot translate the node; all refusals are reported together.
What a value can be is told in `values.py`; the integer layers it may ask for are in `layers/`.
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
