"""Formats: how a tensor's integer codes stand for real numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""A tensor of codes or of real values; the first axis counts samples."""


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """Code `q` stands for the real number `(q - zero_point) * scale`."""

    bits: int
    """8 for uint8 and int8, 4 for uint4 and int4, 32 for an accumulator."""
    signed: bool
    scale: NDArray[np.float32]
    """Of shape (); an accumulator's may also be one number per channel."""
    zero_point: int

    @property
    def qmin(self) -> int:
        """The smallest code the bits can hold."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def qmax(self) -> int:
        """The largest code the bits can hold."""
        return self.qmin + (1 << self.bits) - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type that carries the codes; 4-bit codes travel one per byte."""
        if self.bits > 8:
            return np.dtype(np.int32)
        return np.dtype(np.int8 if self.signed else np.uint8)

    @property
    def type_name(self) -> str:
        """What ONNX calls the codes' type."""
        return f"{'' if self.signed else 'u'}int{self.bits}"

    def quantize(self, real: Array) -> Array:
        """Rounds real numbers to codes as QuantizeLinear does: divide, clamp, half to even."""
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            levels = np.asarray(real, np.float32) / self._along_channels(np.ndim(real))
            levels = np.clip(levels, self.qmin - self.zero_point, self.qmax - self.zero_point)
            return np.asarray(np.rint(levels) + self.zero_point).astype(self.dtype)

    def dequantize(self, codes: Array) -> NDArray[np.float32]:
        """The real numbers that codes stand for, as DequantizeLinear computes them."""
        # int64: the difference of two int32 may not fit in one.
        levels = (codes.astype(np.int64) - self.zero_point).astype(np.float32)
        return np.asarray(levels * self._along_channels(codes.ndim), np.float32)

    def _along_channels(self, rank: int) -> NDArray[np.float32]:
        """The scale, shaped to lie along axis 1 of an array of this rank."""
        if self.scale.ndim == 0:
            return self.scale
        return self.scale.reshape((1, -1) + (1,) * (rank - 2))

    def __eq__(self, other: object) -> bool:
        """Equal when every code means the same number."""
        if not isinstance(other, Format):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        """Equal formats share a hash, so tables can be cached by format."""
        return hash(self._key())

    def _key(self) -> tuple[int, bool, int, bytes]:
        return self.bits, self.signed, self.zero_point, self.scale.tobytes()


@dataclass(frozen=True, slots=True)
class Tensor:
    """What flows between two layers, without the sample axis."""

    name: str
    """The ONNX tensor's name."""
    shape: tuple[int, ...]
    """(channels, height, width) or (features,), in ONNX order."""
    format: Format
    low: int
    """The smallest code that can occur."""
    high: int
    """The largest code that can occur."""

    @property
    def value_range(self) -> tuple[int, int]:
        """Smallest and largest `code - zero_point`."""
        return self.low - self.format.zero_point, self.high - self.format.zero_point
