"""Codes: the spikes that other codes send for the values that STEM sends (figure 12).

Counted from activations, not simulated: rate codes are those of an ideal neuron, whose count is its
value and no more. Those of simulated neurons stand beside them (`rate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...lower.network import Population
from ..spikes import CountSpikes, Values, stem_spikes

LEVELS = 255
"""Of 8 bits, zero aside: with as many timesteps each level has a count of its own."""

RATE_TIMESTEPS = (255, 64, 16)

RATE_SOURCE = (
    "rate coding: floor(T q / 255) spikes in T timesteps for a level q, what an integrate-and-fire "
    "neuron with subtractive reset sends for a constant input (Rueckauer and others, Conversion of "
    "continuous-valued deep networks, Frontiers in Neuroscience 11:682, 2017); counted from "
    "activations, not simulated"
)


def rate_spikes(timesteps: int) -> CountSpikes:
    """Rate coding: as many spikes as the value's share of the timesteps; signs travel for free."""

    def count(source: Population, values: Values) -> NDArray[np.int64]:
        return np.abs(values.astype(np.int64)) * timesteps // LEVELS

    return count


def rate_name(timesteps: int) -> str:
    """What the code is called."""
    return f"rate, T = {timesteps}"


STEM = "STEM"

CODES: Mapping[str, CountSpikes] = {
    STEM: stem_spikes,
    **{rate_name(timesteps): rate_spikes(timesteps) for timesteps in RATE_TIMESTEPS},
}
