"""Runs one graph in several codes over the same samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, NeurochipError
from ..image import Image
from ..inputs import Normalization
from ..report import Report, report
from ..report.contents import Contents
from ..report.notes import notes_of_samples
from ..simulate import simulate


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
        return sum(term.energy_pj for term in self.contents.energy.event_terms)

    @property
    def total_pj(self) -> float | None:
        """Energy of a sample with what the idle chip draws until its end; None without timing."""
        total = self.contents.energy.total_pj
        return None if total is None else total.mean

    @property
    def latency_s(self) -> float | None:
        """Seconds from a sample's first timestep to its last; None without timing."""
        timing = self.contents.timing
        return None if timing is None else timing.latency_us.mean / 1e6

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

    Raises:
        InputError: If there is nothing to compare.
        NeurochipError: If all codes are refused: the reason of the first.
    """
    if len(set(codings)) < max(2, len(codings)):
        raise InputError(
            f"{', '.join(map(str, codings))} is nothing to compare",
            hint="name at least two codes, each once, such as `--codes stem,quartz:16,rate:64`",
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
        run = simulate(image, x, timing=timing, threads=threads, judge_range=judge_range)
        codes.append(Coded(coding, report(run, labels)))
        notes = tuple(notes_of_samples(run.filling))
    if not codes:
        raise refused[0][1]
    first = codes[0].contents
    return Compared(
        network=first.network,
        chip=first.chip,
        samples=first.samples,
        codes=tuple(codes),
        refused=tuple(refused),
        normalization=first.normalization,
        notes=notes,
    )
