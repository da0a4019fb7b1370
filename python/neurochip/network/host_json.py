"""Pieces of what the host does, as plain data: formats, shapes and indices."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import Format
from ..layers.weighted import INT32_MAX, INT32_MIN
from ..plain import each, real, table, truth, whole

MAX_VALUES = 1 << 26
"""Values of a sample or of an output: checked before any array of them is made."""
MAX_AXES = 31
"""Of a sample or an output: NumPy 1.26 has 32, and one counts samples."""
MAX_SCALE = float(np.finfo(np.float32).max)


def format_json(format: Format) -> dict[str, Any]:
    """A format as plain data."""
    return {
        "bits": format.bits,
        "signed": format.signed,
        "scale": [float(value) for value in format.scale.ravel()],
        "per_channel": format.scale.ndim > 0,
        "zero_point": format.zero_point,
    }


def format_of(data: Any, what: str) -> Format:
    """Reads `format_json` back.

    Raises:
        ValueError: If it holds something else.
    """
    told = table(data, what)
    scale = each(told["scale"], f"{what}.scale", partial(real, low=0, high=MAX_SCALE))
    per_channel = truth(told["per_channel"], f"{what}.per_channel")
    if not per_channel and len(scale) != 1:
        raise ValueError(f"`{what}` has {len(scale)} scales, expected one")
    return Format(
        whole(told["bits"], f"{what}.bits", 1, 32),
        truth(told["signed"], f"{what}.signed"),
        np.array(scale if per_channel else scale[0], np.float32),
        whole(told["zero_point"], f"{what}.zero_point", INT32_MIN, INT32_MAX),
    )


def shape_of(data: Any, what: str) -> tuple[int, ...]:
    """The shape of a sample or of an output.

    Raises:
        ValueError: If it is none, or of too many values.
    """
    shape = each(data, what, partial(whole, low=1, high=MAX_VALUES))
    if len(shape) > MAX_AXES or prod(shape) > MAX_VALUES:
        raise ValueError(
            f"`{what}` has {len(shape)} axes and {prod(shape)} values, "
            f"expected {MAX_AXES} and {MAX_VALUES} at most"
        )
    return shape


def index_json(index: NDArray[Any], shape: tuple[int, ...]) -> list[int] | dict[str, int]:
    """An index; one that moves channels last is written as that, since it may be long."""
    for channels in (1, shape[0]):
        if np.array_equal(index, _channels_last(len(index), channels)):
            return {"count": len(index), "channels": channels}
    return [int(position) for position in index]


def index_of(data: Any, what: str, values: int) -> NDArray[np.int32]:
    """Reads `index_json` back; `values` are those of the shape it belongs to."""
    if isinstance(data, Mapping):
        # Its positions are those of so many values, each once.
        count = whole(data["count"], f"{what}.count", 0, values)
        return _channels_last(count, whole(data["channels"], f"{what}.channels", 1, values))
    return np.array(each(data, what, partial(whole, low=INT32_MIN, high=INT32_MAX)), np.int32)


def _channels_last(count: int, channels: int) -> NDArray[np.int32]:
    """For each value of an image with its channels last: where it is with its channels first."""
    if count % channels:
        return np.empty(0, np.int32)  # no such image
    return np.arange(count, dtype=np.int32).reshape(channels, -1).T.ravel()
