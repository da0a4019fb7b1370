"""Transpose."""

from __future__ import annotations

from .movement import move
from .registry import onnx_op

onnx_op("Transpose")(move)
