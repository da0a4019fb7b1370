"""The space of the search: every layer that can leave spikes out, and what it may choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..errors import SettingsError
from ..lower import LayerSettings, Network, Settings
from ..lower.stem.codes import generating_layers, levels_left
from ..network import Population

ALL_SPIKES = LayerSettings()

CHOICES = (
    *(LayerSettings(rot=bits) for bits in range(1, 8)),
    *(LayerSettings(drlo=spikes) for spikes in range(5, 0, -1)),
)
"""What all layers at once are tried with, and each alone.

SDANN's tables end at RoT 3 and DRLO 3, which some layers bear without any loss.
"""

BOTH = tuple(
    LayerSettings(rot=bits, drlo=spikes) for bits in range(1, 8) for spikes in range(5, 0, -1)
)
"""What a layer that rounds may have besides."""

Assignment: TypeAlias = tuple[int, ...]
"""For each layer of a space, which of its choices; 0 is to send all spikes."""


@dataclass(frozen=True, slots=True)
class Space:
    """The layers, and the choices of each: to send all spikes, then of `CHOICES` and `BOTH`."""

    choices: Mapping[str, tuple[LayerSettings, ...]]

    @staticmethod
    def of(network: Network) -> Space:
        """The space of a network.

        Raises:
            SettingsError: If no layer can leave spikes out.
        """
        choices = {
            layer: (ALL_SPIKES, *_choices(population))
            for layer, population in generating_layers(network).items()
        }
        if all(len(own) == 1 for own in choices.values()):
            raise SettingsError(
                f"{network.name!r} has no layer that could send fewer spikes",
                hint="only layers between the input and the output can",
            )
        return Space(choices)

    @property
    def dense(self) -> Assignment:
        """Every layer sends all its spikes."""
        return (0,) * len(self.choices)

    def uniform(self, choice: LayerSettings) -> Assignment:
        """One choice for every layer that has it."""
        own_choices = self.choices.values()
        return tuple(own.index(choice) if choice in own else 0 for own in own_choices)

    def simple(self, layer: int) -> list[int]:
        """The choices of a layer that round, drop or do neither."""
        own = list(self.choices.values())[layer]
        return [number for number, each in enumerate(own) if each not in BOTH]

    def dropping(self, layer: int, choice: int) -> list[int]:
        """The choices of a layer that round as one does, and drop spikes besides."""
        own = list(self.choices.values())[layer]
        return [n for n, each in enumerate(own) if each in BOTH and each.rot == own[choice].rot]

    def chosen(self, assignment: Assignment) -> dict[str, LayerSettings]:
        """What each layer has chosen."""
        pairs = zip(self.choices.items(), assignment, strict=True)
        return {layer: own[number] for (layer, own), number in pairs}

    def settings(self, assignment: Assignment, base: Settings) -> Settings:
        """The settings that say so; all else is as in `base`, which leaves no spikes out."""
        layers = dict(base.layers)
        for layer, chosen in self.chosen(assignment).items():
            if chosen != ALL_SPIKES:
                layers[layer] = replace(base.of(layer), rot=chosen.rot, drlo=chosen.drlo)
        return Settings(base.default, layers)


def _choices(population: Population) -> Iterator[LayerSettings]:
    """What leaves values apart, but fewer of them than without it."""
    for each in (*CHOICES, *BOTH):
        without = replace(each, drlo=None) if each in BOTH else ALL_SPIKES
        if 2 <= levels_left(population, each) < levels_left(population, without):
            yield each
