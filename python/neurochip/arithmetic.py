"""Arithmetic that onnxruntime and the chip share: float32 rounding, in floats and in integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MANTISSA_BITS = 24
"""Significant bits of a float32."""

_FAR = 40
"""A shift this far takes any 24-bit mantissa out of every code's range, up or down."""


def reference(
    acc: NDArray[np.int64], multiplier: ArrayLike, zero_point: int, low: int, high: int
) -> NDArray[np.int64]:
    """Requantizes accumulators as onnxruntime does: `clip(rne(float32(acc) * M) + Z, low, high)`.

    Args:
        acc: Accumulators, of any shape.
        multiplier: M, a float32 not below zero, or an array of them that broadcasts against `acc`.
        zero_point: Z, added after rounding.
        low: Smallest code of the output.
        high: Largest code of the output.
    """
    # Clamping between integers commutes with rounding, and it makes the conversion safe: the
    # product may be infinite.
    with np.errstate(over="ignore"):
        product = acc.astype(np.float32) * np.asarray(multiplier, dtype=np.float32)
    clamped = np.clip(product, np.float32(low - zero_point), np.float32(high - zero_point))
    return np.asarray(np.rint(clamped), dtype=np.int64) + zero_point


def float32_parts(multiplier: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Splits float32 numbers not below zero into `mantissa * 2**-shift`, exactly.

    The mantissa has 24 bits, the highest of them set, unless the number is zero (0, 0).
    """
    value = np.asarray(multiplier, dtype=np.float32).astype(np.float64)
    fraction, exponent = np.frexp(value)
    mantissa = np.ldexp(fraction, _MANTISSA_BITS).astype(np.int64)
    shift = np.where(mantissa == 0, 0, _MANTISSA_BITS - exponent.astype(np.int64))
    return mantissa, shift


def requantize_float32(
    acc: NDArray[np.int64],
    mantissa: ArrayLike,
    shift: ArrayLike,
    zero_point: int,
    low: int,
    high: int,
) -> NDArray[np.int64]:
    """Computes `reference` in integers alone, as the soma's `float32` requantizer does.

    One 24 x 24 bit multiplier and three roundings, half to even: of `|acc|` to 24 bits, of the
    48-bit product to 24 bits, and of the shifted result to an integer.

    Args:
        acc: Accumulators below 2^62 in magnitude.
        mantissa: First part of the multiplier, from `float32_parts`.
        shift: Second part of the multiplier.
        zero_point: Added after rounding.
        low: Smallest code of the output.
        high: Largest code of the output.
    """
    rounded, acc_exponent = _round_to_mantissa(np.abs(acc))
    product, exponent = _round_to_mantissa(rounded * np.asarray(mantissa, dtype=np.int64))
    exponent = np.clip(exponent + acc_exponent - np.asarray(shift, dtype=np.int64), -_FAR, _FAR)
    # A 25-bit mantissa (rounding can carry into bit 24) moved up by at most 37 stays below 2^62.
    left = np.minimum(np.maximum(exponent, 0), 37)
    magnitude = _shift_right_to_even(product << left, np.maximum(-exponent, 0))
    return np.asarray(np.clip(np.sign(acc) * magnitude + zero_point, low, high), dtype=np.int64)


def fma32(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> NDArray[np.float32]:
    """Computes `a * b + c` in float32 with a single rounding, as a fused multiply-add does.

    The float64 product of two float32 numbers is exact. The float64 sum may not be, and rounding
    it again would round twice; so it is rounded *to odd* first: of the two float64 neighbours of
    the true sum it takes the one with an odd mantissa. That keeps every tie of the final rounding
    a tie and no other value a tie, because 53 bits are more than 24 + 1 (Boldo and Melquiond).
    """
    first, second, addend = (np.asarray(x, np.float32).astype(np.float64) for x in (a, b, c))
    product = first * second
    total = np.asarray(product + addend)
    part = total - product  # Knuth's two-sum: `error` is what the addition lost, exactly
    error = np.asarray((product - (total - part)) + (addend - part))
    even = (total.view(np.int64) & 1) == 0
    neighbour = np.nextafter(total, np.copysign(np.inf, error))
    odd = np.where((error != 0) & even, neighbour, total)
    with np.errstate(over="ignore"):
        return np.asarray(odd.astype(np.float32))


def _round_to_mantissa(value: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rounds numbers not below zero to 24 significant bits; `result * 2**exponent`."""
    # frexp of the float64 is the bit length or, where float64 rounded up to a power of two, one
    # more; the number then rounds to that power at 24 bits as well.
    length = np.frexp(value.astype(np.float64))[1].astype(np.int64)
    exponent = np.maximum(length - _MANTISSA_BITS, 0)
    return _shift_right_to_even(value, exponent), exponent


def _shift_right_to_even(value: NDArray[np.int64], shift: NDArray[np.int64]) -> NDArray[np.int64]:
    """Divides numbers not below zero by `2**shift`, rounding half to even."""
    floor = value >> shift
    remainder = value - (floor << shift)
    half = (np.int64(1) << shift) >> 1
    up = (remainder > half) | ((remainder == half) & (shift > 0) & ((floor & 1) == 1))
    return np.asarray(floor + up)
