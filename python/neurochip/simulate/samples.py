"""Samples: what a network can be fed, checked before anything runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image import Image


def checked(image: Image, x: NDArray[Any]) -> NDArray[Any]:
    """The samples, in the type that the model takes.

    Raises:
        InputError: If they do not fit the network.
    """
    if x.shape[1:] != image.input_shape or not len(x):
        raise InputError(
            f"samples have shape {list(x.shape)}; {image.name!r} takes "
            f"(samples, {', '.join(map(str, image.input_shape))}), one sample or more"
        )
    taken = image.integers_taken
    return _reals(x) if taken is None else _integers(x, *taken)


def _reals(x: NDArray[Any]) -> NDArray[np.float32]:
    if not np.issubdtype(x.dtype, np.floating):
        raise InputError(
            f"samples are {x.dtype}, the model takes float32",
            hint="scale pictures first: `x.astype(np.float32) / 255`",
        )
    with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite
        real = x.astype(np.float32, copy=False)
    _refuse_first(real, ~np.isfinite(real), "a finite float32")
    return real


def _integers(x: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    with np.errstate(invalid="ignore"):
        wrong = (x < low) | (x > high) | (x != np.trunc(x))
    _refuse_first(x, wrong, f"an integer from {low} to {high}")
    return x.astype(np.int8 if low < 0 else np.uint8)


def _refuse_first(x: NDArray[Any], wrong: NDArray[np.bool_], expected: str) -> None:
    if wrong.any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"sample {first[0]} holds {x[first]} at {list(first[1:])}, expected {expected}"
        )
