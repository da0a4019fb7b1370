"""Which samples a command runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..inputs import Inputs, random_inputs, read_inputs
from .console import tell


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """Which samples to run."""

    path: Path | None
    labels: Path | None
    count: int | None
    scale: float | None
    seed: int

    @property
    def files(self) -> dict[str, Path | None]:
        """What is read, by option."""
        return {"`--input`": self.path, "`--labels`": self.labels}

    def read(self, codes: bool) -> Inputs | None:
        """Reads the samples, for a network that takes codes or reals; None for random ones."""
        if self.path is not None:
            return read_inputs(
                self.path, scale=self.scale, samples=self.count, labels=self.labels, codes=codes
            )
        if self.labels is not None:
            raise InputError("labels were given without samples", hint="give both, with `--input`")
        return None

    def for_network(
        self, given: Inputs | None, shape: tuple[int, ...], codes: tuple[int, int] | None
    ) -> Inputs:
        """Brings the samples to a network's input, or draws them, of its codes if it takes any."""
        if given is not None:
            return given.fit_to(shape)
        drawn = random_inputs(shape, self.count or 1, self.seed, codes)
        tell("note", f"no `--input`: running {drawn.source}")
        return drawn
