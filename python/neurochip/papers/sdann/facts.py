"""Facts: what is measured of one network, on its chip, for most of the tables.

They are measured at once, and the image, which may take gigabytes, is then let go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...image import Image, assemble
from ...lower import LayerSettings, Network, Settings
from ...lower.stem.codes import sparsified
from ...network import InputNeurons, Population, Sparsity, SpikeCode
from ...placement import Placement
from ...report.accuracy import accuracy
from ...simulate import Run, simulate
from ...tune import Evaluation
from ..boards import network_of
from ..networks import TRAINED, Subject
from ..spikes import (
    BITS_SET,
    CountSpikes,
    Values,
    bits,
    macs_by_layer,
    reaches,
    sent,
    sops_by_layer,
    stem_code,
    stem_spikes,
)
from ..suite import SuiteOptions
from .chips import placed
from .codes import COUNTED, RATE_TIMESTEPS, STEM, Rates, countings, rate_name, rates_of

ALL_SPIKES = LayerSettings()
ROT = tuple(LayerSettings(rot=bits) for bits in (1, 2, 3))
DRLO = tuple(LayerSettings(drlo=spikes) for spikes in (5, 4, 3))
UNIFORM = (*ROT, *DRLO)
"""Settings of all layers: the columns of tables 4 to 7."""

RECORDED_SAMPLES = 64
"""Of which every spike is looked at."""

MOST_BITS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a network does with some settings."""

    sops: float
    """Of a sample, the mean."""
    answers: Evaluation | None
    """Which samples were right; None for synthetic weights."""

    def change(self, dense: Outcome) -> float:
        """Of SOPs, in percent."""
        return 100.0 * (self.sops / dense.sops - 1.0)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a setting does to trains, no value downstream changed: SOPs, in percent of all."""

    left_out: float
    """Of the spikes in the last bits (RoT), or after so many (DRLO)."""
    added: float
    """Of the spikes that rounding adds, less those that it takes from the bits that are left."""


@dataclass(frozen=True, slots=True, eq=False)
class Trains:
    """The trains that neurons after the first layer send, on the samples recorded."""

    by_bit: NDArray[np.float64]
    """(8,): share of the spikes that are a bit, the most significant one first."""
    by_length: NDArray[np.float64]
    """(9,): share of the trains that have 0 to 8 spikes."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkFacts:
    """What is measured of one network."""

    subject: str
    weights: str
    samples: int
    chips: str
    """Name and number of what it ran on."""
    macs: Mapping[str, int]
    """By layer that has weights: how many it applies to one sample."""
    outcomes: Mapping[LayerSettings, Outcome]
    """With all spikes, and with each of `UNIFORM`."""
    effects: Mapping[LayerSettings, Effect]
    """What each of `UNIFORM` does to the trains alone."""
    input_share: float
    """Of all SOPs, in percent, those of the input's spikes, which no setting touches."""
    trains: Trains
    layers: Mapping[str, Mapping[str, float]]
    """By code, then by layer: SOPs of one of the samples recorded; rate codes are counted."""
    countings: Mapping[int, Mapping[str, float]]
    """By the timesteps of a rate code, then by how its spikes are counted: SOPs of all layers."""

    @property
    def trained(self) -> bool:
        """Whether its accuracy means anything."""
        return self.weights == TRAINED

    @property
    def dense(self) -> Outcome:
        """With all spikes."""
        return self.outcomes[ALL_SPIKES]


def measured(subject: Subject, options: SuiteOptions) -> NetworkFacts:
    """Runs a network with all its spikes and with each uniform setting."""
    options.tell(f"{subject.name}: compiling")
    rates = rates_of(subject)
    placement = placed(subject)
    image = assemble(placement, graph=subject.graph)
    outcomes = {}
    for choice in (ALL_SPIKES, *UNIFORM):
        options.tell(f"{subject.name}: spikes left out: {choice.sparsity}")
        outcomes[choice] = _outcome(subject, placement, choice, options)
    options.tell(f"{subject.name}: every spike")
    recorded = subject.x[:RECORDED_SAMPLES]
    network, values = network_of(image), sent(image, recorded, options.threads)
    counted = _counted(network, values, rates)
    return NetworkFacts(
        subject=subject.name,
        weights=subject.weights,
        samples=len(subject.x),
        chips=_chips(image),
        macs=macs_by_layer(network),
        outcomes=outcomes,
        effects={choice: _effect(network, values, choice) for choice in UNIFORM},
        input_share=_input_share(network, values),
        trains=_trains(network, values),
        layers={
            STEM: sops_by_layer(network, values),
            **{rate_name(each): counted[each][COUNTED] for each in RATE_TIMESTEPS},
        },
        countings={
            timesteps: {name: sum(layers.values()) for name, layers in ways.items()}
            for timesteps, ways in counted.items()
        },
    )


def answers(run: Run, subject: Subject) -> Evaluation | None:
    """Which samples a run got right; None for synthetic weights."""
    if subject.labels is None:
        return None
    accuracy(run, subject.labels)  # refuses labels that are no classes
    return Evaluation(int(run.sops.sum()), run.predictions == subject.labels, 0.0)


def _outcome(
    subject: Subject, placement: Placement, choice: LayerSettings, options: SuiteOptions
) -> Outcome:
    if choice.leaves_spikes_out:
        network = sparsified(placement.network, Settings(choice))
        placement = replace(placement, network=network)
    run = simulate(
        assemble(placement, graph=subject.graph),
        subject.x,
        timing="none",
        threads=options.threads,
        compare=False,
    )
    return Outcome(float(run.sops.mean()), answers(run, subject))


def _chips(image: Image) -> str:
    count = image.chips_used
    return image.chip.name if count == 1 else f"{count} x {image.chip.name}"


def _counted(
    network: Network, values: Mapping[str, Values], rates: Rates
) -> dict[int, dict[str, dict[str, float]]]:
    """By timesteps, way of counting and layer: SOPs of a rate code."""
    return {
        timesteps: {
            name: sops_by_layer(network, values, count)
            for name, count in countings(rates, timesteps).items()
        }
        for timesteps in RATE_TIMESTEPS
    }


def _effect(network: Network, values: Mapping[str, Values], choice: LayerSettings) -> Effect:
    """From the trains of all spikes, each shortened by itself."""

    def cut(own: Values, code: SpikeCode) -> Values:
        if choice.rot:
            return own >> choice.rot << choice.rot
        return sparse_values(own, code, choice)

    def rounded(own: Values, code: SpikeCode) -> Values:
        return sparse_values(own, code, choice)

    dense, short, sent_instead = (
        sum(sops_by_layer(network, values, _behind_the_input(change)).values())
        for change in (None, cut, rounded)
    )
    whole = sum(sops_by_layer(network, values).values())
    return Effect(100.0 * (dense - short) / whole, 100.0 * (sent_instead - short) / whole)


def _behind_the_input(change: Callable[[Values, SpikeCode], Values] | None) -> CountSpikes:
    """Counts what is sent instead of values; the input's spikes, which nothing changes, do not."""

    def count(source: Population, own: Values) -> NDArray[np.int64]:
        if isinstance(source.model, InputNeurons):
            return np.zeros(own.shape, np.int64)
        return stem_spikes(source, own if change is None else change(own, stem_code(source)))

    return count


def sparse_values(values: Values, code: SpikeCode, choice: LayerSettings) -> Values:
    """What is sent for values with RoT or DRLO, which saturate at the highest level they reach."""
    highest = code.high >> choice.rot << choice.rot
    sparsity = Sparsity(choice.rot, min(choice.drlo or code.bits, code.bits))
    kept = np.minimum(values.astype(np.int64), highest)
    return sparsity.sent(kept, code).astype(np.int16)


def _input_share(network: Network, values: Mapping[str, Values]) -> float:
    behind = sum(sops_by_layer(network, values, _behind_the_input(None)).values())
    return 100.0 * (1.0 - behind / sum(sops_by_layer(network, values).values()))


def _trains(network: Network, values: Mapping[str, Values]) -> Trains:
    """Of every neuron after the input that reaches a synapse."""
    by_bit, by_length = np.zeros(MOST_BITS, np.int64), np.zeros(MOST_BITS + 1, np.int64)
    reaching = {source.name: source for source, _, _ in reaches(network)}
    for source in reaching.values():
        if isinstance(source.model, InputNeurons):
            continue
        trains = np.bincount(bits(values[source.name], stem_code(source)).ravel(), minlength=256)
        codes = np.arange(256)
        by_length += np.bincount(BITS_SET, weights=trains, minlength=MOST_BITS + 1).astype(np.int64)
        by_bit += [int(trains[(codes >> (7 - bit)) & 1 == 1].sum()) for bit in range(MOST_BITS)]
    return Trains(by_bit / by_bit.sum(), by_length / by_length.sum())
