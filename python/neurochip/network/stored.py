"""Stored: how the dataclasses of a network say where an image keeps what they hold.

A class says nothing: each of its fields is then a field of the same name in the core's schema
(`image/description.rs`), and `codec.py` writes and reads it by its type. Otherwise

- `VARIANT`: which variant of the schema's enum it is, such as `{"kind": "dense"}`;
- `COMPUTED`: fields of the schema that follow from what it holds, and the property that says each;
- `ELSEWHERE`: fields of the schema that other stages add;
- `field(metadata=host())`: what the core does not know, and only the host's part keeps;
- `field(metadata=rows("shift"))`: an array of two axes, and what says how many rows it has;
- `field(metadata=APART)`: what has a place of its own, such as weights in blocks;
- `field(metadata=INDEX)`: the name of a population, which the schema has as an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plain import MAX_COUNT

APART: Mapping[str, Any] = {"stored": "apart"}
INDEX: Mapping[str, Any] = {"index": True}


def host(low: float = -MAX_COUNT, high: float = MAX_COUNT) -> Mapping[str, Any]:
    """Kept in the host's part, which the core does not check: numbers from `low` to `high`."""
    return {"stored": "host", "low": low, "high": high}


def rows(named: str) -> Mapping[str, Any]:
    """As many rows as the field `named` of the schema says: a count, or an array of one per row."""
    return {"rows": named}
