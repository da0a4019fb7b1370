"""Graph: the quantized network as integers, whatever dialect of ONNX it came in.

`load` (`walk.py`) reads a model and orders its nodes (`model.py`), walks them once, writes down
what stays float (`left_float.py`) and returns a `Graph`, whose `evaluate` is the numerical contract
for everything that follows.
"""

from __future__ import annotations

from ..ops.values import HostOp
from .graph import Graph, Output
from .walk import load

__all__ = ["Graph", "HostOp", "Output", "load"]
