"""Which part of the values seen a tensor's codes stand for."""

from __future__ import annotations

import numpy as np

from ..formats import Format
from .calibrate import Seen
from .options import QuantizeOptions

STEPS = 128
"""How many ranges the search for the least squared error compares."""


def chosen_format(seen: Seen, bits: int, options: QuantizeOptions) -> Format:
    """The unsigned format of a tensor: zero point 0 wherever no value is negative."""
    if options.ranges == "percentile":
        return spanning(*percentile_range(seen, options.kept_percent), bits)
    if options.ranges == "mse":
        return least_error(seen, bits)
    return spanning(seen.low, seen.high, bits)


def spanning(low: float, high: float, bits: int) -> Format:
    """The format whose codes reach from low to high, and hold 0 exactly as padding needs it."""
    low, high = min(low, 0.0), max(high, 0.0)
    levels = (1 << bits) - 1
    scale = np.float32((high - low) / levels)
    if scale < np.finfo(np.float32).tiny:
        scale = np.float32(1.0)  # nothing but zeros was seen
    zero_point = int(np.clip(np.rint(-low / float(scale)), 0, levels))
    return Format(bits, False, np.asarray(scale), zero_point)


def percentile_range(seen: Seen, percent: float) -> tuple[float, float]:
    """The smallest range of whole parts that keeps so many values.

    What is left out is taken from above where no value is negative, else evenly from both ends.
    """
    edges = seen.edges
    total = seen.counts.sum()
    left_out = (1 - percent / 100) * total
    if seen.low < 0 < seen.high:
        left_out /= 2
    above = np.cumsum(seen.counts[::-1])[::-1]  # values in this part or a higher one
    below = np.cumsum(seen.counts)
    high = edges[1 + int(np.flatnonzero(above > left_out)[-1])] if seen.high > 0 else seen.high
    low = edges[int(np.flatnonzero(below > left_out)[0])] if seen.low < 0 else seen.low
    return float(low), float(high)


def least_error(seen: Seen, bits: int) -> Format:
    """The format with the least squared error among those that keep 1 / STEPS to all of the range.

    Both ends shrink together; the first of equals is the widest.
    """
    shares = np.arange(STEPS, 0, -1) / STEPS
    candidates = [spanning(seen.low * share, seen.high * share, bits) for share in shares]
    return min(candidates, key=lambda candidate: squared_error(seen, candidate))


def squared_error(seen: Seen, candidate: Format) -> float:
    """The sum of squared differences between values and what their codes stand for."""
    centres = seen.centres
    differences = candidate.dequantize(candidate.quantize(centres)) - centres
    return float(seen.counts @ differences**2)


def kept(candidate: Format) -> tuple[float, float]:
    """Between which numbers a code is at most half a step away: what lies beyond is clipped."""
    scale = float(candidate.scale)
    low, high = candidate.qmin - candidate.zero_point, candidate.qmax - candidate.zero_point
    return (low - 0.5) * scale, (high + 0.5) * scale
