"""Flatten: the values keep their order, only the shape changes."""

from __future__ import annotations

from .movement import move
from .registry import onnx_op

onnx_op("Flatten")(move)
