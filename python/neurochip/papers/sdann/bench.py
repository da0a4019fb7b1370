"""Bench: the networks of the suite, and what its tables share, measured once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from ...image import Image
from ...quantize.runtime import onnxruntime
from ...tune import Samples, Tuned, tune
from ...tune.evaluate import fingerprint
from ...tune.journal import FORMAT as JOURNAL_FORMAT
from ..networks import Subject, all_trained, require_any, synthetic
from ..suite import SuiteOptions
from .chips import compiled
from .codes import COARSE_TIMESTEPS, RATE_TIMESTEPS
from .facts import RECORDED_SAMPLES, NetworkFacts, measured
from .published import PublishedFigures, published
from .rate import Simulated, simulated, simulated_at_level_255
from .size import AS_PUBLISHED, COUNTERPARTS, FULL, NOT_THE_PAPERS, QUICK

MAX_LOSS = 0.5
"""Points of accuracy that hybrid settings may lose."""


class SdannBench:
    """What the parts of the suite read; measured when it is first asked for."""

    def __init__(self, options: SuiteOptions) -> None:
        """Looks for trained networks; architectures are built when it is their turn.

        Raises:
            NeurochipError: If onnxruntime, which quantizes architectures, is not installed, or no
                trained network is there.
        """
        onnxruntime()
        self.options, self.size = options, QUICK if options.quick else FULL
        self.published: PublishedFigures = published()
        self.subjects, self.missing = all_trained(options, self.size.trained)
        require_any(self.subjects, self.missing)

    @cached_property
    def facts(self) -> tuple[NetworkFacts, ...]:
        """Of every network, trained ones first."""
        found = [measured(subject, self.options) for subject in self.subjects]
        for name, count in self.size.synthetic:
            self.options.tell(f"{name}: drawing weights")
            found.append(measured(synthetic(name, count, self.options.seed), self.options))
        return tuple(found)

    @cached_property
    def read_subjects(self) -> tuple[Subject, ...]:
        """The trained networks on which RoT is read in several ways, with more samples."""
        return all_trained(self.options, self.size.read)[0]

    @cached_property
    def tuned(self) -> dict[str, Tuned]:
        """Hybrid settings of the trained networks; each search goes on where it was killed."""
        return {subject.name: self._tuned(subject) for subject in self.subjects}

    @cached_property
    def rates(self) -> dict[str, dict[int, Simulated]]:
        """Rate codes of the trained networks, by their timesteps."""
        return self._in_rate_codes(simulated, RATE_TIMESTEPS)

    @cached_property
    def rates_at_level_255(self) -> dict[str, dict[int, Simulated]]:
        """Coarse ones, where the highest rate is that of the highest level."""
        return self._in_rate_codes(simulated_at_level_255, COARSE_TIMESTEPS)

    def facts_of(self, name: str) -> NetworkFacts | None:
        """Of one network, if it is there."""
        return next((facts for facts in self.facts if facts.subject == name), None)

    def counterpart(self, facts: NetworkFacts) -> str | None:
        """The paper's network to compare with, by its key in `published.toml`."""
        return COUNTERPARTS.get(facts.subject) if facts.trained else facts.subject

    def does_cifar10(self, facts: NetworkFacts) -> bool:
        """Whether a network is one of those for CIFAR-10, or stands beside one."""
        return self.counterpart(facts) in COUNTERPARTS.values()

    def _in_rate_codes(
        self, run: Callable[[Subject, int, SuiteOptions], Simulated], timesteps: Sequence[int]
    ) -> dict[str, dict[int, Simulated]]:
        return {
            subject.name: {each: run(subject, each, self.options) for each in timesteps}
            for subject in self.subjects
        }

    def _tuned(self, subject: Subject) -> Tuned:
        tell = self.options.tell
        tell(f"{subject.name}: compiling")
        image = compiled(subject)
        assert subject.labels is not None
        whole = Samples(subject.x, subject.labels)
        count = min(self.size.searched, len(subject.x) // 2)
        return tune(
            image,
            whole.first(count),
            whole.between(count, 2 * count),
            MAX_LOSS,
            self.size.trials,
            self._journal(subject.name, image),
            self.options.threads,
            lambda doing: tell(f"{subject.name}: {doing}"),
        )

    def _journal(self, name: str, image: Image) -> Path:
        """A name of its own for each image: a search of another one neither stops it nor is lost.

        What another version of the package wrote is another image's, or another format.
        """
        search = hashlib.sha256(f"{JOURNAL_FORMAT} {fingerprint(image)}".encode()).hexdigest()
        return self.options.folder / f"{name}.{search[:12]}.journal"


def about(bench: SdannBench) -> tuple[str, ...]:
    """What was run, and what was left out."""
    lines = [
        f"seed {bench.options.seed}{', quick' if bench.options.quick else ''}: "
        f"{len(bench.subjects)} trained networks on one darwin3, 8-bit activations, "
        f"{len(bench.size.synthetic)} architectures with synthetic weights on exact membranes, "
        "on as many chips as they need",
        "synthetic weights are seeded and scaled so that about a third of the neurons are "
        "active: their SOPs are those of the structure at that activity, and they have no accuracy",
        f"figures 8, 9 and 12 and what explains tables 5 and 7 are of the first "
        f"{RECORDED_SAMPLES} samples at most",
        "beside CIFAR10Net stands a smaller VGG of ours, beside the CIFAR-10 ResNet-18 a smaller "
        "residual network: they were trained for this project, and lose accuracy for it",
        *_structures([name for name, _ in bench.size.synthetic]),
    ]
    return (*lines, *(f"LEFT OUT: {each}" for each in bench.missing))


def _structures(names: Sequence[str]) -> Iterator[str]:
    """Whose they are: a line for those as published, and one for each other."""
    exact = [f"{name} ({AS_PUBLISHED[name]})" for name in names if name in AS_PUBLISHED]
    if exact:
        yield f"structure as published: {', '.join(exact)}"
    for name in names:
        if name in NOT_THE_PAPERS:
            yield f"structure not the paper's own: {name}, {NOT_THE_PAPERS[name]}"
