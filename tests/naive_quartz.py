"""The Quartz neuron in plain loops, one timestep after the other (neurons.md, section 4)."""

from __future__ import annotations

from collections.abc import Sequence


def level_sent(
    weights: Sequence[int],
    levels: Sequence[int],
    *,
    top: int,
    bias: int = 0,
    slope: int,
    threshold: int,
    gated: bool = True,
) -> int:
    """The level at which one neuron fires; 0 if it does not before its window ends.

    Args:
        weights: One a synapse.
        levels: What each synapse's source sends: level u spikes at local step `top - u`.
        top: The top level N: the neuron lives for the local steps 0 to 2N.
        bias: Its membrane at first.
        slope: Its current from the readout on.
        threshold: The membrane at which it fires.
        gated: Whether it cannot fire before the step of its top level.
    """
    current, membrane = 0, bias
    for step in range(2 * top + 1):
        for weight, level in zip(weights, levels, strict=True):
            if step == top - level:
                current += weight
        if step == top:
            current = slope
        membrane += current
        if membrane >= threshold and (step >= top or not gated):
            return 2 * top - step
    return 0
