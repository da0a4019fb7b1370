"""Codes: the spikes that rate codes send for the values that STEM sends (figure 12).

Counted from activations, not simulated: what the neurons of `--code rate` send if their inputs are
exact, whenever these come. What simulated neurons send stands beside it (`rate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...chip import load as load_chip
from ...lower import lower
from ...network import Population, Rate
from ..networks import Subject
from ..spikes import CountSpikes, Values, stem_code
from .chips import IDEAL

STEM = "STEM"

LEVELS = 255
"""Of 8 bits, zero aside: with as many timesteps each level has a count of its own."""

RATE_TIMESTEPS = (255, 64, 16)
COARSE_TIMESTEPS = RATE_TIMESTEPS[1:]
"""Which do not tell all levels apart."""

PLAIN = "floor(T q / 255)"
NEAREST = "to the nearest"
LOWEST = "from the lowest level"
COUNTED = "counted"
"""With the highest rates, and all that is before it: what the neurons of `--code rate` send."""

Rates = Mapping[str, Rate]
"""Which codes have no spike and which the highest rate, by population."""


def rate_name(timesteps: int) -> str:
    """What the code is called."""
    return f"rate, T = {timesteps}"


def rates_of(subject: Subject) -> Rates:
    """What `--code rate` decides for each population, from the subject's calibration samples."""
    codes = subject.graph.quantize(subject.calibration)
    network = lower(subject.graph, load_chip(IDEAL), "rate", codes)
    return {each.name: each.code for each in network.populations if isinstance(each.code, Rate)}


def countings(rates: Rates, timesteps: int) -> Mapping[str, CountSpikes]:
    """Ways to count the spikes of a rate code, each with one property more of real neurons."""

    def plain(source: Population, values: Values) -> NDArray[np.int64]:
        return np.abs(values.astype(np.int64)) * timesteps // LEVELS

    def nearest(source: Population, values: Values) -> NDArray[np.int64]:
        return _to_the_nearest(np.abs(values.astype(np.int64)), LEVELS, timesteps)

    def lowest(source: Population, values: Values) -> NDArray[np.int64]:
        above = values.astype(np.int64) + (stem_code(source).base - rates[source.name].base)
        return _to_the_nearest(above, LEVELS, timesteps)

    def counted(source: Population, values: Values) -> NDArray[np.int64]:
        rate = rates[source.name]
        above = rate.values(values.astype(np.int64) + stem_code(source).base)
        return _to_the_nearest(above.astype(np.int64), rate.levels, timesteps)

    return {PLAIN: plain, NEAREST: nearest, LOWEST: lowest, COUNTED: counted}


def _to_the_nearest(above: NDArray[np.int64], levels: int, timesteps: int) -> NDArray[np.int64]:
    """Spikes of levels above the lowest one; membranes start at half a threshold."""
    return (2 * above * timesteps + levels) // (2 * levels)
