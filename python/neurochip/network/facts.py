"""Facts: what is known of a population besides its parameters, from lowering to report."""

from __future__ import annotations

from dataclasses import dataclass

from ..requantize import proof_in_words


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
