"""Modes: how a layer's sums enter its membranes, and where its bias is added.

| integration | membrane | holds |
|---|---|---|
| `exact` | one word | the accumulator itself |
| `double` | two words | the accumulator itself |
| `scaled` | one word | a fraction of the accumulator (`weighted.py`) |

| bias | is added |
|---|---|
| `exact` | to the membrane, at the accumulator's scale |
| `scaled` | to a scaled membrane, rounded to its scale |
| `calibrated` | after the multiplier, rounded to the output's scale (eq. 9-10) |
| `host` | by the host, exactly: where it reads membranes, and the bias does not fit them as it is |

What is left to `auto` is exact where that is proven, and scaled elsewhere, bias and all: a double
membrane would be more accurate, but a neuron with one cannot send one sample while it receives the
next, and takes more than twice the cycles. Exact integration that is asked for where it is not
proven is done all the same, and what overflows is counted. Nobody decides about the bias of a
membrane that the host reads.

The second scaling makes codes of membranes that do not hold the accumulator itself. The bias is not
in the accumulator's scale then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...network import FixedRequantizer
from ...requantize import Proof, compare, fit_scaled, thresholds
from ...settings import LayerSettings
from ..builder import Impossible
from ..weighted import Registers, WeightedSum, fits, reference_staircase, register_bits

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

MOST_BITS_OF_A_WORD = 16
"""Of which a membrane may have two: its sums have 32 bits at most."""


@dataclass(frozen=True, slots=True)
class Mode:
    """What is decided for one layer."""

    integration: str
    """`exact`, `double` or `scaled`."""
    bias: str
    """`exact`, `scaled`, `calibrated` or `host`."""
    proven: bool
    """Whether no input can make a register overflow."""

    @property
    def holds_bias(self) -> bool:
        """Whether the membrane holds the bias after the last step."""
        return self.bias in ("exact", "scaled")


def choose(task: WeightedSum, wanted: LayerSettings) -> tuple[Mode, WeightedSum]:
    """The mode of a layer, and the layer with the registers that it has in that mode.

    Raises:
        Impossible: If this chip, or this layer, cannot do what is wanted.
    """
    if wanted.integration == "scaled":
        return _scaled(task, wanted), task
    if wanted.integration == "double":
        task = replace(task, registers=doubled(task.registers))
    biases = _biases_of_accumulators(task, wanted)
    integration = "double" if wanted.integration == "double" else "exact"
    for bias in biases:
        if _is_proven(task, bias):
            return Mode(integration, bias, proven=True), task
    if wanted.integration == "auto":
        return _scaled(task, wanted), task
    for bias in biases:
        if bias != "exact" or _fits_its_register(task):
            return Mode(integration, bias, proven=False), task
    raise Impossible(_bias_does_not_fit(task, wanted))


def _biases_of_accumulators(task: WeightedSum, wanted: LayerSettings) -> list[str]:
    """Where the bias of an unscaled membrane may be added, the best place first."""
    if task.multiplier is None:
        return ["exact", "host"]
    if wanted.bias == "calibrated":
        return ["calibrated"]
    if wanted.bias != "auto":
        return ["exact"]  # a scaled one, too: the scale is 1
    # Scaled sums with their bias are more accurate than exact ones with a bias in whole levels.
    rather_scaled = wanted.integration == "auto" and _holds_scaled_bias(task.registers)
    return ["exact"] if rather_scaled else ["exact", "calibrated"]


def _scaled(task: WeightedSum, wanted: LayerSettings) -> Mode:
    if task.multiplier is None:
        return Mode("scaled", "host", proven=False)
    registers = task.registers
    if wanted.bias == "exact":
        if wanted.integration == "auto" and _is_proven(task, "calibrated"):
            raise Impossible(_bias_does_not_fit(task, wanted))
        raise Impossible(
            f"`bias` is exact, but partial sums of up to {task.reach.largest_partial:,} are scaled "
            f"to fit {registers.membrane_bits} bits, and an exact bias would not be: {_ways(task)}"
        )
    holds = _holds_scaled_bias(registers)
    if wanted.bias == "scaled" and not holds:
        raise Impossible(
            f"`bias` is scaled, to a membrane of {registers.membrane_bits} bits, and biases have "
            f"{registers.bias_bits} (core.soma.bias_bits): {_ways(task)}"
        )
    calibrated = wanted.bias == "calibrated" or not holds
    return Mode("scaled", "calibrated" if calibrated else "scaled", proven=False)


def _holds_scaled_bias(registers: Registers) -> bool:
    """Whether every bias that fits a membrane fits its own register."""
    return registers.bias_bits >= registers.membrane_bits


def _fits_its_register(task: WeightedSum) -> bool:
    return fits(*task.bias_range, task.registers.bias_bits)


def _bias_does_not_fit(task: WeightedSum, wanted: LayerSettings) -> str:
    """Why an exact bias is refused, with the way out."""
    low, high = task.bias_range
    bits, membrane = task.registers.bias_bits, task.registers.membrane_bits
    if _fits_its_register(task):
        return (
            f"`bias` is {wanted.bias}, but with biases from {low:,} to {high:,} sums are not "
            f"proven to fit {membrane} bits (core.membrane_bits): {_ways(task)}"
        )
    return (
        f"`bias` is {wanted.bias}, but biases from {low:,} to {high:,} do not fit {bits} bits "
        f"(core.soma.bias_bits): {_ways(task)}"
    )


def _ways(task: WeightedSum) -> str:
    """What else can be done with a bias that is refused."""
    registers = task.registers
    ways = ["a scaled membrane holds a scaled one"] if _holds_scaled_bias(registers) else []
    ways.append("a calibrated one fits")
    if registers.doubled_multiplier_bits and registers.membrane_bits <= MOST_BITS_OF_A_WORD:
        ways.append("a double membrane holds an exact one")
    return ", or ".join(ways)


def doubled(registers: Registers) -> Registers:
    """The registers of a neuron whose membrane takes both of its state words."""
    if registers.doubled_multiplier_bits is None:
        raise Impossible(
            "`integration` is double, but a neuron of this chip has one state word "
            "(core.second_state_word)"
        )
    bits = registers.membrane_bits
    if bits > MOST_BITS_OF_A_WORD:
        raise Impossible(
            f"`integration` is double, but one word of this chip has {bits} bits "
            "(core.membrane_bits), and sums of 32 bits are all there are"
        )
    return replace(
        registers,
        membrane_bits=2 * bits,
        bias_bits=2 * registers.bias_bits,
        multiplier_bits=registers.doubled_multiplier_bits,
    )


def _is_proven(task: WeightedSum, bias: str) -> bool:
    """Whether the chip's registers give every accumulator as 32-bit arithmetic does.

    Registers of 32 bits that wrap are that arithmetic; others must never be left.
    """
    registers, reach = task.registers, task.reach
    if registers.are_int32:
        return True
    low, high = task.layer.bounds()
    wraps = bool(((low == INT32_MIN) & (high == INT32_MAX)).any())
    held = (
        not wraps
        and fits(*reach.sums, registers.sum_bits)
        and fits(*reach.partial, registers.membrane_bits)
    )
    if bias != "exact":
        return held
    return (
        held
        and fits(int(low.min()), int(high.max()), registers.membrane_bits)
        and fits(*task.bias_range, registers.bias_bits)
    )


OFFSET_BITS = 61
"""Bits of `q_b << shift`: with the product beside it, the sum stays inside 63."""

LARGEST_BASE = 512
"""More than any base of a code, which the target's neurons subtract."""


@dataclass(frozen=True, slots=True, eq=False)
class Bias:
    """A layer's bias, rounded where it is added. Arrays broadcast to the output's shape."""

    held: NDArray[np.int64]
    """Added to the membrane."""
    after: NDArray[np.int64]
    """Added after the multiplier."""

    @staticmethod
    def of(task: WeightedSum, mode: Mode, s1: NDArray[np.float64]) -> Bias:
        """Where its mode adds it: `rne(s1 b)`, or `q_b = rne(b M)`, or nothing if the host does.

        Args:
            task: The layer.
            mode: What was decided for it.
            s1: Scale of the membrane, 1 where it holds the accumulator.
        """
        nothing = np.zeros((1,) * task.bias.ndim, np.int64)
        if mode.holds_bias:
            return Bias(np.rint(task.bias * s1).astype(np.int64), nothing)
        if task.multiplier is None:
            return Bias(nothing, nothing)
        q_b = np.rint(task.bias * task.multiplier.astype(np.float64)).astype(np.int64)
        return Bias(nothing, q_b)

    @property
    def bits(self) -> int | None:
        """Of the narrowest register that holds it, wherever it is added; None if nowhere."""
        return register_bits(self.held, self.after)


def fit_second_scaling(
    task: WeightedSum,
    multiplier: NDArray[np.float32],
    s1: NDArray[np.float64],
    bias: Bias,
    excess: NDArray[np.float64],
) -> tuple[FixedRequantizer, Proof]:
    """Constants of `((H m + half) >> shift) + after + Z`, and accumulators at which they differ.

    Args:
        task: The layer.
        multiplier: Its multiplier, broadcasting to the output's shape.
        s1: Scale of the membrane, 1 where it holds the accumulator; broadcasts likewise.
        bias: The layer's, as it is added.
        excess: What the rounding of steps adds to membranes on average, taken off again.
    """
    fixed = _constants(task, multiplier, s1, bias.after, excess)
    return fixed, _proof(task, multiplier, fixed, s1, bias.held + excess)


def _constants(
    task: WeightedSum,
    multiplier: NDArray[np.float32],
    s1: NDArray[np.float64],
    after: NDArray[np.int64],
    excess: NDArray[np.float64],
) -> FixedRequantizer:
    added = after + task.layer.output.format.zero_point
    largest = int(np.abs(added).max()) + LARGEST_BASE
    max_shift = max(0, OFFSET_BITS - largest.bit_length())
    real = multiplier.astype(np.float64) / s1
    scaled = fit_scaled(real.ravel(), task.registers.multiplier_bits, max_shift)
    m, shift, half = (
        values.reshape(real.shape) for values in (scaled.multiplier, scaled.shift, scaled.rounding)
    )
    half = half - np.rint(excess * m).astype(np.int64)
    m, shift, half, added = np.broadcast_arrays(m, shift, half, added)
    return FixedRequantizer(m, half + (added << shift), shift)


def _proof(
    task: WeightedSum,
    multiplier: NDArray[np.float32],
    fixed: FixedRequantizer,
    s1: NDArray[np.float64],
    gained: NDArray[np.float64],
) -> Proof:
    """Accumulator values whose code changes if the membrane is `round(s1 (acc - b) + gained)`.

    What it gains besides are the bias and the average of what steps round up.

    The rounding of each step of a scaled sum comes on top: it depends on more than the
    accumulator. Where a channel's constants differ by position, those of its first position stand
    for all.
    """
    low, high = task.layer.bounds()
    output = task.layer.output

    def first(values: NDArray[Any]) -> NDArray[Any]:
        whole = np.broadcast_to(values, output.shape)
        return whole.reshape(len(whole), -1)[:, :1]

    bias, in_membrane, scale = first(task.bias), first(gained), first(s1)
    m, offset, shift = (first(each) for each in (fixed.multiplier, fixed.offset, fixed.shift))

    def codes(acc: NDArray[np.int64]) -> NDArray[np.int64]:
        membrane = np.floor(scale * (acc - bias) + in_membrane + 0.5).astype(np.int64)
        values: NDArray[np.int64] = (membrane * m + offset) >> shift
        return np.clip(values, output.low, output.high)

    with np.errstate(divide="ignore", invalid="ignore"):  # a multiplier of 0 reaches no level
        levels = np.arange(output.low + 1, output.high + 1)
        membranes = np.ceil((levels * 2.0**shift - offset) / m)
        near = (membranes - in_membrane - 0.5) / scale + bias
    chip = thresholds(codes, output.low, output.high, low, high, near)
    wanted = reference_staircase(task.layer, first(multiplier)[:, 0], low, high)
    return compare(wanted, chip)
