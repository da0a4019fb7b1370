"""Codes of STEM: which bits stand for a tensor's values, and which spikes are left out.

Sections 2 and 3.10 of neurons.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...errors import SettingsError
from ...formats import Tensor
from ...layers import Layer
from ...network import Network, Population, Sparsity, SpikeCode, StemNeurons
from ...settings import MAX_BITS, LayerSettings, Settings
from ..schedule.relays import RELAY

ChooseCode: TypeAlias = Callable[[Tensor], SpikeCode]
"""The code that is sent for a tensor."""


def choose_code(tensor: Tensor) -> SpikeCode:
    """The code whose value is nearest to the real level `q - zero_point`; unsigned if both are.

    Where the difference is 0 no bias has to make up for it, and a border neuron needs no other
    bias than an inner one.
    """
    zero = tensor.format.zero_point
    unsigned = SpikeCode((tensor.high - tensor.low).bit_length() or 1, False, tensor.low)
    signed = _signed(tensor, zero)
    return min(unsigned, signed, key=lambda code: (abs(zero - code.base), code.signed))


def _signed(tensor: Tensor, zero: int) -> SpikeCode:
    """Two's complement around the base nearest to the zero point that reaches all codes."""
    bits = next(
        bits for bits in range(1, MAX_BITS + 1) if _reaches(bits, tensor, zero) or bits == MAX_BITS
    )
    half = 1 << (bits - 1)
    base = min(max(zero, tensor.high - half + 1), tensor.low + half)
    return SpikeCode(bits, True, base)


def _reaches(bits: int, tensor: Tensor, base: int) -> bool:
    half = 1 << (bits - 1)
    return tensor.low - base >= -half and tensor.high - base < half


def choose_alike_codes(needed: Sequence[Layer]) -> ChooseCode:
    """Codes with which tensors that reach one neuron can be sent in the same timesteps.

    Such tensors have codes of equally many bits, with or without a sign bit. Those of a sum or a
    concatenation meet; what only moves or selects values passes its code on.
    """
    meetings = _Meetings()
    for layer in needed:
        if isinstance(layer, (layers.Add, layers.Concat)):
            meetings.meet(*layer.inputs)
        if isinstance(layer, (layers.Concat, layers.Rearrange, layers.MaxPool)):
            meetings.meet(layer.inputs[0], layer.output)
    codes: dict[str, SpikeCode] = {}
    for tensors in meetings.groups():
        codes |= _alike(tensors)
    return lambda tensor: codes.get(tensor.name) or choose_code(tensor)


def _alike(tensors: Sequence[Tensor]) -> Mapping[str, SpikeCode]:
    """Codes of one kind; unsigned if one of them is by itself: a ReLU's zeros then send nothing."""
    codes = {tensor.name: choose_code(tensor) for tensor in tensors}
    if all(code.signed for code in codes.values()):
        bits = max(code.bits for code in codes.values())
        return {name: replace(code, bits=bits) for name, code in codes.items()}
    bits = max((tensor.high - tensor.low).bit_length() for tensor in tensors) or 1
    return {tensor.name: SpikeCode(bits, False, tensor.low) for tensor in tensors}


class _Meetings:
    """Tensors in groups that grow together."""

    def __init__(self) -> None:
        self._group: dict[str, dict[str, Tensor]] = {}

    def meet(self, *tensors: Tensor) -> None:
        """Puts tensors, and whoever they have met, into one group."""
        together: dict[str, Tensor] = {}
        for tensor in tensors:
            if tensor.format.bits <= MAX_BITS:  # accumulators are read, not sent
                together |= self._group.get(tensor.name, {}) | {tensor.name: tensor}
        self._group |= dict.fromkeys(together, together)

    def groups(self) -> list[list[Tensor]]:
        """Each group once."""
        once = {id(group): group for group in self._group.values()}
        return [list(group.values()) for group in once.values()]


def sparsified(network: Network, settings: Settings) -> Network:
    """The network with the RoT and DRLO of every layer; all else is as it was.

    Args:
        network: Lowered without sparsity.
        settings: Their default holds for the layers that can leave spikes out.

    Raises:
        SettingsError: All layers that cannot do what is decided for them, with the reasons.
    """
    populations = {population.name: population for population in network.populations}
    generating = generating_layers(network)
    problems = [
        f"{name!r} cannot leave spikes out: {_reason(network, name)}"
        for name, decided in settings.layers.items()
        if name not in generating and decided.leaves_spikes_out
    ]
    sparse = {
        layer: _Sparse.of(population, settings.of(layer))
        for layer, population in generating.items()
        if settings.of(layer).leaves_spikes_out
    }
    problems += [each.leaves_too_little() for each in sparse.values() if len(each.levels) < 2]
    if problems:
        raise SettingsError("\n".join(problems))
    for each in sparse.values():
        populations[each.population.name] = each.saturating()
    return replace(
        network,
        populations=tuple(populations.values()),
        notes=(*network.notes, *_notes(sparse.values())),
    )


def generating_layers(network: Network) -> Mapping[str, Population]:
    """The layers that can leave spikes out, each with the population that sends them."""
    return {
        population.layer: population
        for population in network.populations
        if isinstance(population.model, StemNeurons)
        and population.kind != RELAY
        and population.name not in network.outputs
    }


def _notes(sparse: Iterable[_Sparse]) -> Iterator[str]:
    """Each sparsity once, with the layers it is of."""
    layers: dict[str, list[str]] = {}
    for each in sparse:
        layers.setdefault(each.decided.sparsity, []).append(each.population.layer)
    return (f"spikes left out, {told}: {', '.join(names)}" for told, names in layers.items())


def levels_left(population: Population, decided: LayerSettings) -> int:
    """How many values a population can send with the spikes that settings leave it."""
    return len(_Sparse.of(population, decided).levels)


def _reason(network: Network, layer: str) -> str:
    kinds = {population.layer: population.kind for population in network.populations}
    if layer in (network.population(name).layer for name in network.outputs):
        return "the host reads it, its spikes reach no synapse"
    if layer not in kinds:
        return "it has no neurons"
    return f"its neurons ({kinds[layer]}) pass on what arrives"


@dataclass(frozen=True, slots=True)
class _Sparse:
    """A population, its code and its neurons, and which of their spikes are left out."""

    population: Population
    decided: LayerSettings
    code: SpikeCode
    neurons: StemNeurons
    sparsity: Sparsity
    levels: NDArray[np.int64]
    """The values it can send, ascending."""

    @staticmethod
    def of(population: Population, decided: LayerSettings) -> _Sparse:
        code, neurons = population.code, population.model
        assert isinstance(code, SpikeCode)
        assert isinstance(neurons, StemNeurons)
        sparsity = Sparsity(decided.rot, min(decided.drlo or code.bits, code.bits))
        values = np.arange(neurons.low, neurons.high + 1)
        levels = np.asarray(values[sparsity.sent(values, code) == values])
        return _Sparse(population, decided, code, neurons, sparsity, levels)

    def leaves_too_little(self) -> str:
        return (
            f"{self.population.layer!r} sends {self.code.bits} bits, of which "
            f"{self.decided.sparsity} leaves no two values apart"
        )

    def saturating(self) -> Population:
        """The population, saturating at its lowest and its highest level."""
        low, high = int(self.levels[0]), int(self.levels[-1])
        neurons = replace(self.neurons, low=low, high=high, sparsity=self.sparsity)
        facts = replace(self.population.facts, proven=False)
        return replace(self.population, model=neurons, facts=facts)
