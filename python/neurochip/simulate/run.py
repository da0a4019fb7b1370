"""Run: what happened, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image import Image


@dataclass(frozen=True, slots=True)
class Agreement:
    """Values that differ between the chip and an evaluation of the same graph, layer by layer."""

    layers: tuple[str, ...]
    """Populations that hold a tensor of the graph."""
    differing: NDArray[np.int64]
    compared: NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """What happened: arrays have one row a sample."""

    image: Image
    timing: str
    outputs: NDArray[np.int32]
    """(samples, *shape): codes of the network's output."""
    values: NDArray[Any]
    """(samples, ...): the model's output, after its float tail on the host."""
    counters: Mapping[str, NDArray[np.int64]]
    """(samples,) each: everything the chip counted, by name; cycles are 0 without timing."""
    work_cycles: NDArray[np.int64]
    """(samples, timesteps): cycles of each timestep's own work; no columns without timing."""
    layer_spikes: NDArray[np.int64]
    """(samples, layers): spikes each population sent."""
    layer_sops: NDArray[np.int64]
    """(samples, layers): weights added to each population's accumulators."""
    layer_sum_overflows: NDArray[np.int64]
    """(samples, layers): weight sums of a timestep that left their register."""
    layer_membrane_overflows: NDArray[np.int64]
    """(samples, layers): membranes that left their register."""
    compiled_agreement: Agreement | None
    """Against the graph with the chip's constants: the simulator's own check, 0 differ."""
    exact_agreement: Agreement | None
    """Against the graph in exact integers, which is onnxruntime's answer."""
    energy_by_component_pj: Mapping[str, NDArray[np.float64]] = field(repr=False)
    """(samples,) each: pJ, by what is counted."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The populations, in the order of the layer arrays."""
        return tuple(layer.name for layer in self.image.layers)

    @property
    def sops(self) -> NDArray[np.int64]:
        """(samples,): synaptic operations."""
        return self.counters["sops"]

    @property
    def spikes(self) -> NDArray[np.int64]:
        """(samples,): spikes, those of the input included."""
        return self.counters["spikes"]

    @property
    def cycles(self) -> NDArray[np.int64] | None:
        """(samples,): cycles from the first timestep's start to the last one's end, if timed."""
        return self.counters["timestep_cycles"] if self.timing == "cycle" else None

    @property
    def layer_overflows(self) -> NDArray[np.int64]:
        """(samples, layers): values that left a register."""
        return self.layer_sum_overflows + self.layer_membrane_overflows

    @property
    def energy_pj(self) -> NDArray[np.float64]:
        """(samples,): pJ."""
        return np.asarray(sum(self.energy_by_component_pj.values()))

    @property
    def predictions(self) -> NDArray[np.int64]:
        """(samples,): the class with the largest output."""
        if np.issubdtype(self.values.dtype, np.integer):
            return self.values.reshape(len(self.values), -1)[:, 0]
        return np.asarray(self.values.reshape(len(self.values), -1).argmax(axis=1))
