"""Layers: the integer operations a Graph is made of, by kind.

Every layer has a `name`, its `inputs`, its `output`, and `evaluate(*codes)`, which computes exactly
what onnxruntime's fused integer kernel computes. The weighted ones also have `linear(*values)`, the
sums of weights times `code - zero_point`, and `bounds()`, the interval each accumulator stays in.
"""

from __future__ import annotations

from typing import TypeAlias

from .add import Add
from .average_pool import AveragePool
from .concat import Concat
from .lookup import Lookup
from .max_pool import MaxPool
from .multiply import Multiply
from .rearrange import Rearrange
from .weighted import Convolution, Dense

Weighted: TypeAlias = Convolution | Dense | AveragePool
Layer: TypeAlias = Weighted | MaxPool | Add | Multiply | Lookup | Rearrange | Concat

__all__ = [
    "Add",
    "AveragePool",
    "Concat",
    "Convolution",
    "Dense",
    "Layer",
    "Lookup",
    "MaxPool",
    "Multiply",
    "Rearrange",
    "Weighted",
]
