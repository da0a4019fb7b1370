"""What a user chooses about quantization, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ..errors import QuantizationError

Weights: TypeAlias = Literal["per-tensor", "per-channel"]
Ranges: TypeAlias = Literal["max", "percentile", "mse"]
MIN_BITS, MAX_BITS = 2, 8
DEFAULT_PERCENTILE = 99.99


@dataclass(frozen=True, slots=True)
class QuantizeOptions:
    """How activations and weights become integers.

    Raises:
        QuantizationError: If a choice is none of those there are, or out of range.
    """

    bits: int = MAX_BITS
    """Of the activations between layers; the network's input and output keep 8."""
    weights: Weights = "per-tensor"
    """Whether the output channels of a layer share one scale or have one each."""
    ranges: Ranges = "max"
    """What of the values seen is kept: all, a percentile, or the least squared error."""
    percentile: float | None = None
    """The share of values kept, in percent, where `ranges` says percentile; None is 99.99."""

    def __post_init__(self) -> None:
        """Checks every choice."""
        if not MIN_BITS <= self.bits <= MAX_BITS:
            raise QuantizationError(f"`bits` is {self.bits}, expected {MIN_BITS} to {MAX_BITS}")
        for name, value, known in (
            ("weights", self.weights, get_args(Weights)),
            ("ranges", self.ranges, get_args(Ranges)),
        ):
            if value not in known:
                told = ", ".join(known)
                raise QuantizationError(f"`{name}` is {value!r}, expected one of {told}")
        if self.percentile is not None:
            self._check(self.percentile)

    def _check(self, percentile: float) -> None:
        if not 50 < percentile <= 100:
            raise QuantizationError(
                f"`percentile` is {percentile:g}, expected more than 50, at most 100"
            )
        if self.ranges != "percentile":
            raise QuantizationError(
                f"`percentile` is {percentile:g}, but `ranges` is {self.ranges}, which keeps no "
                "percentile",
                hint="choose the ranges by percentile (`--ranges percentile`), or leave "
                "`--percentile` out",
            )

    @property
    def kept_percent(self) -> float:
        """The share of values kept where `ranges` says percentile."""
        return DEFAULT_PERCENTILE if self.percentile is None else self.percentile
