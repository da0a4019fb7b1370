"""Samples ready for a network: finite float32 numbers, normalized, and as many labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .fitting import fit

MOST_LAST_CHANNELS = 4
"""Grey or colour, with or without transparency: a longer last axis is no image's channels."""

TRAINED = "give the mean and the standard deviation of the samples the network was trained on"

TOLD_VALUES = 4
"""As many are listed one by one: more say little."""


@dataclass(frozen=True, slots=True, init=False)
class Normalization:
    """`(x - mean) / std` in float32: of all values alike, or channel by channel.

    It is applied to samples in the model's axes, after images were scaled to [0, 1].
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __init__(
        self, mean: float | Sequence[float] = 0.0, std: float | Sequence[float] = 1.0
    ) -> None:
        """Takes one number, or one per channel.

        Raises:
            InputError: If one is no finite number, a standard deviation is not above 0, or there
                are neither as many of both nor one of either.
        """
        # Frozen: set past the door that is closed to everyone else.
        object.__setattr__(self, "mean", _numbers("mean", mean))
        object.__setattr__(self, "std", _numbers("std", std))
        wrong = next((value for value in self.std if np.float32(value) <= 0), None)
        if wrong is not None:
            raise InputError(
                f"`std` is {wrong:g}, expected a number above 0 that float32 holds",
                hint=TRAINED,
            )
        if len({len(self.mean), len(self.std)} - {1}) > 1:
            raise InputError(
                f"`mean` has {len(self.mean)} values and `std` {len(self.std)}",
                hint="give one of each, or one of each for every channel",
            )

    @property
    def channels(self) -> int:
        """How many channels have a number of their own; 1 where all are treated alike."""
        return max(len(self.mean), len(self.std))

    def is_same_as(self, other: Normalization) -> bool:
        """Whether it does the same to every sample: one number stands for one per channel."""
        pairs = (self.mean, other.mean), (self.std, other.std)
        return all(_are_same(ours, theirs) for ours, theirs in pairs)

    def check(self, shape: Sequence[int]) -> None:
        """Compares the number of values with the shape of a sample.

        Raises:
            InputError: If it is neither 1 nor that of the channels.
        """
        axis = channel_axis(shape, self.channels)
        channels = shape[axis] if shape else 1
        if self.channels not in (1, channels):
            name = "mean" if len(self.mean) == self.channels else "std"
            raise InputError(
                f"`{name}` has {self.channels} values, expected 1 or {channels}: the network takes "
                f"samples of shape {tuple(shape)}, whose channels are axis {axis + 1}",
                hint="give one value for all channels, or one for each",
            )

    def applied(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalizes samples (count, *shape of a sample).

        Channels are axis 1, as in (count, channels, height, width), or else where `channel_axis`
        says.

        Raises:
            InputError: If there are not as many channels, or a result is beyond float32.
        """
        shape = x.shape[1:]
        self.check(shape)
        channels = channel_axis(shape, self.channels)
        along = [-1 if axis == channels else 1 for axis in range(len(shape))] or [-1]
        mean, std = (
            np.array(values, np.float32).reshape(along) for values in (self.mean, self.std)
        )
        with np.errstate(over="ignore"):
            moved = x - mean
            moved /= std
        if not np.isfinite(moved).all():
            raise InputError(
                f"normalized samples are beyond float32: {self}, and samples go from "
                f"{x.min():g} to {x.max():g}",
                hint="give mean and standard deviation of samples after scaling to [0, 1]",
            )
        return moved

    def __repr__(self) -> str:
        return f"Normalization({self})"

    def __str__(self) -> str:
        """`mean 0.485, 0.456, 0.406; std 0.229, 0.224, 0.225`."""
        return f"mean {_told(self.mean)}; std {_told(self.std)}"


def channel_axis(shape: Sequence[int], count: int) -> int:
    """Of the shape of a sample: the axis along which so many numbers lie.

    The first or the last axis where just one of the two has this length; else the first, or the
    last where only that is short enough for the channels of images.
    """
    if len(shape) > 1 and count in (shape[0], shape[-1]) and shape[0] != shape[-1]:
        return 0 if shape[0] == count else len(shape) - 1
    is_last = len(shape) > 1 and shape[-1] <= MOST_LAST_CHANNELS < shape[0]
    return len(shape) - 1 if is_last else 0


def refuse_other_types(given: object) -> None:
    """Refuses what was given as a normalization and is none.

    Raises:
        InputError: If it is neither a Normalization nor None.
    """
    if given is not None and not isinstance(given, Normalization):
        raise InputError(
            f"`normalization` is a {type(given).__name__}, expected a `Normalization`",
            hint="write `normalization=nc.Normalization(mean, std)`",
        )


def normalized(x: NDArray[np.float32], by: Normalization | None) -> NDArray[np.float32]:
    """Samples (count, *shape), normalized or as they are."""
    return x if by is None else by.applied(x)


def _numbers(name: str, given: float | Sequence[float]) -> tuple[float, ...]:
    values = tuple(_flat(name, given))
    if not values:
        raise InputError(f"`{name}` has no values, expected one, or one per channel")
    for value in values:
        with np.errstate(over="ignore"):
            if not np.isfinite(np.float32(value)):
                raise InputError(
                    f"`{name}` is {value:g}, expected a finite number of float32", hint=TRAINED
                )
    return values


def _flat(name: str, given: float | Sequence[float]) -> Iterator[float]:
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"`{name}` is {given!r}, expected a number, or one per channel") from None
    if values.ndim > 1:
        raise InputError(
            f"`{name}` has shape {values.shape}, expected a number, or one per channel",
            hint="flatten it with .ravel()",
        )
    yield from values.ravel().tolist()


def _are_same(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether two lists of numbers are the same in float32, one standing for any number of them."""
    if len({len(ours), len(theirs)} - {1}) > 1:
        return False
    return bool((np.array(ours, np.float32) == np.array(theirs, np.float32)).all())


def _told(values: Sequence[float]) -> str:
    if len(values) <= TOLD_VALUES:
        return ", ".join(f"{value:g}" for value in values)
    return f"{min(values):g} to {max(values):g} ({len(values)} values)"


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
