"""The stage itself: a search, and a check of what it found on samples it never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, SettingsError
from ..image import Image
from ..lower import Settings
from .evaluate import PROBE, Evaluation, Evaluator, Samples, fingerprint
from .journal import Journal
from .search import SEARCH, Search, Tried
from .space import CHOICES, Space

HELD_OUT = "held out"
"""The part of the samples that the search never sees."""

PROBE_SAMPLES = 32

DEFAULT_TRIALS = 24


@dataclass(frozen=True, slots=True)
class Checked:
    """An assignment on the samples of the search, and on those it never saw."""

    tried: Tried
    held_out: Evaluation


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search found. The first of `tried` sends all spikes."""

    space: Space
    max_loss: float
    """Points of accuracy that might be lost."""
    tried: tuple[Tried, ...]
    """All that was judged on the samples of the search."""
    uniform: tuple[tuple[str, Tried], ...]
    """One choice for every layer, with the choice's name."""
    dense: Checked
    checked: tuple[Checked, ...]
    """Kept the accuracy in the search, fewest SOPs first; the last one holds on unseen samples."""
    best_uniform: Checked | None
    """The uniform one with the fewest SOPs that keeps the accuracy and holds, if one does."""

    def __repr__(self) -> str:
        found, dense = self.found.tried.evaluation, self.dense.tried.evaluation
        return (
            f"Tuned({found.sops_per_sample:,.0f} of {dense.sops_per_sample:,.0f} SOPs per sample, "
            f"{found.loss(dense):.2f} points lost, {len(self.tried):,} tried)"
        )

    @property
    def found(self) -> Checked:
        """The fewest SOPs whose loss stays within the bound on both sets of samples."""
        return self.checked[-1]

    @property
    def front(self) -> tuple[Tried, ...]:
        """Those of which none has both fewer SOPs and as many right answers, fewest SOPs last."""
        front: list[Tried] = []
        for tried in sorted(self.tried, key=lambda each: _rank(each.evaluation)):
            if not front or tried.evaluation.correct > front[-1].evaluation.correct:
                front.append(tried)
        return tuple(reversed(front))

    def settings(self, base: Settings | None = None) -> Settings:
        """What was found, as settings; all that is not about spikes is as in `base`."""
        return self.space.settings(self.found.tried.assignment, base or Settings())


def tune(
    image: Image,
    samples: Samples,
    held_out: Samples,
    max_loss: float = 0.5,
    trials: int = DEFAULT_TRIALS,
    journal: str | Path | None = None,
    threads: int | None = None,
    tell: Callable[[str], None] = lambda doing: None,
) -> Tuned:
    """Searches for the spikes that each layer may leave out.

    Args:
        image: Compiled from a graph, with all its spikes.
        samples: What assignments are judged on.
        held_out: What the result is checked on; none of `samples`.
        max_loss: Points of accuracy that may be lost, on either set of samples.
        trials: Evaluations for refinement.
        journal: File that keeps every finished evaluation, so that a search can go on after a
            kill; without one they are lost with the process.
        threads: Threads of the simulator; all cores by default.
        tell: Gets a line on what is being done.

    Raises:
        InputError: If the samples do not fit, or the journal is of another search.
        SettingsError: If no layer can leave spikes out, or some do already.
    """
    _require_all_spikes(image)
    parts = {PROBE: samples.first(PROBE_SAMPLES), SEARCH: samples, HELD_OUT: held_out}
    _require_samples(samples, held_out, max_loss)
    path = None if journal is None else Path(journal)
    with Journal(path, fingerprint(image)) as kept:
        evaluator = Evaluator(image, parts, kept, threads)
        search = Search(evaluator, _most_lost(max_loss, samples), tell)
        search.run(trials)
        return _checked(search, evaluator, max_loss, tell)


def _require_all_spikes(image: Image) -> None:
    if image.graph is None:
        raise InputError(
            f"{image.name!r} is an image from a file, which holds no graph to change",
            hint="give the graph",
        )
    if any(getattr(each.model, "sparsity", None) for each in image.network.populations):
        raise SettingsError(
            f"{image.name!r} leaves spikes out already",
            hint="compile it without `rot` and `drlo`: the search decides them",
        )


def _require_samples(samples: Samples, held_out: Samples, max_loss: float) -> None:
    for name, part in (("of the search", samples), ("held out", held_out)):
        if not len(part.labels) or len(part.labels) != len(part.x):
            raise InputError(
                f"{len(part.x)} samples {name} with {len(part.labels)} labels, "
                "expected one or more of each"
            )
    if not 0 <= max_loss < 100:
        raise InputError(f"`max_loss` is {max_loss:g} points, expected 0 to less than 100")


def _most_lost(max_loss: float, samples: Samples) -> int:
    """Whole samples; a share that only float rounding keeps from being whole is."""
    return int(max_loss * len(samples.labels) / 100 + 1e-9)


def _checked(
    search: Search, evaluator: Evaluator, max_loss: float, tell: Callable[[str], None]
) -> Tuned:
    space = evaluator.space
    dense = search.tried[space.dense]
    unseen = Checked(dense, evaluator(space.dense, HELD_OUT))
    most_lost = _most_lost(max_loss, evaluator.parts[HELD_OUT])

    def until_one_holds(candidates: Sequence[Tried]) -> tuple[Checked, ...]:
        checked: list[Checked] = []
        for tried in candidates:
            tell("the check on samples held out")
            checked.append(Checked(tried, evaluator(tried.assignment, HELD_OUT)))
            if unseen.held_out.correct - checked[-1].held_out.correct <= most_lost:
                break
        return tuple(checked)

    uniform = [(each.sparsity, search.tried[space.uniform(each)]) for each in CHOICES]
    of_uniform = {tried.assignment for _, tried in uniform}
    kept = search.kept
    holding = until_one_holds(
        [each for each in kept if each.assignment in of_uniform | {space.dense}]
    )
    return Tuned(
        space=space,
        max_loss=max_loss,
        tried=tuple(search.tried.values()),
        uniform=tuple(uniform),
        dense=unseen,
        checked=until_one_holds(kept),
        best_uniform=holding[-1] if holding[-1].tried is not dense else None,
    )


def _rank(evaluation: Evaluation) -> tuple[int, int]:
    return evaluation.sops, -evaluation.correct
