"""The arrays of a NumPy file: `.npy` holds one, `.npz` several by name.

Each is read as far as it is asked for. Pickled objects are never loaded. Whatever a damaged file
makes NumPy, zipfile or a decompressor raise becomes an `InputError` here.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ..errors import InputError
from ..files import refuse_lfs_pointer
from .limits import rows_to_read

ZIP_MAGIC, NPY_MAGIC = b"PK", npy.MAGIC_PREFIX
MAX_HEADER = 10_000
"""Bytes of a header; NumPy parses no longer one of a file that it does not trust."""
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An array of a file, or its first rows."""

    shape: tuple[int, ...]
    """In the file."""
    values: NDArray[np.generic]

    @property
    def rows(self) -> int:
        """How many the file has."""
        return self.shape[0] if self.shape else 1


class NumpyFile:
    """An open `.npy` or `.npz`."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        """Reads the names of its arrays."""
        self._path, self._file = path, file
        start = file.read(64)
        refuse_lfs_pointer(start, repr(str(path)), InputError)
        if not start.startswith((ZIP_MAGIC, NPY_MAGIC)):
            raise ValueError(
                f"it starts with {start[:6]!r}, expected {NPY_MAGIC!r} or {ZIP_MAGIC!r}"
            )
        self._archive = zipfile.ZipFile(file) if start.startswith(ZIP_MAGIC) else None
        members = [] if self._archive is None else self._archive.namelist()
        self._members = {name.removesuffix(".npy"): name for name in members}

    @property
    def is_single(self) -> bool:
        """Whether it is one array without a name."""
        return self._archive is None

    @property
    def names(self) -> tuple[str, ...]:
        """Of its arrays."""
        return tuple(self._members)

    def read(self, name: str = "", rows: int | None = None) -> Stored:
        """One array: the only one, or that of a name.

        Args:
            name: One of `names`; empty where it is the only one.
            rows: How many to read along the first axis; None reads all.

        Raises:
            InputError: If it is damaged, holds Python objects, or is too large to be read.
        """
        with _damaged(self._path):
            if self._archive is None:
                size = self._path.stat().st_size
                self._file.seek(0)
                return _read(self._file, size, rows, repr(str(self._path)))
            info = self._archive.getinfo(self._members[name])
            with self._archive.open(info) as member:
                what = f"array {name!r} of {str(self._path)!r}"
                return _read(member, info.file_size, rows, what)


@contextmanager
def open_numpy(path: Path) -> Iterator[NumpyFile]:
    """Opens a file for as long as the block takes.

    Raises:
        InputError: If it cannot be read, or is no NumPy file.
    """
    with _damaged(path):
        file = path.open("rb")
    with file:
        with _damaged(path):
            opened = NumpyFile(path, file)
        yield opened


def _read(file: IO[bytes], size: int, rows: int | None, what: str) -> Stored:
    """Reads an array; `size` is how many bytes the file says it has."""
    version = npy.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"its format is version {version[0]}.{version[1]}, expected 1.0 or 2.0")
    shape, is_fortran, dtype = _header(file, version)
    if dtype.hasobject:
        raise InputError(
            f"{what} holds pickled Python objects, which are never loaded",
            hint="store a plain array, such as numpy.stack(list_of_images)",
        )
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"its shape is {shape}")
    kept = rows_to_read(shape, None if is_fortran else rows, what)
    declared, held = prod(shape) * dtype.itemsize, size - file.tell()
    if declared > held:
        raise ValueError(f"its header declares {declared:,} bytes, {held:,} are there")
    read = (kept, *shape[1:]) if shape else ()
    wanted = prod(read) * dtype.itemsize
    data = file.read(wanted)
    if len(data) < wanted:
        raise ValueError(f"its header declares {declared:,} bytes, {len(data):,} are there")
    values: NDArray[Any] = np.frombuffer(data, dtype) if wanted else np.empty(0, dtype)
    values = values.reshape(read, order="F" if is_fortran else "C")
    return Stored(shape, values if rows is None else values[:rows])


def _header(
    file: IO[bytes], version: tuple[int, int]
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """What NumPy makes of a header: it would read as many bytes as the length before it says."""
    width = 2 if version == (1, 0) else 4
    length = file.read(width)
    declared = int.from_bytes(length, "little")
    if declared > MAX_HEADER:
        raise ValueError(f"its header has {declared:,} bytes, at most {MAX_HEADER:,} are read")
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = HEADERS[version](
        BytesIO(length + file.read(declared))
    )
    return header


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    """Turns what the libraries below raise into one error: there is no end to what it may be."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        told = str(error) or type(error).__name__
        raise InputError(f"cannot read {str(path)!r} as a NumPy file: {told}") from error
