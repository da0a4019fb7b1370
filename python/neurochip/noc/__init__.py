"""Noc: the network of a chip alone, and packets that were recorded or made up on their way.

| file | question |
|---|---|
| `packets.py` | what can be sent |
| `replay.py` | when each packet is injected and arrives |
| `summary.py` | latency and load, as numbers |
| `telling.py` | the same as a table and as JSON |
"""

from __future__ import annotations

from .replay import CONSUMERS, Replay, replay

__all__ = ["CONSUMERS", "Replay", "replay"]
