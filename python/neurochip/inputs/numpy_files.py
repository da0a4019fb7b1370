"""NumPy files: `.npy` holds samples; `.npz` holds samples, labels and calibration samples by name.

Pickled objects are never loaded.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .raw import Raw

SAMPLES = ("x", "x_test")
LABELS = ("y", "y_test")
CALIBRATION = ("x_calibration", "x_train")


def recognizes(path: Path) -> bool:
    """Whether the file's name says NumPy."""
    return path.is_file() and path.suffix in {".npy", ".npz"}


def read(path: Path) -> Raw:
    """Reads the samples, and from an `.npz` the labels and calibration samples beside them."""
    arrays = _load(path)
    if path.suffix == ".npy":
        return Raw(x=arrays["x"])
    return Raw(
        x=_first_of(arrays, SAMPLES, path, "samples"),
        labels=next((arrays[name] for name in LABELS if name in arrays), None),
        calibration=next((arrays[name] for name in CALIBRATION if name in arrays), None),
    )


def read_labels(path: Path) -> NDArray[np.generic]:
    """Reads the only array of an `.npy`, or the labels of an `.npz`."""
    arrays = _load(path)
    return arrays["x"] if path.suffix == ".npy" else _first_of(arrays, LABELS, path, "labels")


def _load(path: Path) -> dict[str, NDArray[np.generic]]:
    known = {*SAMPLES, *LABELS, *CALIBRATION}
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"x": loaded}
            # Other arrays stay packed: only their names matter, to a message.
            return {name: loaded[name] if name in known else np.empty(0) for name in loaded.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        if "allow_pickle" in str(error):
            raise InputError(
                f"{str(path)!r} holds pickled Python objects, which are never loaded",
                hint="store a plain array, such as numpy.stack(list_of_pictures)",
            ) from error
        raise InputError(f"cannot read {str(path)!r} as a NumPy file: {error}") from error


def _first_of(
    arrays: dict[str, NDArray[np.generic]], names: Sequence[str], path: Path, what: str
) -> NDArray[np.generic]:
    for name in names:
        if name in arrays:
            return arrays[name]
    found = ", ".join(repr(name) for name in arrays) or "nothing"
    wanted = " or ".join(repr(name) for name in names)
    raise InputError(
        f"{str(path)!r} has no {what}: expected an array named {wanted}, found {found}",
        hint=f"save it with numpy.savez(path, {names[0]}=...)",
    )
