"""Evaluation: one assignment, one set of samples, on the simulator.

The network is lowered and placed once: which spikes are left out changes neither. The samples of
an evaluation run in parallel on all threads, which keeps every core busy to its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image import Image, assemble
from ..lower import Settings
from ..lower.stem.codes import sparsified
from ..placement import place
from ..report.accuracy import accuracy
from ..reprs import counted
from ..simulate import Run, simulate
from ..simulate.samples import checked
from .journal import Journal
from .space import Assignment, Space

PROBE = "probe"
"""The part on which each layer is changed alone: few samples, since the distance of outputs, unlike
the number of right answers, is known well from few."""

MAX_DISTANCE = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples of the model's input, and the class of each."""

    x: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"Samples({counted(len(self.x), 'sample')} of {list(self.x.shape[1:])})"

    def first(self, count: int) -> Samples:
        """The first so many."""
        return self.between(0, count)

    def between(self, start: int, stop: int) -> Samples:
        """Those from one to before another."""
        return Samples(self.x[start:stop], self.labels[start:stop])


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What an assignment does on some samples."""

    sops: int
    """Of all samples."""
    right: NDArray[np.bool_]
    """Which samples got their label."""
    distance: float
    """Of the probe: the output's codes from those with all spikes, squared, a sample's mean."""

    def __repr__(self) -> str:
        return (
            f"Evaluation({self.sops:,} SOPs, "
            f"{self.correct:,} of {counted(len(self.right), 'sample')} right)"
        )

    @property
    def sops_per_sample(self) -> float:
        """Mean over the samples."""
        return self.sops / len(self.right)

    @property
    def correct(self) -> int:
        """Samples that got their label."""
        return int(np.count_nonzero(self.right))

    @property
    def percent(self) -> float:
        """The same, in a hundred."""
        return 100.0 * self.correct / len(self.right)

    def loss(self, dense: Evaluation) -> float:
        """Points of accuracy lost, against an evaluation of the same samples."""
        return dense.percent - self.percent

    def loss_error(self, dense: Evaluation) -> float:
        """Standard error of that loss, in points: from the samples that changed sides."""
        changed = self.right.astype(np.int64) - dense.right
        return 100.0 * float(np.std(changed)) / float(np.sqrt(len(changed)))


class Evaluator:
    """Measures assignments, each only once."""

    def __init__(
        self, image: Image, parts: Mapping[str, Samples], journal: Journal, threads: int | None
    ) -> None:
        """Gets ready to evaluate variants of an image that sends all its spikes.

        Args:
            image: Compiled from a graph; its network is placed again and changed in nothing else.
            parts: What assignments are evaluated on; `PROBE` is one of them.
            journal: Where evaluations are kept.
            threads: Threads of the simulator; all cores by default.
        """
        self._graph = image.graph
        self.network = image.network
        self.space = Space.of(image.network)
        self.parts = parts
        self._names = {name: _named(image, name, samples) for name, samples in parts.items()}
        self._placement = place(image.network, image.chip)
        self._normalization = image.normalization
        self._journal = journal
        self._threads = threads

    def __call__(self, assignment: Assignment, part: str) -> Evaluation:
        """What an assignment does on a part of the samples.

        Raises:
            InputError: If the journal has a damaged record of it, or cannot be written.
        """
        told = " | ".join(each.sparsity for each in self.space.chosen(assignment).values())
        key = f"{self._names[part]}: {told}"
        if key not in self._journal.records:
            self._journal.add(key, self._measured(assignment, part))
        evaluation = _read(self._journal.records[key], len(self.parts[part].labels))
        if evaluation is None:
            raise self._journal.damaged(key)
        return evaluation

    def _measured(self, assignment: Assignment, part: str) -> dict[str, object]:
        run, samples = self._simulated(assignment, part), self.parts[part]
        accuracy(run, samples.labels)  # refuses labels that are no classes
        return {
            "sops": int(run.sops.sum()),
            "right": np.packbits(run.predictions == samples.labels).tobytes().hex(),
            "distance": self._distance(run.outputs) if part == PROBE else 0.0,
        }

    def _simulated(self, assignment: Assignment, part: str) -> Run:
        network = sparsified(self.network, self.space.settings(assignment, Settings()))
        image = assemble(replace(self._placement, network=network), graph=self._graph)
        x = self.parts[part].x
        return simulate(
            image,
            x,
            timing="none",
            threads=self._threads,
            compare=False,
            normalization=self._normalization,
            judge_range=False,
        )

    def _distance(self, outputs: NDArray[np.int32]) -> float:
        change = (outputs - self._dense_outputs).astype(np.float64)
        return float(np.square(change).sum()) / len(outputs)

    @cached_property
    def _dense_outputs(self) -> NDArray[np.int32]:
        """Codes of the output for the probe with all spikes."""
        return self._simulated(self.space.dense, PROBE).outputs


def _read(record: Mapping[str, Any], samples: int) -> Evaluation | None:
    """What a record says of so many samples; None if it is none, as in a damaged journal."""
    sops, right, distance = record.get("sops"), record.get("right"), record.get("distance")
    if type(sops) is not int or not 0 <= sops < 1 << 63 or not isinstance(right, str):
        return None
    if not isinstance(distance, (int, float)) or not 0 <= distance <= MAX_DISTANCE:
        return None
    try:
        packed = np.frombuffer(bytes.fromhex(right), np.uint8)
    except ValueError:
        return None
    if len(packed) != -(-samples // 8):
        return None
    return Evaluation(sops, np.unpackbits(packed)[:samples].astype(bool), float(distance))


def fingerprint(image: Image) -> str:
    """What every evaluation depends on: the image, its chip and its constants included."""
    return hashlib.sha256(image.to_bytes()).hexdigest()


def _named(image: Image, name: str, samples: Samples) -> str:
    """A part's name in the journal, which changes with any of its samples."""
    taken = checked(image, samples.x)
    digest = hashlib.sha256(image.codes(taken.between(0, len(taken))).tobytes())
    digest.update(samples.labels.astype(np.int64).tobytes())
    return f"{name} {digest.hexdigest()[:16]}"
