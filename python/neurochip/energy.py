"""Energy: counts times energies per event, formed once; the chip file has the source of each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .chip import Chip

EVENT_ENERGIES = {
    "synapses": ("energy.sop_pj", "sops"),
    "neurons": ("energy.soma_update_pj", "soma_updates"),
    "packets": ("energy.packet_pj", "packets"),
    "links": ("energy.flit_hop_pj", "flit_hops"),
    "chip_links": ("energy.link_flit_pj", "link_flits"),
    "io": ("energy.io_flit_pj", "io_flits"),
}
"""By component: the chip's energy per event, and the counter of the events."""

FEW_HAVE = {
    "spikes": ("energy.spike_pj", "core_spikes"),
    "node_packets": ("energy.node_packet_pj", "node_packets"),
    "links_y": ("energy.flit_hop_y_pj", "flit_hops_y"),
}
"""The same of what few chips distinguish: others have neither the component nor the count."""

STATIC = ("energy.static_mw", "timestep_cycles")


def event_energies(chip: Chip) -> dict[str, tuple[str, str]]:
    """By component, energy per event and counter; with hops along y apart, others are along x."""
    few = {
        component: row
        for component, row in FEW_HAVE.items()
        if chip.spec["energy"][row[0].partition(".")[2]] is not None
    }
    found = {**EVENT_ENERGIES, **few}
    if "links_y" in found:
        found["links"] = (EVENT_ENERGIES["links"][0], "flit_hops_x")
    order = ("synapses", "neurons", "spikes", "packets", "node_packets", "links", "links_y")
    return {component: found.pop(component) for component in order if component in found} | found


def of_chip(chip: Chip, field: str) -> float:
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
    microseconds = counters[counter] / chip.cycles_per_us
    milliwatts = of_chip(chip, field) * chip.num_chips
    energy["static"] = microseconds * milliwatts * 1e3  # mW us = 1e-9 J = 1e3 pJ
    return energy


def events_pj(
    chip: Chip, counters: Mapping[str, NDArray[np.int64]]
) -> dict[str, NDArray[np.float64]]:
    """What counted events cost, by component, of whatever shape; components not counted cost 0."""
    return {
        component: counters[counter] * np.float64(of_chip(chip, field))
        for component, (field, counter) in event_energies(chip).items()
        if counter in counters
    }


def events(by_population: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """(samples, populations) each: what populations did, and what follows from it.

    The input is the first population: its spikes come from outside and are no core's.
    """
    of, core_spikes = by_population, by_population["spikes"].copy()
    core_spikes[:, 0] = 0
    along_x = of["flit_hops"] - of["flit_hops_y"]
    return {**of, "core_spikes": core_spikes, "flit_hops_x": along_x}


def few_counts(
    chip: Chip, by_population: Mapping[str, NDArray[np.int64]]
) -> dict[str, NDArray[np.int64]]:
    """(samples,) each: what only few chips have an energy for, where the chip has it."""
    counted = events(by_population)
    few = {*(counter for _, counter in FEW_HAVE.values()), "flit_hops_x"}
    used = (counter for _, counter in event_energies(chip).values())
    return {counter: counted[counter].sum(axis=1) for counter in used if counter in few}
