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

ROUNDS = 5
SECONDS = 1.0
"""Least time a round takes: shorter work is repeated."""


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


def seconds_of(
    work: Callable[[], object],
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Median time of one call of `work`; of a single one where that takes long.

    Work on one thread is best measured by the time it ran, `time.process_time`: others on the same
    machine cannot lengthen that by waiting their turn.
    """
    first = _timed(work, 1, clock)
    if first > 10 * SECONDS:
        return first
    repeats = max(1, round(SECONDS / max(first, 1e-6)))
    return statistics.median(_timed(work, repeats, clock) for _ in range(rounds))


def _timed(work: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
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
