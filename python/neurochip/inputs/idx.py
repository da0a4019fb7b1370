"""Idx files, in which MNIST and its relatives come: `train-images-idx3-ubyte`, gzipped or not."""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .raw import Raw

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def recognizes(path: Path) -> bool:
    """Whether the file's name says idx."""
    return path.is_file() and "idx" in path.name


def read(path: Path) -> Raw:
    """Reads pictures; labels from the labels file beside, calibration from the training set."""
    x = read_array(path)
    if x.ndim < 2:
        raise InputError(
            f"{str(path)!r} holds labels (one axis), expected pictures",
            hint="give the `images-idx3-ubyte` file; its labels are found beside it",
        )
    labels = _beside(path, (("images", "labels"), ("idx3", "idx1")))
    training = _beside(path, (("t10k", "train"),)) or _beside(path, (("test", "train"),))
    return Raw(
        x=x,
        labels=None if labels is None else read_array(labels),
        calibration=None if training is None else read_array(training),
    )


def read_array(path: Path) -> NDArray[np.generic]:
    """Reads the one array of an idx file."""
    data = _content(path)
    zeros, code, axes = struct.unpack(">HBB", data[:4].ljust(4, b"\xff"))
    if zeros != 0 or code not in DTYPES or len(data) < 4 + 4 * axes:
        raise InputError(
            f"{str(path)!r} is not an idx file: it starts with {data[:4].hex() or 'nothing'}, "
            "expected 0000 and a type such as 08"
        )
    shape = struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes])
    dtype = np.dtype(DTYPES[code])
    expected = 4 + 4 * axes + prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise InputError(
            f"{str(path)!r} has {len(data)} bytes, its header says {expected}: "
            "it was cut short or altered",
            hint="download it again",
        )
    values = np.frombuffer(data, dtype, offset=4 + 4 * axes).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from error


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
