"""Formats: the words of a core's memories."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ..chip import Chip
from ..network import (
    ConstantNeurons,
    DoubleIntegration,
    InputNeurons,
    MaxPoolNeurons,
    Population,
    StemNeurons,
)
from .synapse_lists import SynapseLists

META_WEIGHT_BITS = 16
"""A weight that all synapses of a dendrite share stands in its meta word."""


@dataclass(frozen=True, slots=True)
class Formats:
    """The word formats of a core's dendrite memory."""

    word_bits: int
    ids_per_word: int | None
    lists: SynapseLists | None
    """Where an id stands beside each weight; `ids_per_word` is None then."""
    relative_ids: bool
    weight_bits: tuple[int, ...]
    """The widths a weight can be stored in, ascending."""
    state_words_per_neuron: int
    second_state_words_per_neuron: int
    """Beyond the others, of a neuron with a double membrane."""

    @staticmethod
    def of(chip: Chip) -> Formats:
        """Reads a chip's description."""
        core = chip.spec["core"]
        memory, second = core["dendrite_memory"], core["second_state_word"]
        lists = memory["synapse_lists"]
        return Formats(
            memory["word_bits"],
            memory["ids_per_word"],
            SynapseLists(memory["word_bits"], **lists) if lists else None,
            memory["relative_ids"],
            tuple(sorted(core["weight_bits"])),
            memory["state_words_per_neuron"],
            second["dendrite_words_per_neuron"] if second else 0,
        )

    def state_words(self, neurons: Population) -> int:
        """Words of one neuron's state."""
        model = neurons.model
        if isinstance(model, InputNeurons | MaxPoolNeurons | ConstantNeurons):
            return 0
        if isinstance(model, StemNeurons) and isinstance(model.integration, DoubleIntegration):
            return self.state_words_per_neuron + self.second_state_words_per_neuron
        return self.state_words_per_neuron

    def id_words(self, ids: int) -> int:
        """Words of a list of ids."""
        assert self.ids_per_word is not None, "ids stand beside their weights"
        return ceil(ids / self.ids_per_word)

    def weight_words(self, weights: int, bits: int) -> int:
        """Words of a list of weights of the narrowest width that holds `bits`.

        A pool's powers of two may be wider than any synapse: each takes what a meta word holds.
        """
        return ceil(weights / (self.word_bits // self.stored_bits(bits)))

    def stored_bits(self, bits: int) -> int:
        """The narrowest width that holds a weight of `bits`."""
        return next((width for width in self.weight_bits if width >= bits), META_WEIGHT_BITS)
