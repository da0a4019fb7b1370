"""Inputs: samples and labels from the files that people have, brought to a network's input shape.

One file format a module; each offers `recognizes(path)` and `read(path) -> Raw`, and a new one is
added to `FORMATS`. What a reader returns is raw: the numbers as stored. `read_inputs` checks and
scales them, `Inputs.fit_to` brings them to the axes of a network, `Normalization` comes last.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from . import cifar, idx, numpy_files, pictures
from .fitting import fit
from .labels import checked_labels, in_order, labels_by_name, read_labels
from .raw import InputFormat, Raw
from .samples import Inputs, Normalization, normalized, random_inputs, refuse_other_types, scaled

__all__ = [
    "FORMATS",
    "Inputs",
    "Normalization",
    "Raw",
    "fit",
    "normalized",
    "random_inputs",
    "read_inputs",
    "read_labels",
    "refuse_other_types",
]

FORMATS: tuple[InputFormat, ...] = (numpy_files, cifar, idx, pictures)


def read_inputs(
    path: str | Path,
    *,
    scale: float | None = None,
    samples: int | None = None,
    labels: str | Path | None = None,
    codes: bool = False,
) -> Inputs:
    """Reads samples, and the labels and calibration samples that the file brings along.

    Args:
        path: An `.npy`, `.npz`, idx or CIFAR-10 binary file, an image, or a folder of images.
        scale: What stored numbers are divided by; None divides uint8 by 255 and leaves floats.
        samples: How many to keep, from the first on; None keeps all.
        labels: A file of labels, instead of those the input file brings along: one per sample in
            order, or a CSV file of `file,label` for samples that are files.
        codes: Whether the network takes integers: without a scale they are left as they are.

    Raises:
        InputError: If the file cannot be read or holds something else than samples.
    """
    path = Path(path)
    if samples is not None and samples < 1:
        raise InputError(f"{samples} samples asked for, expected at least 1")
    raw = _read_raw(path, samples)
    _require_samples(raw, samples, path)
    found = raw.labels if labels is None else _labels_beside(labels, raw, path)
    if found is not None:
        found = checked_labels(found, raw.count, str(labels or path))[:samples]
    calibration = raw.calibration
    return Inputs(
        x=scaled(raw.x, scale, str(path), codes),
        labels=found,
        calibration=None if calibration is None else scaled(calibration, scale, str(path), codes),
        source=str(path),
        image_file=raw.image_file,
    )


def _labels_beside(labels: str | Path, raw: Raw, path: Path) -> NDArray[np.generic]:
    """The labels of a file of their own: by name, or by position where that is an order."""
    by_name = labels_by_name(labels)
    if by_name is not None:
        return in_order(by_name, raw.names, str(labels))
    if raw.labels is not None and raw.names:
        raise InputError(
            f"{str(labels)!r} has labels by position, and the samples of {str(path)!r} stand in "
            "sub-folders that are their classes",
            hint="leave `--labels` out, or give a CSV file of `file,label`",
        )
    return read_labels(labels)


def _read_raw(path: Path, samples: int | None) -> Raw:
    if not path.exists():
        raise InputError(f"no such input file: {str(path)!r}")
    for file_format in FORMATS:
        if file_format.recognizes(path):
            return file_format.read(path, samples)
    raise InputError(
        f"{str(path)!r} is in no known input format",
        hint="give an .npy, .npz, idx or CIFAR-10 .bin file, or a folder of PNG or JPEG images",
    )


def _require_samples(raw: Raw, samples: int | None, path: Path) -> None:
    if raw.x.ndim == 0 or raw.x.size == 0:
        shape = (raw.count, *raw.x.shape[1:]) if raw.x.ndim else ()
        raise InputError(f"{str(path)!r} holds no samples: its array has shape {shape}")
    if samples is not None and samples > raw.count:
        raise InputError(
            f"{samples} samples asked for, {str(path)!r} has {raw.count}",
            hint=f"ask for {raw.count} or fewer",
        )
