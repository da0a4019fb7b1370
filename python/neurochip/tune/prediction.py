"""Prediction: what assignments save and how far they move the outputs, from each choice alone.

Both add up over layers closely enough to rank assignments; what they are is then measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from .space import Assignment

LEAST_GAIN = 0.001
"""Part of all SOPs: changes that save less are tried when no others are left."""


@dataclass(frozen=True, slots=True)
class Step:
    """One choice of one layer alone, against all spikes."""

    saved: float
    """Part of all SOPs."""
    distance: float
    """How far the outputs moved, squared."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """For each layer, choices of it alone."""

    steps: Sequence[Mapping[int, Step]]

    def ladder(self) -> list[Assignment]:
        """From all spikes down: each rung changes the layer that saves most for its distance."""
        rungs = []
        for layer, own in enumerate(self.steps):
            at, slope = 0, 0.0
            while below := [each for each, step in own.items() if step.saved > own[at].saved]:
                slopes = {each: _slope(own[at], own[each]) for each in below}
                at = min(below, key=slopes.__getitem__)
                slope = max(slope, slopes[at])  # a layer's rungs stay in their order
                rungs.append((slope, layer, at))
        ladder = [(0,) * len(self.steps)]
        for _, layer, choice in sorted(rungs, key=lambda rung: rung[0]):
            ladder.append(_changed(ladder[-1], {layer: choice}))
        return ladder

    def promising(self, best: Assignment, failed: Iterable[Assignment]) -> list[Assignment]:
        """One layer changed, or two, so that more is saved: what promises most comes first.

        First those that move the outputs less than all that failed, then those that move them less
        than all but one, and so on: a failure may be bad luck. Among equals whoever saves most.
        Those that save next to nothing come last.
        """
        distances = [self._distance(each) for each in failed]
        saved = self._saved(best)
        ranks = {
            near: (
                self._saved(near) < saved + LEAST_GAIN,
                sum(each <= self._distance(near) for each in distances),
                -self._saved(near),
            )
            for near in (_changed(best, changes) for changes in self._changes(best))
            if self._saved(near) > saved
        }
        return sorted(ranks, key=ranks.__getitem__)

    def _saved(self, assignment: Assignment) -> float:
        return sum(own[chosen].saved for own, chosen in zip(self.steps, assignment, strict=True))

    def _distance(self, assignment: Assignment) -> float:
        return sum(own[chosen].distance for own, chosen in zip(self.steps, assignment, strict=True))

    def _changes(self, best: Assignment) -> Iterator[dict[int, int]]:
        """Of one layer, or of two each of which matters to the SOPs."""
        matters = []
        for layer, own in enumerate(self.steps):
            for to, step in own.items():
                yield {layer: to}
                if abs(step.saved - own[best[layer]].saved) >= LEAST_GAIN:
                    matters.append((layer, to))
        yield from (dict(pair) for pair in combinations(matters, 2) if pair[0][0] != pair[1][0])


def _slope(before: Step, after: Step) -> float:
    return max(0.0, after.distance - before.distance) / (after.saved - before.saved)


def _changed(assignment: Assignment, changes: dict[int, int]) -> Assignment:
    return tuple(changes.get(layer, chosen) for layer, chosen in enumerate(assignment))
