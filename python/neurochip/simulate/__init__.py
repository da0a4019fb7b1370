"""Simulate: an Image and samples become a Run. Nothing is decided here: it is measured.

| file | question |
|---|---|
| `samples.py` | what can be fed, and whether it fits the range of the network's input |
| `simulate.py` | how batches become a run |
| `waiting.py` | how Python stays awake meanwhile |
| `comparison.py` | whether the chip did what its compiled network and its graph say |
| `run.py` | what is known afterwards: by sample, by node, link and timestep, and how busy all was |
| `tick.py` | the same run with another tick |
"""

from __future__ import annotations

from ..errors import Interrupted
from .run import Agreement, Detail, Run
from .samples import Filling
from .simulate import TIMINGS, simulate
from .tick import checked_tick

__all__ = [
    "TIMINGS",
    "Agreement",
    "Detail",
    "Filling",
    "Interrupted",
    "Run",
    "checked_tick",
    "simulate",
]
