"""Runs one graph in several codes over the same samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, NeurochipError
from ..image import Image
from ..inputs import Normalization
from ..report import Report, report
from ..report.contents import Contents
from ..report.words import notes_of_samples
from ..simulate import checked_tick, simulate


@dataclass(frozen=True, slots=True)
class Coding:
    """A code, and the timesteps of its windows where they are chosen."""

    code: str
    t_max: int | None = None

    @staticmethod
    def parse(text: str) -> Coding:
        """Reads `quartz` or `quartz:16`.

        Raises:
            InputError: If what follows the colon is no number.
        """
        code, colon, t_max = text.strip().partition(":")
        if not colon:
            return Coding(code)
        if not t_max.isdecimal():
            raise InputError(
                f"{text!r}: {t_max!r} is no number of timesteps",
                hint="write a code such as `quartz`, or with its window, `quartz:16`",
            )
        return Coding(code, int(t_max))

    def __str__(self) -> str:
        return self.code if self.t_max is None else f"{self.code}:{self.t_max}"


@dataclass(frozen=True, slots=True)
class Coded:
    """What a run in one code took."""

    coding: Coding
    report: Report

    @property
    def contents(self) -> Contents:
        """What the report says."""
        return self.report.contents

    @property
    def events_pj(self) -> float:
        """Energy of a sample's events, without the idle chip."""
        return self.contents.energy.all_events_pj

    @property
    def total_pj(self) -> float | None:
        """Energy of a sample with what the idle chip draws until its end; None without timing."""
        total = self.contents.energy.total_pj
        return None if total is None else total.mean

    @property
    def samples_per_s(self) -> float | None:
        """Throughput; None without timing, and where the chip never held as many as it can."""
        timing = self.contents.timing
        return None if timing is None else timing.samples_per_s

    @property
    def percent(self) -> float | None:
        """Correct samples in a hundred; None without labels."""
        accuracy = self.contents.accuracy
        return None if accuracy is None else accuracy.percent

    @property
    def cores(self) -> int:
        """Cores with neurons."""
        return self.contents.cores.used

    @property
    def latency_s(self) -> float | None:
        """Seconds from a sample's first timestep to its last; None without timing."""
        timing = self.contents.timing
        return None if timing is None else timing.latency_with_tick_us / 1e6

    @property
    def energy_delay_js(self) -> float | None:
        """Energy of the events of a sample times its latency; None without timing."""
        return None if self.latency_s is None else self.events_pj / 1e12 * self.latency_s


@dataclass(frozen=True, slots=True)
class Compared:
    """Codes side by side."""

    network: str
    chip: str
    samples: int
    codes: tuple[Coded, ...]
    refused: tuple[tuple[Coding, NeurochipError], ...]
    """Codes in which this chip cannot run this network, and why."""
    normalization: Normalization | None = None
    """What was done to the samples before they were the model's input."""
    sort: str | None = None
    """By what the codes are sorted, the best first; None: as they were given."""
    notes: tuple[str, ...] = ()
    """What is to be known of the samples, which all codes share."""


def compare(
    compiled: Callable[[Coding], Image],
    codings: Sequence[Coding],
    x: NDArray[Any],
    labels: NDArray[np.integer[Any]] | None = None,
    timing: str = "cycle",
    threads: int | None = None,
    doing: Callable[[str], None] = lambda what: None,
    judge_range: bool = True,
    tick: str | None = None,
    sort: str | None = None,
    check: int | str | None = None,
) -> Compared:
    """Runs the same samples in every code.

    Args:
        compiled: Makes the image of a code.
        codings: Which codes, each once.
        x: Samples of the model's input, (samples, *shape), float.
        labels: One class index a sample.
        timing: `cycle`, or `none` for values and counts alone.
        threads: As many as there are cores unless given.
        doing: Called with what is done next.
        judge_range: Also finds how much of the input's range the samples fill, as `simulate` does.
        tick: How long a timestep is at least, as `simulate` takes it.
        sort: By what codes are sorted, the best first: a key of `BEST`; None leaves them as given.
        check: How many samples are compared with the network in integers, as `simulate` takes it.

    Raises:
        InputError: If there is nothing to compare, or not by that.
        NeurochipError: If all codes are refused: the reason of the first.
    """
    if len(set(codings)) < max(2, len(codings)):
        raise InputError(
            f"{', '.join(map(str, codings))} is nothing to compare",
            hint="name at least two codes, each once, such as `--codes stem,quartz:16,rate:64`",
        )
    checked_tick(tick, timing)
    if sort is not None and sort not in BEST:
        raise InputError(
            f"codes cannot be sorted by {sort!r}", hint=f"sort by one of {', '.join(BEST)}"
        )
    codes: list[Coded] = []
    refused: list[tuple[Coding, NeurochipError]] = []
    notes: tuple[str, ...] = ()
    for coding in codings:
        doing(f"compiling in the code {coding}")
        try:
            image = compiled(coding)
        except NeurochipError as error:
            refused.append((coding, error))
            continue
        doing(f"simulating {len(x):,} samples in the code {coding}")
        run = simulate(
            image,
            x,
            timing=timing,
            threads=threads,
            check=check,
            judge_range=judge_range,
            tick=tick,
        )
        codes.append(Coded(coding, report(run, labels)))
        notes = tuple(notes_of_samples(run.filling))
    if not codes:
        raise refused[0][1]
    first = codes[0].contents
    compared = Compared(
        network=first.network,
        chip=first.chip,
        samples=first.samples,
        codes=tuple(codes),
        refused=tuple(refused),
        normalization=first.normalization,
        notes=notes,
    )
    return compared if sort is None else _sorted(compared, sort)


def best(codes: Sequence[Coded], key: str) -> float | None:
    """The best figure of some codes; None where none has it.

    Args:
        codes: Whose figures they are.
        key: One of `BEST`.
    """
    figure, choose = BEST[key]
    known = [value for value in map(figure, codes) if value is not None]
    return choose(known) if known else None


def _sorted(compared: Compared, key: str) -> Compared:
    """The best first; codes without the figure last, and equal ones as they were given."""
    figure, choose = BEST[key]
    sign = 1.0 if choose is min else -1.0

    def rank(coded: Coded) -> tuple[bool, float]:
        value = figure(coded)
        return value is None, 0.0 if value is None else sign * value

    return replace(compared, codes=tuple(sorted(compared.codes, key=rank)), sort=key)


BEST: dict[str, tuple[Callable[[Coded], float | None], Callable[[list[float]], float]]] = {
    "accuracy": (lambda coded: coded.percent, max),
    "latency": (lambda coded: coded.latency_s, min),
    "throughput": (lambda coded: coded.samples_per_s, max),
    "events": (lambda coded: coded.events_pj, min),
    "energy": (lambda coded: coded.total_pj, min),
    "energy-delay": (lambda coded: coded.energy_delay_js, min),
    "cores": (lambda coded: float(coded.cores), min),
}
"""By what codes can be sorted: the figure, and whether the most or the least of it is best."""
