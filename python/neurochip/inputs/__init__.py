"""Inputs: samples and labels from the files that people have, brought to a network's input shape.

One file format a module; each offers `recognizes(path)` and `read(path) -> Raw`, and a new one is
added to `FORMATS`. What a reader returns is raw: the numbers as stored. `read_inputs` checks and
scales them, `Inputs.fit_to` brings them to the axes of a network.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from . import cifar, idx, numpy_files, pictures
from .fitting import fit
from .labels import checked_labels, read_labels
from .raw import InputFormat, Raw
from .samples import Inputs, random_inputs, scaled

__all__ = ["FORMATS", "Inputs", "Raw", "fit", "random_inputs", "read_inputs", "read_labels"]

FORMATS: tuple[InputFormat, ...] = (numpy_files, cifar, idx, pictures)


def read_inputs(
    path: str | Path,
    *,
    scale: float | None = None,
    samples: int | None = None,
    labels: str | Path | None = None,
) -> Inputs:
    """Reads samples, and the labels and calibration samples that the file brings along.

    Args:
        path: An `.npy`, `.npz`, idx or CIFAR-10 binary file, a picture, or a folder of pictures.
        scale: What stored numbers are divided by; None divides uint8 by 255 and leaves floats.
        samples: How many to keep, from the first on; None keeps all.
        labels: A file of labels, instead of those the input file brings along.

    Raises:
        InputError: If the file cannot be read or holds something else than samples.
    """
    path = Path(path)
    raw = _read_raw(path)
    kept = _kept(raw.x, samples, path)
    found = raw.labels if labels is None else read_labels(labels)
    if found is not None:
        found = checked_labels(found, len(raw.x), str(labels or path))[:kept]
    calibration = raw.calibration
    return Inputs(
        x=scaled(raw.x[:kept], scale, path),
        labels=found,
        calibration=None if calibration is None else scaled(calibration, scale, path),
        source=str(path),
    )


def _read_raw(path: Path) -> Raw:
    if not path.exists():
        raise InputError(f"no such input file: {str(path)!r}")
    for file_format in FORMATS:
        if file_format.recognizes(path):
            return file_format.read(path)
    raise InputError(
        f"{str(path)!r} is in no known input format",
        hint="give an .npy, .npz, idx or CIFAR-10 .bin file, or a folder of PNG or JPEG pictures",
    )


def _kept(x: NDArray[np.generic], samples: int | None, path: Path) -> int:
    if x.ndim == 0 or x.size == 0:
        raise InputError(f"{str(path)!r} holds no samples: its array has shape {x.shape}")
    if samples is None:
        return len(x)
    if samples < 1:
        raise InputError(f"{samples} samples asked for, expected at least 1")
    if samples > len(x):
        raise InputError(
            f"{samples} samples asked for, {str(path)!r} has {len(x)}",
            hint=f"ask for {len(x)} or fewer",
        )
    return samples
