"""Gain: what it was worth to move tiles to other cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cost:
    """What the packets of a sample cost in a placement, as the mean over samples."""

    flit_hops: float
    """Flits times the links between routers that they cross."""
    hottest_link_flits: float
    """Flits across the link that most of them cross."""
    work_cycles: float | None
    """Of a timestep, in the sample that was timed; None if none was."""


@dataclass(frozen=True, slots=True)
class Gain:
    """The cost along the Hilbert curve, and after tiles were moved."""

    level: int
    """1: tiles follow their traffic; 2: annealed, too."""
    samples: int
    """Samples that the traffic was measured on."""
    estimated: bool
    """Whether those were drawn at random, as there were no calibration samples."""
    before: Cost
    after: Cost

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Gain:
        """Reads what an image keeps: the fields by name."""
        costs = {name: Cost(**told[name]) for name in ("before", "after")}
        return Gain(**{**told, **costs})

    @property
    def source(self) -> str:
        """What the traffic is that of, in words."""
        kind = "random" if self.estimated else "calibration"
        return f"{self.samples:,} {kind} sample{'s' * (self.samples != 1)}"
