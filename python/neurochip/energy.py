"""Energy: counts times prices, formed once; each price has its source in the chip file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .chip import Chip

PRICES = {
    "synapses": ("energy.sop_pj", "sops"),
    "neurons": ("energy.soma_update_pj", "soma_updates"),
    "packets": ("energy.packet_pj", "packets"),
    "links": ("energy.flit_hop_pj", "flit_hops"),
    "chip_links": ("energy.link_flit_pj", "link_flits"),
    "io": ("energy.io_flit_pj", "io_flits"),
}
"""By component: the chip's price, and what it is multiplied with."""

STATIC = ("energy.static_mw", "timestep_cycles")


def price(chip: Chip, field: str) -> float:
    """Of a dotted field; 0 for what a chip by itself does not have."""
    table, name = field.split(".")
    return float(chip.spec[table][name] or 0.0)


def energy_by_component_pj(
    chip: Chip, counters: Mapping[str, NDArray[np.int64]]
) -> dict[str, NDArray[np.float64]]:
    """(samples,) each: pJ of a sample by component. Static energy needs timing, else it is 0.

    Every chip of a board draws its idle power, whether it holds neurons or not.
    """
    energy = events_pj(chip, counters)
    field, counter = STATIC
    microseconds = counters[counter] / chip.clock_mhz
    milliwatts = price(chip, field) * chip.num_chips
    energy["static"] = microseconds * milliwatts * 1e3  # mW us = 1e-9 J = 1e3 pJ
    return energy


def events_pj(
    chip: Chip, counters: Mapping[str, NDArray[np.int64]]
) -> dict[str, NDArray[np.float64]]:
    """What counted events cost, by component, of whatever shape; components not counted cost 0."""
    return {
        component: counters[counter] * np.float64(price(chip, field))
        for component, (field, counter) in PRICES.items()
        if counter in counters
    }
