"""Facts: what is known of a population besides its parameters, from lowering to report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..layers import Layer
from ..requantize import Proof, proof_in_words
from .spike_codes import Code, FirstSpike, SpikeCode


@dataclass(frozen=True, slots=True)
class PopulationFacts:
    """What a population is of, what is proven of it, and what was measured as it was lowered.

    Plain numbers and text with no more digits than an image file holds, so that a loaded image has
    equal facts.
    """

    kind: str
    """The layer's kind in the graph, such as `Convolution`; else `Input`, `Relay`, `Readout`,
    `Rectifier` or `Bias`."""
    mode: str
    """`exact`, `double` or `scaled` integration, `ramp` or `rate`; `streaming` for max pooling."""
    tensor: str | None = None
    """The graph's tensor it holds, channels last; None for neurons between tensors."""
    proven: bool = False
    """Whether it is proven to send what the graph's exact integers say, given the same of its
    sources."""
    bias_mode: str = ""
    """`exact`, `scaled`, `calibrated` or `host`; empty for a population without a bias."""
    differing: int | None = None
    """Reachable accumulator values at which the chip's code differs from onnxruntime's."""
    reachable: int | None = None
    """Accumulator values that some input may lead to, of all channels."""
    worst_levels: int | None = None
    """By how many codes the chip's differs at most."""
    s1: tuple[float, ...] = ()
    """Scale of a scaled membrane: one, or one per channel."""
    largest_seen: int | None = None
    """Largest magnitude of a membrane over the calibration samples."""
    largest_possible: int | None = None
    """Largest magnitude that the interval analysis allows."""
    membrane_bits: int | None = None
    headroom_bits: float | None = None
    """By how much the largest membrane seen, or else possible, stays below its register's end."""
    bias_bits: int | None = None
    """Of the narrowest register that holds every bias where it is added; None if none is."""
    note: str = ""
    """What a reader of the report should know."""

    def __post_init__(self) -> None:
        """Refuses a part of a proof."""
        if self.differing is not None and None in (self.reachable, self.worst_levels):
            raise ValueError(f"of the proof of a {self.kind} a number is missing")

    @property
    def proof(self) -> str:
        """What is proven of the constants, in words; empty where there is nothing to prove."""
        if self.differing is None or self.reachable is None or self.worst_levels is None:
            return ""
        return proof_in_words(self.differing, self.reachable, self.worst_levels)


def facts_of(
    layer: Layer,
    mode: str,
    bias_mode: str = "",
    proof: Proof | None = None,
    *,
    proven: bool,
    s1: Iterable[float] = (),
    largest_seen: int | None = None,
    largest_possible: int | None = None,
    membrane_bits: int | None = None,
    headroom_bits: float | None = None,
    bias_bits: int | None = None,
    note: str = "",
) -> PopulationFacts:
    """The facts of the population that holds a layer's output.

    Args:
        layer: What it computes.
        mode: As in `PopulationFacts`, which says of the others what they are.
        bias_mode: Empty for a layer without a bias.
        proof: Reachable accumulator values, by channel, at which codes differ from onnxruntime's.
        proven: Whether the population sends what the graph's exact integers say.
        s1: Rounded to as many digits as float32 has: there may be one per channel.
        largest_seen: Of the calibration samples.
        largest_possible: By intervals.
        membrane_bits: Of a membrane.
        headroom_bits: Rounded to four decimals.
        bias_bits: Of the widest bias.
        note: For a reader of the report.
    """
    return PopulationFacts(
        kind=type(layer).__name__,
        mode=mode,
        tensor=layer.output.name,
        proven=proven,
        bias_mode=bias_mode,
        differing=None if proof is None else int(proof.differing.sum()),
        reachable=None if proof is None else int(proof.reachable.sum()),
        worst_levels=None if proof is None else int(proof.worst_levels.max(initial=0)),
        s1=tuple(float(f"{scale:.8g}") for scale in s1),
        largest_seen=largest_seen,
        largest_possible=largest_possible,
        membrane_bits=membrane_bits,
        headroom_bits=None if headroom_bits is None else round(headroom_bits, 4),
        bias_bits=bias_bits,
        note=note,
    )


def keeps_codes(code: Code | None) -> bool:
    """Whether what is sent says which of a tensor's codes it stands for, whenever it arrives."""
    if isinstance(code, FirstSpike):
        return code.codes_per_level == 1
    return isinstance(code, SpikeCode)
