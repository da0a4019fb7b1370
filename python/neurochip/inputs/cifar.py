"""CIFAR-10 binary batches: records of one label byte and 3 x 32 x 32 picture bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .raw import Raw

PICTURE_SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32


def recognizes(path: Path) -> bool:
    """Whether this is a `.bin` file or a folder of them."""
    return path.suffix == ".bin" or (path.is_dir() and any(path.glob("*.bin")))


def read(path: Path) -> Raw:
    """Reads one batch; or a folder: its test batch, and the other batches as calibration set."""
    if path.is_file():
        x, labels = _read_batches([path])
        return Raw(x=x, labels=labels)
    test = sorted(path.glob("test*.bin"))
    training = sorted(set(path.glob("*.bin")) - set(test))
    x, labels = _read_batches(test or training)
    calibration = _read_batches(training)[0] if test and training else None
    return Raw(x=x, labels=labels, calibration=calibration)


def _read_batches(paths: Sequence[Path]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    records = np.concatenate([_read_records(path) for path in paths])
    return records[:, 1:].reshape(-1, *PICTURE_SHAPE), records[:, 0]


def _read_records(path: Path) -> NDArray[np.uint8]:
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from error
    if len(data) == 0 or len(data) % RECORD_BYTES:
        raise InputError(
            f"{str(path)!r} has {len(data)} bytes, expected a multiple of {RECORD_BYTES} "
            "(a CIFAR-10 record)",
            hint="give a file of the CIFAR-10 binary version, such as test_batch.bin",
        )
    return data.reshape(-1, RECORD_BYTES)
