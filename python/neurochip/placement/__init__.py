"""Placement: which core each neuron lives on, and the proof that it fits.

| file | question |
|---|---|
| `boxes.py` | which boxes of neurons a population is cut into |
| `footprint.py` | what one box takes of its core's memories: |
| `dendrites.py`, `synapse_lists.py` | for what it receives |
| `axons.py` | for where it sends |
| `nodes.py` | which core of the mesh each box goes to |
| `work.py` | how busy neurons are, and what a cut makes of their work |
| `spread.py` | which cuts make the slowest engine faster, and fit |
| `objective.py` | which placements are worth considering for what is wanted |
| `by_hand.py` | placements that a user wrote |
| `gain.py` | what another choice of cores was worth: `neurochip.optimize` makes it |
"""

from __future__ import annotations

from .gain import Cost, Gain
from .place import Cuts, Placement, cut_all, place
from .tiles import Box, Tile, Usage

__all__ = ["Box", "Cost", "Cuts", "Gain", "Placement", "Tile", "Usage", "cut_all", "place"]
