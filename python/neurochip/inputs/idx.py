"""Idx files, in which MNIST and its relatives come: `train-images-idx3-ubyte`, gzipped or not."""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import LFS_POINTER, refuse_lfs_pointer
from .limits import rows_to_read
from .raw import Raw

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def recognizes(path: Path) -> bool:
    """Whether the file's name says idx."""
    return path.is_file() and "idx" in path.name


def read(path: Path, samples: int | None) -> Raw:
    """Reads images; labels from the labels file beside, calibration from the training set."""
    x, count = read_array(path, samples)
    if x.ndim < 2:
        raise InputError(
            f"{str(path)!r} holds labels (one axis), expected images",
            hint="give the `images-idx3-ubyte` file; its labels are found beside it",
        )
    labels = _beside(path, (("images", "labels"), ("idx3", "idx1")))
    training = _beside(path, (("t10k", "train"),)) or _beside(path, (("test", "train"),))
    return Raw(
        x=x,
        count=count,
        labels=None if labels is None else read_array(labels)[0],
        calibration=None if training is None else read_array(training)[0],
    )


def read_array(path: Path, rows: int | None = None) -> tuple[NDArray[np.generic], int]:
    """Reads the one array of an idx file, or its first rows; and how many rows there are.

    Raises:
        InputError: If it is no idx file, is damaged, or too large to be read.
    """
    is_packed = path.suffix == ".gz"
    try:
        with gzip.open(path) if is_packed else path.open("rb") as opened:
            file = cast(IO[bytes], opened)
            return _read(file, None if is_packed else path.stat().st_size, rows, path)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from error


def _read(
    file: IO[bytes], size: int | None, rows: int | None, path: Path
) -> tuple[NDArray[np.generic], int]:
    """Reads what the header declares and not more; `size` is the file's, None if it is packed."""
    start = file.read(4)
    if LFS_POINTER.startswith(start):
        refuse_lfs_pointer(start + file.read(60), repr(str(path)), InputError)
    zeros, code, axes = struct.unpack(">HBB", start.ljust(4, b"\xff"))
    lengths = file.read(4 * axes)
    if zeros != 0 or code not in DTYPES or len(lengths) < 4 * axes:
        raise InputError(
            f"{str(path)!r} is not an idx file: it starts with {start.hex() or 'nothing'}, "
            "expected 0000 and a type such as 08"
        )
    shape = struct.unpack(f">{axes}I", lengths)
    dtype = np.dtype(DTYPES[code])
    kept = rows_to_read(shape, rows, repr(str(path)))
    read = (kept, *shape[1:]) if shape else ()
    wanted, declared = (prod(lengths) * dtype.itemsize for lengths in (read, shape))
    header = 4 + 4 * axes
    data = file.read(wanted)
    more = 0
    if size is None:
        # Only what is wanted is unpacked, and one byte to see whether it is all.
        more = len(file.read(1)) if wanted == declared else declared - len(data)
        size = header + len(data) + more
    if size != header + declared or len(data) < wanted:
        raise InputError(
            f"{str(path)!r} has {'at least ' if more else ''}{size} bytes, "
            f"its header says {header + declared}: it was cut short or altered",
            hint="download it again",
        )
    values = np.frombuffer(data, dtype) if wanted else np.empty(0, dtype)
    return values.reshape(read).astype(dtype.newbyteorder("=")), shape[0] if shape else 1


def _beside(path: Path, replacements: tuple[tuple[str, str], ...]) -> Path | None:
    """The sibling whose name differs by `replacements`, gzipped or not, where it exists."""
    own_name = path.name.removesuffix(".gz")
    name = own_name
    for old, new in replacements:
        name = name.replace(old, new)
    if name == own_name:
        return None
    candidates = (path.with_name(name), path.with_name(name + ".gz"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)
