"""Figures: one measured number, its goal, and how it was measured.

Rates are medians of several runs of the same work in one process, after one that is not counted.
Machines are noisy: compare ratios from one machine, and do not read anything into a few percent.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Work: TypeAlias = Callable[[], object]
Clock: TypeAlias = Callable[[], float]

ROUNDS = 5
SECONDS = 0.5
"""Least time a round takes: shorter work is repeated."""
LONG_SECONDS = 5.0
"""Work that takes longer is measured once."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; higher is better."""

    name: str
    value: float
    unit: str
    goal: float | None = None

    def __str__(self) -> str:
        """One line of the table."""
        line = f"{self.name:<62} {self.value:>10.3g} {self.unit:<11}"
        if self.goal is None:
            return line.rstrip()
        return f"{line} goal {self.goal:>6.3g}  x{self.value / self.goal:.2f}"


def clock_for(threads: int) -> Clock:
    """CPU time for one thread: others on the machine cannot lengthen it by taking turns."""
    return time.process_time if threads == 1 else time.perf_counter


def seconds_of(work: Work, clock: Clock = time.process_time, rounds: int = ROUNDS) -> float:
    """Median time of one call of `work`; of a single one where that takes long."""
    first = _timed(work, 1, clock)
    if first > LONG_SECONDS:
        return first
    repeats = _repeats(first)
    return statistics.median(_timed(work, repeats, clock) for _ in range(rounds))


def paired(ours: Work, theirs: Work, clock: Clock, rounds: int = ROUNDS) -> tuple[float, float]:
    """Seconds of ours, and the median of theirs over ours, one measured right after the other.

    A machine whose clock changes, or that others slow down, does it to both of a pair.
    """
    repeats = [_repeats(_timed(work, 1, clock)) for work in (ours, theirs)]
    pairs = [
        [_timed(work, times, clock) for work, times in zip((ours, theirs), repeats, strict=True)]
        for _ in range(rounds)
    ]
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(other / mine for mine, other in pairs),
    )


def _repeats(seconds: float) -> int:
    return max(1, round(SECONDS / max(seconds, 1e-6)))


def _timed(work: Work, repeats: int, clock: Clock) -> float:
    start = clock()
    for _ in range(repeats):
        work()
    return (clock() - start) / repeats


def forget_peak() -> None:
    """Lets the peak of memory start from what is in use now (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def status_bytes(field: str) -> int:
    """A figure of the process, from the kernel: `VmRSS`, memory in use, or `VmHWM`, its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))
