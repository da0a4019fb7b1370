"""How numbers are written: digits grouped in threes, as many of them as say something."""

from __future__ import annotations

from .contents import Agreement, Spread

ENERGY_UNITS = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


def count(value: float) -> str:
    """A count, or the mean of counts: `1,234`, `0.25`, `12.5`."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def microseconds(value: float) -> str:
    """A duration to four digits or more: `36,000`, `36.04`, `0.003604`."""
    return f"{value:,.0f}" if value >= 10_000 else f"{value:,.4g}"


def energy(value_pj: float) -> str:
    """An energy in the unit in which it is between 1 and 1000: `98.755 nJ`."""
    divisor, unit = next((unit for unit in ENERGY_UNITS if value_pj >= unit[0]), ENERGY_UNITS[-1])
    return f"{value_pj / divisor:,.3f} {unit}"


def percent(part: float, whole: float) -> str:
    """A share in percent; what is more than nothing never reads as nothing."""
    if whole == 0 or part == 0:
        return "0 %"
    share = 100 * part / whole
    return f"{share:.1f} %" if share >= 0.1 else f"{share:.1g} %"


def range_of(spread: Spread) -> str:
    """Smallest to largest, or nothing where all samples are the same."""
    if spread.smallest == spread.largest:
        return ""
    return f"{count(spread.smallest)} to {count(spread.largest)}"


def differing(agreement: Agreement) -> str:
    """`12 of 3,456 values differ (0.3 %)`."""
    told = f"{agreement.differing:,} of {agreement.compared:,} values differ"
    if agreement.differing == 0:
        return told
    return f"{told} ({percent(agreement.differing, agreement.compared)})"
