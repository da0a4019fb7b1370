"""Scales and zero points, read from the inputs of a node."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from ..formats import Array, Format
from .node import Node
from .values import QuantizedConstant, Refusal

INTEGER_TYPES = {
    "uint2": (2, False),
    "int2": (2, True),
    "uint4": (4, False),
    "int4": (4, True),
    "uint8": (8, False),
    "int8": (8, True),
    "uint16": (16, False),
    "int16": (16, True),
    "int32": (32, True),
}
"""Bits and sign of each element type codes may have."""

OUTPUT_TYPES = {
    TensorProto.UINT4: "uint4",
    TensorProto.INT4: "int4",
    TensorProto.UINT8: "uint8",
    TensorProto.INT8: "int8",
    TensorProto.UINT16: "uint16",
    TensorProto.INT16: "int16",
}


def activation_format(
    node: Node, scale_at: int, zero_point_at: int, default_type: str = "uint8"
) -> Format:
    """The format that a scale and a zero point among the node's inputs describe.

    Args:
        node: The node.
        scale_at: Which of its inputs is the scale.
        zero_point_at: Which of its inputs is the zero point; its type is that of the codes.
        default_type: The type of the codes where neither zero point nor attribute tells it.

    Raises:
        Refusal: If it is none that activations can have.
    """
    scale = _scale(node, scale_at)
    zero_point = node.constant(zero_point_at, "zero point")
    if zero_point is None or zero_point.size == 0:
        codes_type = OUTPUT_TYPES.get(node.attributes.get("output_dtype", 0), default_type)
        zero_point = np.zeros((), np.uint8)
    else:
        codes_type = zero_point.dtype.name
    if codes_type not in INTEGER_TYPES:
        raise Refusal(f"its codes are {codes_type}; int8, uint8, int4 and uint4 are supported")
    bits, signed = INTEGER_TYPES[codes_type]
    if bits > 8:
        raise Refusal(f"its codes have {bits} bits; activations have at most 8")
    levels = zero_point.astype(np.int64)
    if np.unique(scale).size > 1 or np.unique(levels).size > 1:
        raise Refusal(
            f"an activation with {max(scale.size, levels.size)} scales, one a channel; "
            "quantize activations per tensor"
        )
    return Format(bits, signed, scale.ravel()[0].reshape(()), int(levels.ravel()[0]))


def quantized_constant(
    node: Node, codes: Array, scale_at: int, zero_point_at: int, axis: int
) -> QuantizedConstant:
    """Constant codes with the scale and zero point among the node's inputs.

    Raises:
        Refusal: If the parameters do not fit the codes.
    """
    type_name = codes.dtype.name
    if type_name not in INTEGER_TYPES:
        raise Refusal(f"it dequantizes {type_name} values; integers of up to 32 bits are supported")
    scale = _scale(node, scale_at)
    given = node.constant(zero_point_at, "zero point")
    zero_point = np.zeros(1, np.int64) if given is None else given.astype(np.int64)
    axis = axis + codes.ndim if axis < 0 else axis
    length = codes.shape[axis] if axis < codes.ndim else 1
    for parameter in (scale, zero_point):
        if parameter.size not in (1, length) or (parameter.size > 1 and parameter.ndim != 1):
            raise Refusal(
                f"its scale has shape {list(parameter.shape)} for values of shape "
                f"{list(codes.shape)}; one a tensor or one a channel is supported"
            )
    bits, signed = INTEGER_TYPES[type_name]
    held: NDArray[np.signedinteger[Any]] = codes.astype(np.int64 if bits > 16 else np.int32)
    return QuantizedConstant(held, bits, signed, scale.ravel(), zero_point.ravel(), axis)


def _scale(node: Node, scale_at: int) -> NDArray[np.float32]:
    if node.attributes.get("block_size", 0):
        raise Refusal(
            "blockwise scales sum in float32, so no integer result is defined; "
            "quantize per tensor or per channel"
        )
    scale = node.required(scale_at, "scale").astype(np.float32)
    if not (scale.size and np.isfinite(scale).all() and (scale > 0).all()):
        raise Refusal(f"its scale {node.input_name(scale_at)!r} is not positive")
    return scale
