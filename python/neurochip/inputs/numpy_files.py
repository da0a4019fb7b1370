"""NumPy files: an `.npy` holds samples, an `.npz` also labels and calibration samples, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .numpy_arrays import NumpyFile, open_numpy
from .raw import Raw

SAMPLES = ("x", "x_test")
LABELS = ("y", "y_test")
CALIBRATION = ("x_calibration", "x_train")


def recognizes(path: Path) -> bool:
    """Whether the file's name says NumPy."""
    return path.is_file() and path.suffix in {".npy", ".npz"}


def read(path: Path, samples: int | None) -> Raw:
    """Reads the samples, and from an `.npz` the labels and calibration samples beside them."""
    with open_numpy(path) as file:
        if file.is_single:
            x = file.read(rows=samples)
            return Raw(x.values, x.rows)
        x = file.read(_first_of(file, SAMPLES, path, "samples"), samples)
        labels, calibration = (
            next((file.read(name).values for name in names if name in file.names), None)
            for names in (LABELS, CALIBRATION)
        )
        return Raw(x.values, x.rows, labels, calibration)


def read_labels(path: Path) -> NDArray[np.generic]:
    """Reads the only array of an `.npy`, or the labels of an `.npz`."""
    with open_numpy(path) as file:
        name = "" if file.is_single else _first_of(file, LABELS, path, "labels")
        return file.read(name).values


def _first_of(file: NumpyFile, names: Sequence[str], path: Path, what: str) -> str:
    for name in names:
        if name in file.names:
            return name
    found = ", ".join(repr(name) for name in file.names) or "nothing"
    wanted = " or ".join(repr(name) for name in names)
    raise InputError(
        f"{str(path)!r} has no {what}: expected an array named {wanted}, found {found}",
        hint=f"save it with numpy.savez(path, {names[0]}=...)",
    )
