"""Samples ready for a network: finite float32 numbers, and labels as many as samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .fitting import fit
from .normalization import Normalization, normalized

PICTURE_SCALE = 255.0


@dataclass(frozen=True, slots=True)
class Inputs:
    """Samples, and what came with them. The first axis of every array is the sample."""

    x: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    calibration: NDArray[np.float32] | None
    source: str
    image_file: str = ""
    """The file of the first sample, where samples are images."""

    def fit_to(self, shape: Sequence[int]) -> Inputs:
        """Brings samples and calibration samples to the axes of a network's input.

        Args:
            shape: The network's input shape without the sample axis, such as (3, 32, 32).

        Raises:
            InputError: If the samples' axes cannot be brought to `shape` in exactly one way.
        """
        x = fit(self.x, shape, self.source, self.image_file)
        if self.labels is not None and len(x) != len(self.labels):
            raise InputError(
                f"{self.source!r} is 1 sample of shape {self.x.shape}, "
                f"but there are {len(self.labels)} labels"
            )
        calibration = self.calibration
        if calibration is not None:
            calibration = fit(calibration, shape, self.source)
        return replace(self, x=x, calibration=calibration)

    def normalized(self, by: Normalization | None) -> Inputs:
        """Samples and calibration samples that fit a network, normalized.

        Raises:
            InputError: If there are not as many channels.
        """
        calibration = self.calibration
        return replace(
            self,
            x=normalized(self.x, by),
            calibration=None if calibration is None else normalized(calibration, by),
        )


def random_inputs(
    shape: Sequence[int], samples: int = 1, seed: int = 0, codes: tuple[int, int] | None = None
) -> Inputs:
    """Draws samples uniformly, the same for the same seed on every machine.

    Args:
        shape: Of one sample.
        samples: How many.
        seed: Of the generator.
        codes: The smallest and the largest code of a network that takes integers; None draws from
            [0, 1).
    """
    generator = np.random.default_rng(seed)
    if codes is None:
        x = generator.random((samples, *shape), dtype=np.float32)
    else:
        x = generator.integers(*codes, (samples, *shape), endpoint=True).astype(np.float32)
    return Inputs(
        x=x,
        labels=None,
        calibration=None,
        source=f"{samples:,} random sample{'s' * (samples != 1)}, seed {seed}",
    )


def scaled(
    x: NDArray[np.generic], scale: float | None, source: str, codes: bool = False
) -> NDArray[np.float32]:
    """Divides by `scale` in float32; without one uint8 by 255, and floats by nothing.

    Args:
        x: Samples as they are stored.
        scale: What they are divided by.
        source: Where they come from, for messages.
        codes: Whether the network takes integers, which are left as they are without a scale.

    Raises:
        InputError: If they are no finite numbers, or integers whose scale nobody knows.
    """
    if not np.issubdtype(x.dtype, np.integer) and not np.issubdtype(x.dtype, np.floating):
        raise InputError(
            f"{source!r} holds {x.dtype} values, expected uint8 images or floats",
            hint="convert the array with .astype('float32')",
        )
    if scale is None:
        scale = _usual_scale(x.dtype, source, codes)
    if not np.isfinite(scale) or scale == 0.0:
        raise InputError(f"`scale` is {scale:g}, expected a finite number other than 0")
    with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, refused below
        values = x.astype(np.float32)
    _refuse_not_finite(values, source)
    return values if scale == 1.0 else values / np.float32(scale)


def as_integers(x: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Samples of a model that takes integers, in its type.

    Args:
        x: Samples (count, ...), integers or floats.
        low: The smallest integer that the model takes: of int8 where it is below 0, else of uint8.
        high: The largest one.

    Raises:
        InputError: If a value is no integer of that range.
    """
    if not np.issubdtype(x.dtype, np.integer) and not np.issubdtype(x.dtype, np.floating):
        raise InputError(f"samples are {x.dtype}, the model takes integers from {low} to {high}")
    with np.errstate(invalid="ignore"):
        wrong = (x < low) | (x > high) | (x != np.trunc(x))
    refuse_first(x, wrong, f"an integer from {low} to {high}")
    return x.astype(np.int8 if low < 0 else np.uint8)


def refuse_first(x: NDArray[Any], wrong: NDArray[np.bool_], expected: str) -> None:
    """Names the first value that is wrong, and where it is.

    Raises:
        InputError: If one is.
    """
    if wrong.any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"sample {first[0]} holds {x[first]} at {list(first[1:])}, expected {expected}"
        )


def _usual_scale(dtype: np.dtype[np.generic], source: str, codes: bool) -> float:
    if codes or np.issubdtype(dtype, np.floating):
        return 1.0
    if dtype == np.uint8:
        return PICTURE_SCALE
    raise InputError(
        f"{source!r} holds {dtype} values, expected uint8 images or floats",
        hint="say what they are to be divided by with `--scale`, or `--scale none`; "
        "in Python, give floats",
    )


def _refuse_not_finite(values: NDArray[np.float32], source: str) -> None:
    finite = np.isfinite(values)
    if finite.all():
        return
    broken = np.flatnonzero(~finite.reshape(len(values), -1).all(axis=1))
    raise InputError(
        f"{source!r} has {np.count_nonzero(~finite)} values that are NaN or infinite, "
        f"in {len(broken)} of {len(values)} samples, the first in sample {broken[0]}",
        hint="remove those samples, or repair them with numpy.nan_to_num",
    )
