"""Interpret: a compiled network in NumPy, population by population, without its graph.

The core computes values too, in Rust; this is the same written a second time, so that a run can
be compared with it. Both follow `docs/neurons.md` and `docs/quartz.md`.

| file | question |
|---|---|
| `interpret.py` | in which order populations are computed |
| `sent.py` | what neurons send, and in which timesteps they spike |
| `synapses.py` | which weights a connector adds up |
| `arrivals.py` | what a population consists of; what arrives in a timestep, as registers hold it |
| `stem.py`, `max_pool.py`, `quartz.py`, `integrate_fire.py` | what each neuron model computes |
"""

from __future__ import annotations

from .interpret import interpret, interpret_one
from .sent import Sent

__all__ = ["Sent", "interpret", "interpret_one"]
