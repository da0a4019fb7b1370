"""Readings of RoT: which way of leaving the last bits out is that of the published columns.

The paper's worked example rounds to the nearest, and so do our neurons (docs/neurons.md, section
3.10). Its tables 4 and 5 save more and lose more than that. Four readings, each in several sets of
layers, are held against them in exact integers, over whole test sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...network import SpikeCode
from ...tune import Evaluation
from ..networks import Subject
from ..spikes import Values
from .exact import Exact, Sent

SAMPLES_AT_ONCE = 250
BITS = (1, 2, 3)
"""Of RoT: how many are left out."""

Reading: TypeAlias = Callable[[Values, SpikeCode, int], Values]
"""What is sent for values if so many of their last bits are left out."""


def rounded(values: Values, code: SpikeCode, bits: int) -> Values:
    """To the nearest multiple of `2^bits`, halves up; above the highest multiple, to that."""
    return _saturating((_wide(values) + _half(bits)) >> bits << bits, code, bits)


def truncated(values: Values, code: SpikeCode, bits: int) -> Values:
    """The last bits are dropped."""
    return np.asarray(values >> bits << bits)


def wrapped(values: Values, code: SpikeCode, bits: int) -> Values:
    """As rounded, in a register of the code's bits: of 8 bits, 255 becomes 256, which is 0."""
    nearest = (_wide(values) + _half(bits)) >> bits << bits
    return ((nearest - code.low) % (1 << code.bits) + code.low).astype(np.int16)


def halves_down(values: Values, code: SpikeCode, bits: int) -> Values:
    """To the nearest multiple, halves down. With one bit every remainder is a half: truncated."""
    return _saturating((_wide(values) + _half(bits) - 1) >> bits << bits, code, bits)


READINGS: Mapping[str, Reading] = {
    "rounding": rounded,
    "truncation": truncated,
    "wrap at 256": wrapped,
    "halves down": halves_down,
}
SCOPED = ("rounding", "truncation")
"""Which are measured in other sets of layers, too: the others hardly differ from rounding."""

ALL = "all"
"""The layers that our settings change: not the input and not the output."""


def scopes(exact: Exact) -> dict[str, tuple[str, ...]]:
    """Sets of layers, and of the input, that leave bits out; by what they are called."""
    hidden = exact.hidden
    return {
        ALL: hidden,
        "in, out too": (exact.input, *hidden, exact.output),
        "no first": hidden[1:],
        "no last": hidden[:-1],
    }


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a network does over its samples."""

    sops: float
    """Of a sample, as the paper counts them (section 4.2.1): without those into the first layers
    and into the output."""
    answers: Evaluation

    def change(self, dense: Found) -> float:
        """Of SOPs, in percent."""
        return 100.0 * (self.sops / dense.sops - 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class ReadingResult:
    """One reading in one set of layers of one network."""

    subject: str
    reading: str
    scope: str
    dense: Found
    sparse: Sequence[Found]
    """With each of `BITS`."""


def read(subject: Subject, tell: Callable[[str], None]) -> Iterator[ReadingResult]:
    """Evaluates a network in exact integers, with every reading."""
    exact = Exact.of(subject.graph)
    layers = scopes(exact)
    tell(f"{subject.name}: all spikes")
    dense = _found(subject, exact, {})
    for scope, changed in layers.items():
        for name in READINGS if scope == ALL else SCOPED:
            sparse = []
            for bits in BITS:
                tell(f"{subject.name}: {name}, {bits} bits, {scope}")
                sent = partial(_with_bits, READINGS[name], bits)
                sparse.append(_found(subject, exact, dict.fromkeys(changed, sent)))
            yield ReadingResult(subject.name, name, scope, dense, sparse)


def _found(subject: Subject, exact: Exact, instead: Mapping[str, Sent]) -> Found:
    """A network over all samples of a subject, some at a time."""
    assert subject.labels is not None
    graph = subject.graph
    outer = {*exact.first, exact.output}
    total, classes = 0.0, []
    for start in range(0, len(subject.x), SAMPLES_AT_ONCE):
        codes = graph.quantize(subject.x[start : start + SAMPLES_AT_ONCE])
        sending = exact.sends(codes, instead)
        sops = exact.sops_by_layer(sending.values)
        total += len(codes) * sum(sops[layer] for layer in sops if layer not in outer)
        outputs = graph.finish(sending.outputs)
        classes.append(outputs.reshape(len(codes), -1).argmax(axis=1))
    right = np.concatenate(classes) == subject.labels
    return Found(total / len(subject.x), Evaluation(0, right, 0.0))


def _with_bits(reading: Reading, bits: int, values: Values, code: SpikeCode) -> Values:
    return reading(values, code, bits)


def _wide(values: Values) -> NDArray[np.int64]:
    return values.astype(np.int64)


def _half(bits: int) -> int:
    return 1 << (bits - 1)


def _saturating(values: NDArray[np.int64], code: SpikeCode, bits: int) -> Values:
    return np.minimum(values, code.high >> bits << bits).astype(np.int16)
