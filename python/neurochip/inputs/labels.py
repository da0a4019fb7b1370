"""Labels: one class index a sample, from a file of their own or from beside the samples."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import refuse_lfs_pointer
from . import idx, numpy_files
from .limits import MAX_TEXT_BYTES


def read_labels(path: str | Path) -> NDArray[np.generic]:
    """Reads labels from an `.npy`, `.npz`, idx or text file (one number per line).

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


def labels_by_name(path: str | Path) -> dict[str, int] | None:
    """Labels of a CSV file whose first line names the columns `file` and `label`; None for others.

    Raises:
        InputError: If a line has no file or no class index, or a file has two labels.
    """
    path = Path(path)
    if path.suffix.lower() != ".csv" or not path.is_file() or path.stat().st_size > MAX_TEXT_BYTES:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = csv.DictReader(lines, skipinitialspace=True)
        columns = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
        if not {"file", "label"} <= columns.keys():
            return None
        found: dict[str, int] = {}
        for row in rows:
            name, label = row[columns["file"]], row[columns["label"]]
            if not name or not re.fullmatch(r"\s*[0-9]{1,18}\s*", label or ""):
                raise ValueError(f"line {rows.line_num} is no file and class index")
            if found.setdefault(name.strip(), int(label)) != int(label):
                raise ValueError(f"{name!r} has two labels")
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"cannot read labels from {str(path)!r}: {error}",
            hint="give a line `file,label`, and below it one for each file",
        ) from error
    return found


def in_order(by_name: Mapping[str, int], names: Sequence[str], source: str) -> NDArray[np.int64]:
    """Labels in the order of samples that are files; by their path in the folder, or by name.

    Raises:
        InputError: If the samples are no files, or some have no label.
    """
    if not names:
        raise InputError(
            f"{source!r} has labels by file, and the samples are not files of a folder",
            hint="give labels in the order of the samples, one per line",
        )
    keys = [name if name in by_name else PurePosixPath(name).name for name in names]
    missing = [name for name, key in zip(names, keys, strict=True) if key not in by_name]
    if missing:
        raise InputError(
            f"{source!r} has no label for {len(missing)} of {len(names)} samples, the first is "
            f"{missing[0]!r}"
        )
    return np.array([by_name[key] for key in keys], np.int64)


def checked_labels(labels: NDArray[np.generic], samples: int, source: str) -> NDArray[np.int64]:
    """Returns labels as int64, one per sample, or says what is wrong with them."""
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
