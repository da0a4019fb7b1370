"""A report's contents made up of numbers that are easy to check by hand."""

from __future__ import annotations

from neurochip.links import Link
from neurochip.report.contents import (
    Accuracy,
    Bound,
    Contents,
    Cores,
    DifferingValues,
    Energy,
    EnergyTerm,
    HotCore,
    HotSpots,
    Memory,
    PopulationRow,
    Spread,
    Timing,
)


def same(value):
    return Spread(value, value, value)


TIMING = Timing(
    clock_mhz=100.0,
    cycles=same(1_600_000.0),
    work_cycles=Spread(40_000.0, 39_000.0, 41_000.0),
    least_work_cycles=10_000.0,
    latency_us=432.0,
    latency_with_tick_us=16_000.0,
    timesteps=32,
    period=32,
    samples_in_flight=1,
    cycles_per_sample=1_600_000.0,
    samples_per_s=62.5,
    samples_per_s_without_tick=2_314.8,
    run_cycles=160_000_000,
    run_samples_per_s=62.5,
    tick_cycles=50_000,
    work_cycles_per_timestep=1_250.0,
    longest_work_cycles=3_900,
    barrier_cycles=100,
    overruns=0,
)

ENERGY = Energy(
    total_pj=Spread(6_000_000.0, 5_500_000.0, 6_500_000.0),
    event_terms=(
        EnergyTerm(
            "synaptic operations", "energy.sop_pj", 5.0, "pJ", 1_500_000.0, "Q: p. 3", "published"
        ),
        EnergyTerm(
            "soma updates", "energy.soma_update_pj", 40.0, "pJ", 500_000.0, "a guess", "assumed"
        ),
    ),
    idle_terms=(
        EnergyTerm("idle chip", "energy.static_mw", 0.25, "mW", 4_000_000.0, "a guess", "assumed"),
    ),
)

HOT_SPOTS = HotSpots(
    cores=(
        HotCore("busiest soma", 2, 0, 1, "conv", 450_000, 45.0),
        HotCore("busiest Receive", 3, 1, 1, "fc", 300, 0.03),
    ),
    link=Link((0, 1), (1, 1), "+x", 250_000, 0.25),
    longest_timestep=(7, 12),
    longest_work_cycles=3_900,
    highest_queue_flits=4,
    highest_receive_flits=2,
)

LAYERS = (
    PopulationRow(
        name="conv",
        kind="Convolution",
        model="stem",
        neurons=512,
        mode="scaled",
        proof="3 of 65536 reachable values differ, by at most 1",
        differing_accumulator_values=3,
        reachable_accumulator_values=65_536,
        spikes=1_000.5,
        sops=200_000.0,
        sum_overflows=0,
        membrane_overflows=2,
        early_spikes=0,
        compiled=DifferingValues(0, 51_200),
        exact=DifferingValues(12, 51_200),
    ),
    PopulationRow(
        name="fc",
        kind="Dense",
        model="stem",
        neurons=10,
        mode="exact",
        proof="exact",
        differing_accumulator_values=0,
        reachable_accumulator_values=1_000,
        spikes=20.0,
        sops=100_000.0,
        sum_overflows=0,
        membrane_overflows=0,
        early_spikes=0,
        compiled=DifferingValues(0, 1_000),
        exact=DifferingValues(0, 1_000),
    ),
)

EXAMPLE = Contents(
    network="digits",
    chip="tiny",
    code="stem",
    samples=100,
    accuracy=Accuracy(correct=99, samples=100),
    compiled=DifferingValues(0, 52_200),
    exact=DifferingValues(12, 52_200),
    compared_samples=100,
    timing=TIMING,
    activity={"spikes": Spread(1_020.5, 900, 1_100), "SOPs": same(300_000)},
    energy=ENERGY,
    chips_used=1,
    chips_available=1,
    cores=Cores(used=3, available=4),
    bound=Bound("soma", "core (0, 1)", 2, "conv", 0.45, 18_000.0),
    fullest=Memory(core=2, x=0, y=1, used_words=512, available_words=1_024),
    relays=None,
    layers=LAYERS,
    overflows=2,
    early_spikes=0,
    notes=("Softmax runs on the host",),
    assumed={"energy.soma_update_pj": "a guess", "noc.hop_cycles": "one link"},
)
