"""Requantization on a chip: the search for its constants, with proof.

onnxruntime rounds `float32(acc) * M` to a code. That function is monotone and has at most 2^N
levels, so it *is* its thresholds: a `Staircase`. What a chip computes instead is a staircase as
well, and two staircases are compared exactly, without visiting the accumulator values between
their steps: a `Proof`.

| file | form of the chip's arithmetic | search |
|---|---|---|
| `fixed.py` | `clamp((acc * m + offset) >> shift)` | `fit_fixed` |
| `ramp.py` | `clamp((acc * m + offset) // slope)`, in time | `fit_ramp`, `fit_ramps_together` |
| `scaled.py` | `clamp(((H * m + rounding) >> shift) + bias)` | `fit_scaled` |
| `add.py` | two weighted branches, then as `fixed.py` | `fit_add` |
| `ramp_add.py` | two weighted branches, then as `ramp.py` | `fit_ramp_add` |
"""

from __future__ import annotations

from .add import FixedAdd, fit_add
from .fixed import FixedPoint, fit_fixed
from .ramp import Ramp, fit_ramp, fit_ramps_together
from .ramp_add import RampAdd, fit_ramp_add
from .scaled import Scaled, fit_scaled
from .staircase import Proof, Staircase, compare, from_table, proof_in_words, thresholds

__all__ = [
    "FixedAdd",
    "FixedPoint",
    "Proof",
    "Ramp",
    "RampAdd",
    "Scaled",
    "Staircase",
    "compare",
    "fit_add",
    "fit_fixed",
    "fit_ramp",
    "fit_ramp_add",
    "fit_ramps_together",
    "fit_scaled",
    "from_table",
    "proof_in_words",
    "thresholds",
]
