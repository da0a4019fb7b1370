"""Tables about an image: its populations, and what each core holds."""

from __future__ import annotations

from collections.abc import Sequence

from ..image import Core, Image
from ..network import ConstantNeurons, InputNeurons, Population, PopulationFacts
from ..placement import Gain
from ..tables import NAME_WIDTH, TextColumn, TextTable, names_and_figures


def populations_table(image: Image) -> TextTable:
    """One row per population."""
    table = names_and_figures("layer", "kind", "neurons", "code", "from timestep")
    for population in image.populations:
        table.add_row(
            population.name,
            population.kind,
            f"{population.num_neurons:,}",
            _code(population),
            f"{population.send_start}",
        )
    return table


def normalization_lines(image: Image) -> list[str]:
    """What is done to samples, where the image says anything."""
    return [] if image.normalization is None else [f"samples normalized by {image.normalization}"]


def pipeline_lines(image: Image) -> list[str]:
    """How soon samples follow each other, where they overlap."""
    if image.samples_in_flight == 1:
        return []
    return [
        f"a sample takes {image.timesteps} timesteps, one enters every {image.period}: "
        f"up to {image.samples_in_flight} are in flight"
    ]


def modes_table(image: Image) -> TextTable:
    """One row a population that sums: its mode, its registers, what its constants do."""
    figures = (
        "s1",
        "largest\nsum seen",
        "largest\npossible",
        "headroom\nbits",
        "bias\nbits",
        "constants\ndiffer at",
    )
    table = TextTable(
        TextColumn("layer", least=NAME_WIDTH),
        TextColumn("mode"),
        *(TextColumn(name, "right") for name in figures),
        gap=2,
    )
    for each in image.populations:
        facts = each.facts
        if facts.mode != "streaming" and not isinstance(each.model, InputNeurons | ConstantNeurons):
            table.add_row(each.name, facts.mode, *_registers(facts), _proven(facts))
    return table


def _registers(facts: PopulationFacts) -> tuple[str, ...]:
    headroom, bits = facts.headroom_bits, facts.bias_bits
    return (
        _scale(facts.s1),
        _count(facts.largest_seen),
        _count(facts.largest_possible),
        "" if headroom is None else f"{round(headroom, 1) + 0.0:.1f} of {facts.membrane_bits}",
        "" if bits is None else f"{facts.bias_mode}, {bits}",
    )


def _scale(s1: Sequence[float]) -> str:
    if not s1:
        return ""
    low, high = min(s1), max(s1)
    return f"{low:.3g}" if low == high else f"{low:.2g} to {high:.2g}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def cores_used(image: Image) -> str:
    """How much of the board is in use, in words."""
    told = f"{len(image.cores):,} cores of {image.chip.name}"
    if image.chip.num_chips == 1:
        return told
    return f"{told} on {image.chips_used} of {image.chip.num_chips} chips"


def cores_table(image: Image) -> TextTable:
    """One row per core in use."""
    ranges, figures = ("rows", "columns", "channels"), ("neurons", "memory words", "axons out")
    table = TextTable(
        TextColumn("core", whole=True),
        TextColumn("layer", least=NAME_WIDTH),
        *(TextColumn(name, "right", whole=True) for name in ranges),
        *(TextColumn(name, "right") for name in figures),
    )
    for core in image.cores:
        table.add_row(
            f"({core.x}, {core.y})",
            core.population,
            *(f"{start} to {stop - 1}" for start, stop in (core.rows, core.columns, core.channels)),
            f"{core.neurons:,}",
            _memory(core),
            f"{core.axon_entries:,}",
        )
    return table


def gain_table(gain: Gain) -> TextTable:
    """What moving tiles to other cores was worth."""
    table = names_and_figures(f"placement, level {gain.level}", "before", "after", "ratio")
    before, after = gain.before, gain.after
    rows = {
        "flit hops a sample": (before.flit_hops, after.flit_hops),
        "flits across the hottest link": (before.hottest_link_flits, after.hottest_link_flits),
    }
    if before.work_cycles is not None and after.work_cycles is not None:
        rows["cycles of work in a timestep"] = before.work_cycles, after.work_cycles
    for name, (first, last) in rows.items():
        ratio = f"{last / first:.2f}" if first else ""
        table.add_row(name, f"{first:,.0f}", f"{last:,.0f}", ratio)
    table.add_row(f"traffic of {gain.source}")
    return table


def _code(population: Population) -> str:
    return "membrane" if population.code is None else str(population.code)


def _proven(facts: PopulationFacts) -> str:
    if facts.differing is None or facts.reachable is None:
        return ""
    return "none" if facts.differing == 0 else f"{facts.differing:,} of {facts.reachable:,}"


def _memory(core: Core) -> str:
    return f"{core.dendrite_words:,} of {core.dendrite_words_available:,}"
