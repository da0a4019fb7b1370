"""Gain: what it was worth to move tiles to other cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..plain import optional, real, table, truth, whole


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
        """Reads what an image keeps: the fields by name.

        Raises:
            ValueError: If one holds something else; a `KeyError` names one that is missing.
        """
        told = table(told, "gain")
        return Gain(
            level=whole(told["level"], "level"),
            samples=whole(told["samples"], "samples"),
            estimated=truth(told["estimated"], "estimated"),
            before=_cost(told["before"], "before"),
            after=_cost(told["after"], "after"),
        )

    @property
    def source(self) -> str:
        """What the traffic is that of, in words."""
        kind = "random" if self.estimated else "calibration"
        return f"{self.samples:,} {kind} sample{'s' * (self.samples != 1)}"


def _cost(data: Any, what: str) -> Cost:
    told = table(data, what)
    return Cost(
        flit_hops=real(told["flit_hops"], "flit_hops"),
        hottest_link_flits=real(told["hottest_link_flits"], "hottest_link_flits"),
        work_cycles=optional(real)(told["work_cycles"], "work_cycles"),
    )
