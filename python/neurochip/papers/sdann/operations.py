"""Table 9: energy of the operations alone, multiplications against additions."""

from __future__ import annotations

from ..suite import Section
from ..table import Cell, Column, Table
from .bench import SdannBench
from .facts import NetworkFacts


def measure(bench: SdannBench) -> Section:
    """MACs of the quantized network and SOPs of its spikes, with the paper's energy of each."""
    mac_pj = bench.published.constant("operations", "mac_pj")
    sop_pj = bench.published.constant("operations", "sop_pj")
    columns = (
        Column("network"),
        Column("weights"),
        Column("M MACs", digits=4),
        Column("M SOPs", digits=4),
        Column("SOPs a MAC", 3),
        Column(f"µJ at {mac_pj:g} pJ a MAC", digits=4),
        Column(f"µJ at {sop_pj:g} pJ a SOP", digits=4),
        Column("change, %", 1, signed=True),
        Column("paper's network"),
        Column("change, paper, %", 1, signed=True),
    )
    even = mac_pj / sop_pj
    table = Table(
        name="table-09",
        title="Table 9: energy of a sample's operations, without memory",
        columns=columns,
        rows=tuple(_row(bench, facts, mac_pj, sop_pj) for facts in bench.facts),
        notes=(
            f"spikes cost less up to {even:.2f} SOPs a MAC; of even 8-bit values it would be 4",
            "a MAC is one weight of a convolution or matrix product applied once, taps in the "
            "padding left out; SOPs are those of all layers",
            *bench.published.gaps("operations", "change"),
        ),
        sources=(bench.published.source("operations"),),
    )
    return Section((table,))


def _row(bench: SdannBench, facts: NetworkFacts, mac_pj: float, sop_pj: float) -> tuple[Cell, ...]:
    macs, sops = sum(facts.macs.values()), facts.dense.sops
    name = bench.counterpart(facts)
    return (
        facts.subject,
        facts.weights,
        macs / 1e6,
        sops / 1e6,
        sops / macs,
        macs * mac_pj / 1e6,
        sops * sop_pj / 1e6,
        100.0 * (sops * sop_pj / (macs * mac_pj) - 1.0),
        bench.published.name(name),
        bench.published.figure("operations", "change", name),
    )
