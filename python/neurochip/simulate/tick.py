"""Tick: how long a timestep is at least, and a run timed anew with another tick.

A tick changes how long a quiet chip waits and nothing else (docs/machine.md, section 5): from the
work of each timestep, which does not depend on it, the cycles of a run with any tick follow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..energy import energy_by_component_pj
from ..errors import InputError
from .run import Detail, Run

MICROSECONDS = {"ns": 1e-3, "us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6}
MAX_TICK_US = 1e7
"""As `sync.tick_us` of a chip file."""

SHORTEST, NONE = "shortest", "none"
TIME = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s)")


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick that was asked for; without a time the longest timestep of the run and its barrier."""

    us: float | None

    @staticmethod
    def parse(text: str) -> Tick:
        """Reads `500us`, `0.5ms`, `shortest` or `none`.

        Raises:
            InputError: If it is none of these, or too long.
        """
        word = text.strip()
        if word in (SHORTEST, NONE):
            return Tick(None if word == SHORTEST else 0.0)
        found = TIME.fullmatch(word)
        if found is None:
            raise InputError(
                f"`tick` is {text!r}, expected a time such as '500us', or 'shortest' or 'none'",
                hint="units are ns, us, ms and s",
            )
        us = float(found[1]) * MICROSECONDS[found[2]]
        if us > MAX_TICK_US:
            raise InputError(
                f"`tick` is {text!r}, expected 0 to {MAX_TICK_US / 1e6:g} s",
                hint="give a shorter one",
            )
        return Tick(us)

    def cycles(self, run: Run) -> int:
        """What it is in cycles of a run's chip, rounded up to whole ones; 0: none."""
        if self.us is None:
            return int(run.timestep_work_cycles.max()) + run.barrier_cycles
        return _rounded_up(self.us, run.image.chip)


def _rounded_up(us: float, chip: Chip) -> int:
    """As the core does with `sync.tick_us`: what is whole but for rounding is whole."""
    exact = us * chip.cycles_per_us
    nearest = round(exact)
    return nearest if abs(exact - nearest) <= 1e-9 * exact else int(np.ceil(exact))


def checked_tick(text: str | None, timing: str) -> Tick | None:
    """The tick that was asked for, if any: refused before anything runs.

    Raises:
        InputError: If it is none, or no cycles are simulated.
    """
    if text is None:
        return None
    if timing != "cycle":
        raise InputError(
            f"a tick needs cycles, and `timing` is {timing!r}", hint="simulate with timing `cycle`"
        )
    return Tick.parse(text)


def timed_anew(run: Run, tick_cycles: int) -> Run:
    """The same run, on the same chip with another tick; 0: none."""
    work, barrier = run.timestep_work_cycles, run.barrier_cycles
    length = np.maximum(work + barrier, tick_cycles)
    by_timestep = {
        "timestep_cycles": length,
        "waiting_cycles": length - work - barrier,
        "overruns": ((work + barrier > tick_cycles) & (tick_cycles > 0)).astype(np.int64),
    }
    # A sample's slot lasts until the next one enters, that of the last until the end.
    entries = np.arange(len(run.outputs)) * run.image.period
    counters = {
        **run.counters,
        **{name: np.add.reduceat(counts, entries) for name, counts in by_timestep.items()},
    }
    return replace(
        run,
        tick_cycles=tick_cycles,
        chose_tick=True,
        counters=counters,
        timestep_cycles=length,
        energy_by_component_pj=energy_by_component_pj(run.image.chip, counters),
        detail=None if run.detail is None else _detail(run.detail, by_timestep),
    )


def _detail(detail: Detail, by_timestep: dict[str, NDArray[np.int64]]) -> Detail:
    return replace(detail, timesteps={**detail.timesteps, **by_timestep})
