"""Levels: how many of a tensor's codes its first spikes tell apart (quartz.md, section 1)."""

from __future__ import annotations

from ...formats import Tensor
from ...network import FirstSpike


def choose_levels(tensor: Tensor, timesteps: int, zeros: bool) -> FirstSpike:
    """As many levels as a window of `timesteps` has, and no more than the tensor has codes.

    Where there are more codes than timesteps, each level stands for `stride` of them; a code is
    sent as the nearest level. A stride of 2^r is rounding to multiples of 2^r (RoT). A tensor of
    one code has level 0 alone.
    """
    codes = tensor.high - tensor.low
    stride = codes // timesteps + 1
    return FirstSpike(codes // stride, stride, tensor.low, zeros)
