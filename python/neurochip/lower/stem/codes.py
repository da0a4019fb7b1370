"""Spike codes: which bits stand for a tensor's values (neurons.md, section 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from ... import layers
from ...formats import Tensor
from ...layers import Layer
from ...network import SpikeCode
from ...settings import MAX_BITS

ChooseCode: TypeAlias = Callable[[Tensor], SpikeCode]
"""The code that is sent for a tensor."""


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


def choose_alike_codes(needed: Sequence[Layer]) -> ChooseCode:
    """Codes with which tensors that reach one neuron can be sent in the same timesteps.

    Such tensors have codes of equally many bits, with or without a sign bit. Those of a sum or a
    concatenation meet; what only moves or selects values passes its code on.
    """
    meetings = _Meetings()
    for layer in needed:
        if isinstance(layer, (layers.Add, layers.Concat)):
            meetings.meet(*layer.inputs)
        if isinstance(layer, (layers.Concat, layers.Rearrange, layers.MaxPool)):
            meetings.meet(layer.inputs[0], layer.output)
    codes: dict[str, SpikeCode] = {}
    for tensors in meetings.groups():
        codes |= _alike(tensors)
    return lambda tensor: codes.get(tensor.name) or choose_code(tensor)


def _alike(tensors: Sequence[Tensor]) -> Mapping[str, SpikeCode]:
    """Codes of one kind; unsigned if one of them is by itself: a ReLU's zeros then send nothing."""
    codes = {tensor.name: choose_code(tensor) for tensor in tensors}
    if all(code.signed for code in codes.values()):
        bits = max(code.bits for code in codes.values())
        return {name: replace(code, bits=bits) for name, code in codes.items()}
    bits = max((tensor.high - tensor.low).bit_length() for tensor in tensors) or 1
    return {tensor.name: SpikeCode(bits, False, tensor.low) for tensor in tensors}


class _Meetings:
    """Tensors in groups that grow together."""

    def __init__(self) -> None:
        self._group: dict[str, dict[str, Tensor]] = {}

    def meet(self, *tensors: Tensor) -> None:
        """Puts tensors, and whoever they have met, into one group."""
        together: dict[str, Tensor] = {}
        for tensor in tensors:
            if tensor.format.bits <= MAX_BITS:  # accumulators are read, not sent
                together |= self._group.get(tensor.name, {}) | {tensor.name: tensor}
        self._group |= dict.fromkeys(together, together)

    def groups(self) -> list[list[Tensor]]:
        """Each group once."""
        once = {id(group): group for group in self._group.values()}
        return [list(group.values()) for group in once.values()]
