"""CIFAR-10 binary batches: records of one label byte and 3 x 32 x 32 image bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import reason
from .limits import rows_to_read
from .raw import Raw

IMAGE_SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32


def recognizes(path: Path) -> bool:
    """Whether this is a `.bin` file or a folder of them."""
    return path.suffix == ".bin" or (path.is_dir() and any(path.glob("*.bin")))


def read(path: Path, samples: int | None) -> Raw:
    """Reads one batch; or a folder: its test batch, and the other batches as calibration set."""
    if path.is_file():
        return _read_batches([path], samples)
    test = sorted(path.glob("test*.bin"))
    training = sorted(set(path.glob("*.bin")) - set(test))
    raw = _read_batches(test or training, samples)
    return replace(raw, calibration=_read_batches(training).x) if test and training else raw


def _read_batches(paths: Sequence[Path], samples: int | None = None) -> Raw:
    counts = [_count(path) for path in paths]
    total = sum(counts)
    what = repr(str(paths[0] if len(paths) == 1 else paths[0].parent))
    left = rows_to_read((total, RECORD_BYTES), samples, what)
    parts = []
    for path, count in zip(paths, counts, strict=True):
        parts.append(_read_records(path, min(count, left)))
        left -= len(parts[-1])
    records = np.concatenate(parts)
    return Raw(records[:, 1:].reshape(-1, *IMAGE_SHAPE), total, _labels(paths, counts))


def _labels(paths: Sequence[Path], counts: Sequence[int]) -> NDArray[np.uint8]:
    """Of all records: a byte each, wherever they are."""
    return np.concatenate(
        [
            np.memmap(path, np.uint8, "r", shape=(count, RECORD_BYTES))[:, 0].copy()
            for path, count in zip(paths, counts, strict=True)
        ]
    )


def _count(path: Path) -> int:
    """How many records a file has."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {reason(error)}") from error
    if size == 0 or size % RECORD_BYTES:
        raise InputError(
            f"{str(path)!r} has {size} bytes, expected a multiple of {RECORD_BYTES} "
            "(a CIFAR-10 record)",
            hint="give a file of the CIFAR-10 binary version, such as test_batch.bin",
        )
    return size // RECORD_BYTES


def _read_records(path: Path, count: int) -> NDArray[np.uint8]:
    try:
        data = np.fromfile(path, np.uint8, count * RECORD_BYTES)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {reason(error)}") from error
    return data.reshape(-1, RECORD_BYTES)
