"""How numbers are written: digits grouped in threes, as many of them as say something."""

from __future__ import annotations

import math

from .contents import DifferingValues, Spread

TIME_UNITS = ((1e6, "s", 1e7), (1e3, "ms", 1e4), (1.0, "µs", 0.0))
"""Microseconds in a unit, the unit, and from how many on it is taken."""
ROUNDING = 1e-9
"""Of a share in percent: what is closer to all is all."""
ENERGY_UNITS = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


def count(value: float) -> str:
    """A count, or the mean of counts: `1,234`, `0.25`, `12.5`."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def duration(value_us: float) -> str:
    """A duration to four digits: `36.04 µs`, and from 10,000 µs on `36.04 ms`, likewise in s."""
    divisor, unit = next(unit for unit in TIME_UNITS if value_us >= unit[2])[:2]
    value = value_us / divisor
    return f"{value:,.0f} {unit}" if value >= 10_000 else f"{value:,.4g} {unit}"


def energy(value_pj: float) -> str:
    """An energy in the unit in which it is between 1 and 1000: `98.755 nJ`."""
    divisor, unit = next((unit for unit in ENERGY_UNITS if value_pj >= unit[0]), ENERGY_UNITS[-1])
    return f"{value_pj / divisor:,.3f} {unit}"


def percent(part: float, whole: float) -> str:
    """A share in percent; neither more than nothing reads as nothing, nor less than all as all."""
    if whole == 0 or part == 0:
        return "0 %"
    share = 100 * part / whole
    rest = 100 - share
    if ROUNDING < rest <= 0.05:
        decimals = min(6, -math.floor(math.log10(rest)))
        return f"{100 - max(rest, 1e-6):.{decimals}f} %"
    if share >= 0.1:
        return f"{share:.1f} %"
    decimals = -math.floor(math.log10(float(f"{share:.0e}")))
    return f"{share:.{decimals}f} %" if decimals <= 6 else f"{share:.1g} %"


def range_of(spread: Spread) -> str:
    """Smallest to largest, or nothing where all samples are the same."""
    if spread.smallest == spread.largest:
        return ""
    return f"{count(spread.smallest)} to {count(spread.largest)}"


def differing(agreement: DifferingValues) -> str:
    """`12 of 3,456 values differ (0.3 %)`."""
    told = f"{agreement.differing:,} of {agreement.compared:,} values differ"
    if agreement.differing == 0:
        return told
    return f"{told} ({percent(agreement.differing, agreement.compared)})"
