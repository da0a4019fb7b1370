"""Graph: the quantized network as integers, whatever dialect of ONNX it came in.

`load` reads a model (`file.py`), walks its nodes once (`walk.py`) and returns a `Graph`, whose
`evaluate` is the numerical contract for everything that follows.
"""

from __future__ import annotations

from ..ops.values import HostOp
from .graph import Graph, Output
from .load import load

__all__ = ["Graph", "HostOp", "Output", "load"]
