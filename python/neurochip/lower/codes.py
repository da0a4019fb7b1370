"""Spike codes: which bits stand for a tensor's values (neurons.md, section 2)."""

from __future__ import annotations

from ..formats import Tensor
from .network import SpikeCode

MAX_BITS = 8


def choose_code(tensor: Tensor) -> SpikeCode:
    """The code whose value is nearest to the real level `q - zero_point`; unsigned if both are.

    Where the difference is 0 no bias has to make up for it, and a border neuron needs no other
    bias than an inner one.
    """
    zero = tensor.format.zero_point
    unsigned = SpikeCode((tensor.high - tensor.low).bit_length() or 1, False, tensor.low)
    signed = _signed(tensor, zero)
    return min(unsigned, signed, key=lambda code: (abs(zero - code.base), code.signed))


def _signed(tensor: Tensor, zero: int) -> SpikeCode:
    """Two's complement around the base nearest to the zero point that reaches all codes."""
    bits = next(
        bits for bits in range(1, MAX_BITS + 1) if _reaches(bits, tensor, zero) or bits == MAX_BITS
    )
    half = 1 << (bits - 1)
    base = min(max(zero, tensor.high - half + 1), tensor.low + half)
    return SpikeCode(bits, True, base)


def _reaches(bits: int, tensor: Tensor, base: int) -> bool:
    half = 1 << (bits - 1)
    return tensor.low - base >= -half and tensor.high - base < half
