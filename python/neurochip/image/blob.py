"""The binary part of an image: arrays one after the other, equal ones once."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Blob:
    """Collects arrays and says where each is."""

    def __init__(self) -> None:
        """Starts empty."""
        self._parts: list[bytes] = []
        self._length = 0
        self._offsets: dict[bytes, int] = {}

    def add_weights(self, weights: NDArray[Any], bits: int) -> dict[str, int]:
        """Stores weights of `bits`; returns their place as the image's schema says it."""
        return self._add(weights, bits // 8)

    def add_numbers(self, numbers: NDArray[np.integer]) -> dict[str, int]:
        """Stores integers as narrow as they are; returns their place and width."""
        # The complement of a positive number is negative, and as wide.
        furthest = min(int(numbers.min(initial=0)), ~int(numbers.max(initial=0)))
        width = np.min_scalar_type(furthest).itemsize
        return {**self._add(numbers, width), "bytes": width}

    def _add(self, values: NDArray[Any], width: int) -> dict[str, int]:
        data = np.ascontiguousarray(values, np.dtype(f"<i{width}")).tobytes()
        key = hashlib.sha256(data).digest()
        if key not in self._offsets:
            self._offsets[key] = self._length
            self._parts.append(data)
            self._length += len(data)
        return {"offset": self._offsets[key], "count": int(np.size(values))}

    def to_bytes(self) -> bytes:
        """Everything that was added."""
        return b"".join(self._parts)
