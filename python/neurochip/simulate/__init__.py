"""Simulate: an Image and samples become a Run. Nothing is decided here: it is measured.

| file | question |
|---|---|
| `samples.py` | what can be fed |
| `simulate.py` | how batches become a run |
| `waiting.py` | how Python stays awake meanwhile |
| `comparison.py` | whether the chip did what its graph says |
| `run.py` | what is known afterwards |
"""

from __future__ import annotations

from .run import Agreement, Run
from .simulate import TIMINGS, simulate
from .waiting import Interrupted

__all__ = ["TIMINGS", "Agreement", "Interrupted", "Run", "simulate"]
