"""Labels: one class index a sample, from a file of their own or from beside the samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import refuse_lfs_pointer
from . import idx, numpy_files
from .limits import MAX_TEXT_BYTES


def read_labels(path: str | Path) -> NDArray[np.generic]:
    """Reads labels from an `.npy`, `.npz`, idx or text file (one number a line).

    Raises:
        InputError: If the file cannot be read or holds no labels.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"no such labels file: {str(path)!r}")
    if numpy_files.recognizes(path):
        return numpy_files.read_labels(path)
    if idx.recognizes(path):
        return idx.read_array(path)[0]
    try:
        size = path.stat().st_size
        if size > MAX_TEXT_BYTES:
            raise ValueError(f"it has {size:,} bytes, at most {MAX_TEXT_BYTES:,} are read")
        data = path.read_bytes()
        refuse_lfs_pointer(data, f"labels {str(path)!r}", InputError)
        words = data.decode("ascii").split()
        return np.array([int(word) for word in words], dtype=np.int64)
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(
            f"cannot read labels from {str(path)!r}: {error}",
            hint="give an .npy, .npz or idx file, or text with one class index a line",
        ) from error


def checked_labels(labels: NDArray[np.generic], samples: int, source: str) -> NDArray[np.int64]:
    """Returns labels as int64, one a sample, or says what is wrong with them."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"labels of {source!r} are {labels.dtype} of shape {labels.shape}, "
            "expected one class index a sample",
            hint="turn one-hot rows into indices with .argmax(axis=1)" if labels.ndim == 2 else "",
        )
    if len(labels) != samples:
        raise InputError(
            f"{len(labels)} labels for {samples} samples ({source!r})",
            hint="give labels for exactly these samples, in the same order",
        )
    indices = labels.astype(np.int64)
    if indices.min() < 0:
        first = int(np.flatnonzero(indices < 0)[0])
        raise InputError(f"label {first} of {source!r} is {indices[first]}, expected 0 or more")
    return indices
