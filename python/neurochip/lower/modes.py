"""Modes: how a layer's sums enter its membranes, and where its bias is added.

| integration | membrane | holds |
|---|---|---|
| `exact` | one word | the accumulator itself |
| `double` | two words | the accumulator itself |
| `scaled` | one word | a fraction of the accumulator (`scaled.py`) |

| bias | is added |
|---|---|
| `exact` | to the membrane, at the accumulator's scale |
| `scaled` | to a scaled membrane, rounded to its scale |
| `calibrated` | behind the multiplier, rounded to the output's scale |

What is left to `auto` is exact where that is proven, and scaled elsewhere, bias and all: a double
membrane would be more accurate, but a neuron with one cannot send one sample while it receives the
next, and takes more than twice the cycles. Exact integration that is asked for where it is not
proven is done all the same, and what overflows is counted. The bias of a membrane that the host
reads is exact in every mode: where the membrane does not hold it, the host adds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .builder import Impossible
from .registers import Registers, fits
from .settings import LayerSettings
from .weighted import WeightedSum

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


@dataclass(frozen=True, slots=True)
class Mode:
    """What is decided for one layer."""

    integration: str
    """`exact`, `double` or `scaled`."""
    bias: str
    """`exact`, `scaled` or `calibrated`."""
    proven: bool
    """Whether no input can make a register overflow."""

    @property
    def holds_bias(self) -> bool:
        """Whether the membrane holds the bias after the last step."""
        return self.bias == "scaled" or (self.bias == "exact" and self.integration != "scaled")


def choose(task: WeightedSum, wanted: LayerSettings) -> tuple[Mode, WeightedSum]:
    """The mode of a layer, and the layer with the registers that it has in that mode.

    Raises:
        Impossible: If this chip, or this layer, cannot do what is wanted.
    """
    if wanted.integration == "scaled":
        return _scaled(task, wanted), task
    if wanted.integration == "double":
        task = replace(task, registers=doubled(task.registers))
    biases = _BIASES_OF_ACCUMULATORS[wanted.bias]
    integration = "double" if wanted.integration == "double" else "exact"
    for bias in biases:
        if _is_proven(task, bias):
            return Mode(integration, bias, proven=True), task
    if wanted.integration == "auto":
        return _scaled(task, wanted), task
    bias = _bias_of_what_may_overflow(task, wanted.bias, biases)
    return Mode(integration, bias, proven=False), task


_BIASES_OF_ACCUMULATORS: Mapping[str, tuple[str, ...]] = {
    "auto": ("exact", "calibrated"),
    "exact": ("exact",),
    "scaled": ("exact",),  # the scale is 1
    "calibrated": ("calibrated",),
}


def _scaled(task: WeightedSum, wanted: LayerSettings) -> Mode:
    registers = task.registers
    if task.multiplier is None:
        return Mode("scaled", "exact", proven=False)
    if wanted.bias == "exact":
        raise Impossible(
            f"`bias` is exact, but partial sums of up to {task.reach.largest_partial:,} are "
            f"scaled to fit {registers.membrane_bits} bits, and an exact bias would not be: "
            "a scaled one is, or a double membrane holds both"
        )
    narrow = registers.bias_bits < registers.membrane_bits
    if wanted.bias == "scaled" and narrow:
        raise Impossible(
            f"`bias` is scaled, to a membrane of {registers.membrane_bits} bits, and biases have "
            f"{registers.bias_bits} (core.soma.bias_bits): a calibrated one fits"
        )
    calibrated = wanted.bias == "calibrated" or narrow
    return Mode("scaled", "calibrated" if calibrated else "scaled", proven=False)


def doubled(registers: Registers) -> Registers:
    """The registers of a neuron whose membrane takes both of its state words."""
    if not registers.second_word:
        raise Impossible(
            "`integration` is double, but a neuron of this chip has one state word "
            "(core.second_state_word)"
        )
    bits = registers.membrane_bits
    if bits > 16:
        raise Impossible(
            f"`integration` is double, but one word of this chip has {bits} bits "
            "(core.membrane_bits), and sums of 32 bits are all there are"
        )
    return replace(registers, membrane_bits=2 * bits, bias_bits=2 * registers.bias_bits)


def _bias_of_what_may_overflow(task: WeightedSum, wanted: str, biases: Sequence[str]) -> str:
    """The first of these places that a bias can stand in."""
    bits = task.registers.bias_bits
    if fits(*task.bias_range, bits):
        return biases[0]
    if "calibrated" not in biases:
        low, high = task.bias_range
        raise Impossible(
            f"`bias` is {wanted}, but biases from {low:,} to {high:,} do not fit {bits} bits "
            "(core.soma.bias_bits): a calibrated one does, or a double membrane's"
        )
    return "calibrated"


def _is_proven(task: WeightedSum, bias: str) -> bool:
    """Whether the chip's registers give every accumulator as 32-bit arithmetic does.

    Registers of 32 bits that wrap are that arithmetic; others must never be left.
    """
    registers, reach = task.registers, task.reach
    if registers.membrane_bits == 32 and registers.sum_bits == 32 and registers.wraps:
        return True
    low, high = task.layer.bounds()
    wraps = bool(((low == INT32_MIN) & (high == INT32_MAX)).any())
    held = (
        not wraps
        and fits(*reach.sums, registers.sum_bits)
        and fits(*reach.partial, registers.membrane_bits)
    )
    if bias == "calibrated":
        return held
    return (
        held
        and fits(int(low.min()), int(high.max()), registers.membrane_bits)
        and fits(*task.bias_range, registers.bias_bits)
    )
