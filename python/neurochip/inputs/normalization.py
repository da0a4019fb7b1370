"""Normalization: samples shifted and divided as those that a network was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

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
