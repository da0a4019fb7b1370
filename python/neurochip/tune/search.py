"""The search: which assignments are tried, so that few evaluations find few SOPs.

1. All spikes, and each choice for all layers at once.
2. Each choice of each layer alone, on the probe: what assignments are predicted by.
3. Down the ladder of the prediction: a bisection finds its lowest rung that keeps the accuracy.
4. From the best so far on: its neighbours, in the order of what they promise.
5. The same once more, with layers that round and drop spikes besides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .evaluate import PROBE, Evaluation, Evaluator
from .prediction import Prediction, Step
from .space import CHOICES, Assignment

SEARCH = "search"
"""The part of the samples on which assignments are judged."""

RUNGS_BACK = (1, 2, 4, 8)
"""How far above the lowest rung that keeps the accuracy others are judged too."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An assignment and what it does."""

    assignment: Assignment
    evaluation: Evaluation


class Search:
    """One search; `tried` are all assignments judged, in order."""

    def __init__(self, evaluator: Evaluator, most_lost: int, tell: Callable[[str], None]) -> None:
        """Judges all spikes.

        Args:
            evaluator: Measures assignments.
            most_lost: Samples that may lose their label.
            tell: Gets a line on what is being done.
        """
        self.evaluator, self.space = evaluator, evaluator.space
        self.most_lost, self.tell = most_lost, tell
        self.tried: dict[Assignment, Tried] = {}
        self.judge(self.space.dense, "all spikes")

    def run(self, trials: int) -> None:
        """Tries the uniform assignments, the ladder, and neighbours of the best.

        Args:
            trials: Neighbours to try; half as many again with layers that round and drop.
        """
        for choice in CHOICES:
            self.judge(self.space.uniform(choice), f"{choice.sparsity} in every layer")
        prediction = self.predict()
        self.descend(prediction.ladder())
        self.refine(prediction, trials)
        self.refine(self.predict_drops(prediction), trials // 2)

    def judge(self, assignment: Assignment, doing: str) -> bool:
        """Evaluates an assignment; whether it keeps the accuracy."""
        self.tell(doing)
        self.tried[assignment] = Tried(assignment, self.evaluator(assignment, SEARCH))
        return self.keeps_accuracy(self.tried[assignment])

    def keeps_accuracy(self, tried: Tried) -> bool:
        """Whether no more samples are lost than may be."""
        dense = self.tried[self.space.dense].evaluation
        return dense.correct - tried.evaluation.correct <= self.most_lost

    @property
    def kept(self) -> list[Tried]:
        """Those that keep the accuracy, the fewest SOPs first."""
        kept = filter(self.keeps_accuracy, self.tried.values())
        return sorted(kept, key=lambda tried: tried.evaluation.sops)

    def predict(self) -> Prediction:
        """Measures each choice of each layer alone, but those that both round and drop."""
        layers = range(len(self.space.choices))
        return Prediction([self._alone(layer, self.space.simple(layer)) for layer in layers])

    def predict_drops(self, prediction: Prediction) -> Prediction:
        """Adds what layers that round in the best so far may drop besides."""
        best = self.kept[0].assignment
        return Prediction(
            [
                {**own, **self._alone(layer, self.space.dropping(layer, best[layer]))}
                for layer, own in enumerate(prediction.steps)
            ]
        )

    def _alone(self, layer: int, choices: Sequence[int]) -> dict[int, Step]:
        dense = self.evaluator(self.space.dense, PROBE)
        name, own = list(self.space.choices.items())[layer]
        steps = {}
        for choice in choices:
            self.tell(f"{own[choice].sparsity} in {name!r} alone")
            assignment = (*self.space.dense[:layer], choice, *self.space.dense[layer + 1 :])
            found = self.evaluator(assignment, PROBE)
            saved = 1 - found.sops / dense.sops if dense.sops else 0.0
            steps[choice] = Step(saved, found.distance)
        return steps

    def descend(self, ladder: list[Assignment]) -> None:
        """Bisects for the lowest rung that keeps the accuracy, and climbs back some rungs.

        Those above it are there to be fallen back to if it does not hold on unseen samples.
        """
        kept, lost = 0, len(ladder)
        while lost - kept > 1:
            rung = (kept + lost) // 2
            keeps = self.judge(ladder[rung], f"rung {rung} of {len(ladder) - 1} of the ladder")
            kept, lost = (rung, lost) if keeps else (kept, rung)
        for rung in (kept - back for back in RUNGS_BACK if back < kept):
            self.judge(ladder[rung], f"rung {rung}, to fall back to")

    def refine(self, prediction: Prediction, trials: int) -> None:
        """Tries neighbours of the best, of a better one as soon as there is one."""
        for trial in range(trials):
            failed = [
                each.assignment for each in self.tried.values() if not self.keeps_accuracy(each)
            ]
            neighbours = prediction.promising(self.kept[0].assignment, failed)
            untried = next((each for each in neighbours if each not in self.tried), None)
            if untried is None:
                return
            self.judge(untried, f"neighbour {trial + 1} of {trials}")
