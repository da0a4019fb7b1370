"""Raw: the numbers of an input file as they are stored, and what a file format must offer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Raw:
    """Samples as a file stores them, neither checked nor scaled; the first axis is the sample."""

    x: NDArray[np.generic]
    count: int
    """How many samples there are; `x` may be the first of them."""
    labels: NDArray[np.generic] | None = None
    calibration: NDArray[np.generic] | None = None
    names: tuple[str, ...] = ()
    """Of the samples, all `count` of them, where each is a file of its own."""
    image_file: str = ""
    """The file of the first sample, where samples are images: all have its size and channels."""


class InputFormat(Protocol):
    """A module that reads one kind of file."""

    def recognizes(self, path: Path) -> bool:
        """Whether name and kind of `path` say this format."""

    def read(self, path: Path, samples: int | None) -> Raw:
        """Reads the first `samples`, or all where it is None, and what lies beside them."""
