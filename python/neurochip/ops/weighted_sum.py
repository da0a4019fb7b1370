"""Weighted sums: what convolutions, matrix products and their QLinear forms have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Format, Tensor
from ..layers import Convolution, Dense
from ..layers.weighted import INT32_MAX, INT32_MIN
from .axes import over_one_sample
from .expressions import Picked
from .node import GraphBuilder, Node, unquantized
from .sliding import Sliding
from .values import (
    Constant,
    Dequantized,
    Expression,
    HostOp,
    LayerBuilder,
    QuantizedConstant,
    Refusal,
    Shape,
    Target,
    Unknown,
    Value,
)


@dataclass(frozen=True, slots=True, eq=False)
class ScaledAccumulator:
    """accumulator * scale, one scale per output channel, where accumulator is an integer sum."""

    name: str
    source: Tensor
    shape: Shape
    windows: Sliding | None
    """How a convolution's windows lie; None for a dense layer."""
    groups: int
    output_name: str
    weights: NDArray[np.signedinteger[Any]]
    """Output channels first, zero point subtracted."""
    bias: NDArray[np.int64]
    scale: NDArray[np.float32]
    """One per output channel, or one in all: input scale times weight scale, in float32."""

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Adds the layer, with input scale * weight scale / output scale formed in float32."""
        builder.note_float(self.name, self.source.format, target.format)
        with np.errstate(over="ignore", under="ignore"):
            ratio = (self.scale / target.format.scale).astype(np.float32)
        if not np.isfinite(ratio).all():
            raise Refusal("its scale over that of its output is infinite in float32")
        multiplier = np.broadcast_to(ratio, self.bias.shape).copy()
        layer = self._layer(target.tensor(self.shape), multiplier)
        low, high = layer.bounds()
        if bool(((low == INT32_MIN) & (high == INT32_MAX)).any()):
            builder.note(
                f"{self.name!r}: sums can leave 32 bits; they wrap, as in onnxruntime's integer "
                "kernels, where its float kernels do not"
            )
        return builder.emit(layer)

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Adds the layer with its accumulator as output, once for all who read it."""
        return builder.once(self, lambda: self._accumulator(builder)), ()

    def _accumulator(self, builder: LayerBuilder) -> Tensor:
        builder.note(
            f"{self.name!r} is not quantized again: its output is the accumulator times its scale, "
            "where onnxruntime may sum in float32"
        )
        scale = self.scale if self.scale.size > 1 else self.scale.reshape(())
        accumulator = Format(32, True, scale, 0)
        output = Tensor(self.output_name, self.shape, accumulator, INT32_MIN, INT32_MAX)
        layer = self._layer(output, None)
        low, high = layer.bounds()
        output = replace(output, low=int(low.min()), high=int(high.max()))
        return builder.emit(replace(layer, output=output))

    def scaled(
        self, gain: NDArray[np.float64], what: str, builder: GraphBuilder
    ) -> ScaledAccumulator:
        """The sum times a number, one per channel or one in all."""
        gain = np.broadcast_to(gain, self.bias.shape)
        sign = np.sign(gain).astype(np.int64)
        rows = sign.reshape((-1,) + (1,) * (self.weights.ndim - 1))
        magnitude = np.where(gain == 0, 1, np.abs(gain))  # a zero gain has zero weights instead
        scale = (self.scale.astype(np.float64) * magnitude).astype(np.float32)
        builder.note(
            f"{what!r}: its factor is folded into the scale of {self.name!r}; onnxruntime "
            "multiplies in float32"
        )
        weights = self.weights * rows.astype(np.int32)
        return replace(self, weights=weights, bias=self.bias * sign, scale=scale)

    def shifted(
        self, offset: NDArray[np.float64], builder: GraphBuilder, what: str
    ) -> ScaledAccumulator:
        """The sum plus a number, one per channel or one in all."""
        offset = np.broadcast_to(offset, self.bias.shape)
        levels = rounded_bias(self.name, offset, self.scale, builder, f"the offset at {what!r}")
        return replace(self, bias=self.bias + levels)

    def _layer(self, output: Tensor, multiplier: NDArray[np.float32] | None) -> Convolution | Dense:
        weights = self.weights.astype(np.int32, copy=False)
        if self.windows is None:
            return Dense(self.name, (self.source,), output, weights, self.bias, multiplier)
        return Convolution(
            name=self.name,
            inputs=(self.source,),
            output=output,
            weights=weights,
            bias=self.bias,
            strides=self.windows.strides,
            pads=self.windows.pads,
            dilations=self.windows.dilations,
            groups=self.groups,
            multiplier=multiplier,
        )


def refuse_unquantized(node: Node) -> None:
    """Refuses a product of real numbers, with everything that is missing in one message."""
    reasons = [missing_weights(node, 1)]
    if not isinstance(node.input(0), Dequantized):
        reasons.append(unquantized(node, 0))
    if any(reasons) or isinstance(node.input(0), Unknown) or isinstance(node.input(1), Unknown):
        raise Refusal("; ".join(reason for reason in reasons if reason))


def missing_weights(node: Node, position: int) -> str:
    """Why the weights cannot be used, empty if they can."""
    value = node.input(position)
    name = node.input_name(position)
    if isinstance(value, QuantizedConstant):
        return ""
    if isinstance(value, Constant):
        return f"its weights {name!r} are float: no DequantizeLinear stands before them"
    if isinstance(value, Unknown):
        return ""
    return f"its weights {name!r} are computed, not constant"


def read_weights(node: Node, position: int, builder: GraphBuilder) -> QuantizedConstant:
    """The quantized weights at an input, known to be there."""
    value = node.input(position)
    if not isinstance(value, QuantizedConstant):
        raise Refusal(missing_weights(node, position))
    if value.bits > 16:
        raise Refusal(f"its weights have {value.bits} bits; at most 16 are supported")
    if value.bits != 8:
        builder.note(
            f"{node.name!r} has weights of {value.bits} bits: in integers here, in float32 by "
            "onnxruntime"
        )
    return value


def note_types(
    node: Node, builder: GraphBuilder, source: Tensor, weights: QuantizedConstant
) -> None:
    """Says so if onnxruntime has no integer kernel for these codes and weights between reals."""
    if source.format.signed and not weights.signed and weights.bits == 8:
        builder.note(
            f"{node.name!r} has int8 inputs and uint8 weights: in integers here, in float32 by "
            "onnxruntime"
        )


def per_output(node: Node, weights: QuantizedConstant, axis: int) -> NDArray[np.float32]:
    """The weights' scales, one per output channel or one in all."""
    if weights.per_tensor or weights.axis == axis:
        return weights.scale
    raise Refusal(
        f"its weights have a scale for each entry of axis {weights.axis}, "
        f"not for each output channel (axis {axis})"
    )


def read_bias(
    node: Node, position: int, scale: NDArray[np.float32], channels: int, builder: GraphBuilder
) -> NDArray[np.int64]:
    """The bias in units of the accumulator: integers as they are, real numbers rounded."""
    value = node.input(position)
    if value is None:
        return np.zeros(channels, np.int64)
    if isinstance(value, QuantizedConstant):
        codes = _one_per_channel(node, value.centred, channels)
        own = _one_per_channel(node, value.scale, channels)
        if value.bits == 32 and (own == scale).all():
            return codes
        real = codes * own.astype(np.float64)
        return rounded_bias(node.name, real, scale, builder, "a bias with a scale of its own")
    real = _one_per_channel(node, node.required(position, "bias"), channels)
    # onnxruntime divides float32 by float32 here.
    return rounded_bias(node.name, real, scale, builder, "")


def integer_bias(node: Node, position: int, channels: int) -> NDArray[np.int64]:
    """The int32 bias of a QLinear operator."""
    value = node.constant(position, "bias")
    if value is None:
        return np.zeros(channels, np.int64)
    return _one_per_channel(node, value.astype(np.int64), channels)


def rounded_bias(
    name: str, real: Array, scale: NDArray[np.float32], builder: GraphBuilder, what: str
) -> NDArray[np.int64]:
    """Real numbers in units of `scale`, half to even; says how far off the worst is."""
    exact = real / scale
    levels = np.clip(np.rint(exact), INT32_MIN, INT32_MAX)
    error = float(np.abs(levels - exact).max(initial=0))
    if what and error > 0:
        builder.note(
            f"{name!r}: {what} is rounded to the accumulator's, by at most {error:.2g} of its units"
        )
    return np.asarray(levels, np.int64)


def _one_per_channel(node: Node, values: Array, channels: int) -> Array:
    """The values along the output channels, which are the last axis of a bias."""
    along_channels = values.size == channels == values.shape[-1] if values.ndim else False
    if values.size != 1 and not along_channels:
        raise Refusal(f"its bias has shape {list(values.shape)} for {channels} output channels")
    return np.array(np.broadcast_to(values.ravel(), (channels,)))


Fold: TypeAlias = "Callable[[ScaledAccumulator, NDArray[np.float64]], ScaledAccumulator]"
"""From a sum and one number per channel to the sum with these numbers in it."""
Numbers: TypeAlias = "NDArray[np.float64]"


def folded(value: Value, array: Array, fold: Fold) -> Expression | None:
    """The value with a constant operand in its weighted sum.

    None if there is no sum, or the constant is not one number for each of its channels.
    """
    if not isinstance(value, (ScaledAccumulator, Picked)):
        return None
    own = over_one_sample(array, value.shape)
    if own is None:
        return None
    numbers = np.broadcast_to(array.reshape(own).astype(np.float64), value.shape)
    return _into(value, numbers, fold)


def _into(value: Expression, numbers: Numbers, fold: Fold) -> Expression | None:
    """Numbers at every position, NaN where none is wanted."""
    if isinstance(value, ScaledAccumulator):
        by_channel = numbers.reshape(value.shape[0], -1)
        known = np.where(np.isnan(by_channel), -np.inf, by_channel).max(axis=1)
        known = np.where(np.isfinite(known), known, 1.0)  # nobody reads such a channel
        differs = ~np.isnan(by_channel) & (by_channel != known[:, None])
        return None if differs.any() else fold(value, known)
    if not isinstance(value, Picked) or value.index is None or (value.index < 0).any():
        return None
    source = np.full(value.child.shape, np.nan)
    source.flat[value.index.ravel()] = numbers.ravel()
    if not np.array_equal(source.ravel()[value.index], numbers, equal_nan=True):
        return None  # one value stands at two positions, with two numbers
    child = _into(value.child, source, fold)
    return None if child is None else replace(value, child=child)
