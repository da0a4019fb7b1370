"""The binary part of an image: arrays one after the other, equal ones once."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 8
"""Bytes: an array starts at a multiple, except among weights of one byte."""


class Blob:
    """Collects arrays and says where each is."""

    def __init__(self) -> None:
        """Starts empty."""
        self._parts: list[bytes] = []
        self._length = 0
        self._known: dict[bytes, dict[str, int]] = {}

    def add(self, values: NDArray[Any], dtype: str) -> dict[str, int]:
        """Stores an array in little endian; returns its place as the image's schema says it."""
        data = np.ascontiguousarray(values, np.dtype(dtype).newbyteorder("<")).tobytes()
        key = hashlib.sha256(dtype.encode() + data).digest()
        if key not in self._known:
            padding = -self._length % ALIGNMENT if dtype != "int8" else 0
            self._parts += [bytes(padding), data]
            self._length += padding
            self._known[key] = {"offset": self._length, "count": int(np.size(values))}
            self._length += len(data)
        return self._known[key]

    def to_bytes(self) -> bytes:
        """Everything that was added."""
        return b"".join(self._parts)
