"""What lowering finds out of a layer, as the facts of its population."""

from __future__ import annotations

from collections.abc import Iterable

from ..layers import Layer
from ..network import Code, FirstSpike, PopulationFacts, SpikeCode
from ..requantize import Proof


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
