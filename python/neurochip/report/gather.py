"""From the arrays of a run to the numbers of a report."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..chip import Chip
from ..energy import STATIC, event_energies, events, events_pj, of_chip
from ..image import Image
from ..lower.schedule.relays import RELAY
from ..network import Population
from ..simulate import Agreement, Run
from .accuracy import accuracy
from .bound import bound_of, least_work_cycles
from .contents import (
    Contents,
    Cores,
    DifferingValues,
    Energy,
    EnergyTerm,
    Memory,
    PopulationRow,
    Relays,
    Spread,
    Timing,
)
from .hot_spots import hot_spots
from .words import notes, notes_of_samples

ACTIVITY = {
    "spikes": "spikes",
    "SOPs": "sops",
    "spikes of cores": "core_spikes",
    "packets": "packets",
    "packets within a node": "node_packets",
    "flits": "flits",
    "flit hops": "flit_hops",
    "flit hops along y": "flit_hops_y",
    "flits from chip to chip": "link_flits",
    "flits across the chip's edge": "io_flits",
    "soma updates": "soma_updates",
}
"""What the report calls each counter."""

ENERGY_NAMES = {
    "synapses": "synaptic operations",
    "neurons": "soma updates",
    "spikes": "spikes",
    "packets": "packets",
    "node_packets": "packets within a node",
    "links": "flit hops",
    "links_y": "flit hops along y",
    "chip_links": "flits from chip to chip",
    "io": "flits across the edge",
    "static": "idle chip",
}
"""What the report calls each component of the energy."""

TICK = ("sync.tick_us", "sync.tick_cycles")
"""Fields that say nothing of a run with a tick of its own."""

BETWEEN_CHIPS = ("link_flits", "energy.link_flit_pj", "board.")
"""Counter, energy and table of what a chip by itself does not have, nor its reports."""


def gather(run: Run, labels: NDArray[Any] | None) -> Contents:
    """Reads everything a report says from a run and its image."""
    image = run.image
    return Contents(
        network=image.name,
        chip=image.chip.name,
        code=image.code,
        samples=len(run.outputs),
        accuracy=None if labels is None else accuracy(run, labels),
        compiled=_total(run.compiled_agreement),
        exact=_total(run.exact_agreement),
        compared_samples=run.compiled_agreement.samples if run.compiled_agreement else 0,
        timing=_timing(run),
        activity=_activity(run),
        energy=_energy(run),
        chips_used=image.chips_used,
        chips_available=image.chip.num_chips,
        cores=Cores(used=len(image.cores), available=image.chip.num_cores),
        bound=bound_of(run),
        fullest=_fullest(image),
        relays=_relays(run),
        layers=tuple(_layer(run, column, each) for column, each in enumerate(image.populations)),
        overflows=int(run.overflows.sum()),
        early_spikes=int(run.by_population["early_spikes"].sum()),
        notes=(*notes_of_samples(run.filling), *notes(image)),
        assumed=_assumed(run),
        hot_spots=None if run.detail is None else hot_spots(run, run.detail),
        normalization=run.normalization,
        options=image.options.to_json(),
    )


def _spread(values: NDArray[Any]) -> Spread:
    return Spread(float(values.mean()), float(values.min()), float(values.max()))


def _total(measured: Agreement | None) -> DifferingValues | None:
    if measured is None:
        return None
    return DifferingValues(int(measured.differing.sum()), int(measured.compared.sum()))


def _of_layer(measured: Agreement | None, name: str) -> DifferingValues | None:
    if measured is None or name not in measured.layers:
        return None
    row = measured.layers.index(name)
    return DifferingValues(int(measured.differing[row]), int(measured.compared[row]))


def _timing(run: Run) -> Timing | None:
    cycles, without_tick = run.cycles, run.cycles_without_tick
    if cycles is None or without_tick is None:
        return None
    chip, run_cycles = run.image.chip, int(run.timestep_cycles.sum())
    return Timing(
        clock_mhz=chip.clock_mhz,
        time_base_ns=chip.time_base_ns,
        cycles=_spread(cycles),
        work_cycles=_spread(run.work_cycles.sum(axis=1)),
        least_work_cycles=least_work_cycles(run),
        latency_us=float(without_tick.mean()) / chip.cycles_per_us,
        latency_with_tick_us=float(cycles.mean()) / chip.cycles_per_us,
        timesteps=run.image.timesteps,
        period=run.image.period,
        samples_in_flight=run.image.samples_in_flight,
        cycles_per_sample=run.cycles_per_sample,
        samples_per_s=run.samples_per_s,
        samples_per_s_without_tick=run.samples_per_s_without_tick,
        run_cycles=run_cycles,
        run_samples_per_s=len(run.outputs) * chip.cycles_per_us * 1e6 / run_cycles,
        tick_cycles=run.tick_cycles,
        work_cycles_per_timestep=float(run.timestep_work_cycles.mean()),
        longest_work_cycles=int(run.timestep_work_cycles.max()),
        barrier_cycles=run.barrier_cycles,
        barrier_nodes=run.image.nodes_used
        if chip.spec["sync"]["barrier_cycles_by_nodes"]
        else None,
        host_us=_host_us(run.image),
        overruns=int(run.counters["overruns"].sum()),
    )


def _host_us(image: Image) -> float | None:
    host = image.chip.spec["host"]
    if host is None or not host["is_counted"]:
        return None
    return float(host["us_per_sample"] + image.timesteps * host["us_per_timestep"])


def _is_told(chip: Chip, what: str) -> bool:
    """Whether a report on this chip has a counter or field."""
    return chip.num_chips > 1 or not what.startswith(BETWEEN_CHIPS)


def _activity(run: Run) -> dict[str, Spread]:
    told = {
        name: counter
        for name, counter in ACTIVITY.items()
        if counter in run.counters and _is_told(run.image.chip, counter)
    }
    return {name: _spread(run.counters[counter]) for name, counter in told.items()}


def _assumed(run: Run) -> dict[str, str]:
    chip = run.image.chip
    chosen = TICK if run.chose_tick else ()
    return {
        field: reason
        for field, reason in chip.assumed().items()
        if _is_told(chip, field) and field not in chosen
    }


def _energy(run: Run) -> Energy:
    """Events are counted with or without timing; how long the chip idles is known only with it."""
    timed = run.timing == "cycle"
    return Energy(
        total_pj=_spread(run.energy_pj) if timed else None,
        event_terms=tuple(
            _term(run, component, field)
            for component, (field, _) in event_energies(run.image.chip).items()
            if _is_told(run.image.chip, field)
        ),
        idle_terms=(_term(run, "static", STATIC[0]),) if timed else (),
    )


def _term(run: Run, component: str, field: str) -> EnergyTerm:
    chip = run.image.chip
    provenance = chip.provenance(field)
    return EnergyTerm(
        name=_name(chip, component),
        field=field,
        price=of_chip(chip, field),
        price_unit=_unit(chip, field),
        energy_pj=float(run.energy_by_component_pj[component].mean()),
        provenance=provenance,
        grade=str(chip.stated(field)["grade"]),
    )


def _name(chip: Chip, component: str) -> str:
    apart = component == "links" and "links_y" in event_energies(chip)
    return f"{ENERGY_NAMES[component]} along x" if apart else ENERGY_NAMES[component]


def _unit(chip: Chip, field: str) -> str:
    if not field.endswith("_mw"):
        return "pJ"
    return "mW" if chip.num_chips == 1 else f"mW x {chip.num_chips} chips"


def _fullest(image: Image) -> Memory | None:
    core, per_node = image.fullest_core, image.chip.cores_per_node
    if core is None:
        return None
    return Memory(
        core=core.core,
        x=core.x,
        y=core.y,
        used_words=core.dendrite_words,
        available_words=core.dendrite_words_available,
        place=core.core % per_node if per_node > 1 else None,
    )


def _relays(run: Run) -> Relays | None:
    image = run.image
    names = tuple(each.name for each in image.populations if each.kind == RELAY)
    if not names:
        return None
    held = [run.population_names.index(name) for name in names]
    counts = {name: array[:, held] for name, array in events(run.by_population).items()}
    of_a_sample = {name: float(array.sum(axis=1).mean()) for name, array in counts.items()}
    energy = sum(part.sum(axis=1).mean() for part in events_pj(image.chip, counts).values())
    return Relays(
        populations=names,
        neurons=sum(image.populations[column].num_neurons for column in held),
        cores=sum(core.population in names for core in image.cores),
        packets=of_a_sample["packets"],
        sops=of_a_sample["sops"],
        soma_updates=of_a_sample["soma_updates"],
        energy_pj=float(energy),
    )


def _layer(run: Run, column: int, population: Population) -> PopulationRow:
    name, facts = population.name, population.facts
    of = {counter: array[:, column] for counter, array in run.by_population.items()}
    return PopulationRow(
        name=name,
        kind=facts.kind,
        model=population.model_name,
        neurons=population.num_neurons,
        mode=facts.mode,
        proof=facts.proof,
        differing_accumulator_values=facts.differing,
        reachable_accumulator_values=facts.reachable,
        spikes=float(of["spikes"].mean()),
        sops=float(of["sops"].mean()),
        sum_overflows=int(of["sum_overflows"].sum()),
        membrane_overflows=int(of["membrane_overflows"].sum()),
        early_spikes=int(of["early_spikes"].sum()),
        compiled=_of_layer(run.compiled_agreement, name),
        exact=_of_layer(run.exact_agreement, name),
    )
