"""Fitting: the axes of samples brought to the axes of a network's input, by moves that keep values.

Three moves are known: axes of length 1 come and go, channels move from last to first or back, and
samples without channels are flattened for a network that takes a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""What Pillow calls images of so many channels."""
TRANSPARENT = (2, 4)
NAMES = {1: "grey", 2: "grey and transparency", 3: "RGB", 4: "RGBA"}


def fit(
    x: NDArray[np.float32], shape: Sequence[int], source: str, image_file: str = ""
) -> NDArray[np.float32]:
    """Returns the samples of `x` in `shape`, values unchanged.

    Args:
        x: Samples along the first axis; or one sample alone.
        shape: The network's input shape without the sample axis.
        source: Where the samples come from, for messages.
        image_file: The file of the first sample, if samples are images: height, width, and where
            they are not grey, channels.

    Raises:
        InputError: If no move leads from the samples' shape to `shape`.
    """
    wanted = tuple(shape)
    # Pictures are as many samples: three grey ones are not the channels of one.
    for samples in (x,) if image_file else (x, x[np.newaxis]):
        moved = _moved(samples, wanted)
        if moved is not None:
            return np.ascontiguousarray(moved)
    if image_file:
        _refuse_other_channels(x.shape[1:], wanted, image_file)
    raise InputError(
        f"samples of {source!r} have shape {x.shape[1:]}, the network takes {wanted}",
        hint=_way_out(x.shape[1:], wanted),
    )


def _moved(x: NDArray[np.float32], wanted: tuple[int, ...]) -> NDArray[np.float32] | None:
    given = x.shape[1:]
    if given == wanted or _flattens(given, wanted):
        return x.reshape(len(x), *wanted)
    if len(given) == len(wanted) >= 2:
        if (given[-1], *given[:-1]) == wanted:
            return np.moveaxis(x, -1, 1)
        if (*given[1:], given[0]) == wanted:
            return np.moveaxis(x, 1, -1)
    return None


def _flattens(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether the values keep their order: axes of length 1 aside, both shapes tell the same."""
    axes, wanted_axes = _without_ones(given), _without_ones(wanted)
    if axes == wanted_axes:
        return True
    one_is_a_vector = min(len(axes), len(wanted_axes)) == 1
    none_has_channels = max(len(axes), len(wanted_axes)) == 2
    return one_is_a_vector and none_has_channels and prod(axes) == prod(wanted_axes)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def _refuse_other_channels(
    given: tuple[int, ...], wanted: tuple[int, ...], image_file: str
) -> None:
    """Says how to convert images whose size is right and whose channels are not.

    Raises:
        InputError: If the network takes images of this size, and other channels.
    """
    channels = given[2] if len(given) > 2 else 1
    taken = _channels_taken(given[:2], wanted)
    if taken is None or taken == channels:
        return
    if taken in MODES:
        hint = f"convert every image: {conversion(channels, taken)}"
    else:
        hint = "images have 1 to 4 channels: give the samples as an .npy or .npz file"
    raise InputError(
        f"image {image_file!r} has {_told(channels)} ({NAMES[channels]}), the network takes "
        f"{taken}: its samples have shape {wanted}",
        hint=hint,
    )


def _channels_taken(size: tuple[int, ...], wanted: tuple[int, ...]) -> int | None:
    """How many channels a network takes of maps of this size; None if it takes another size."""
    if wanted[1:] == size:
        return wanted[0]
    if wanted[:-1] == size:
        return wanted[-1]
    return 1 if wanted in (size, (prod(size),)) else None


def conversion(given: int, wanted: int) -> str:
    """How an image of so many channels gets others, 1 to 4."""
    # Without the step between, Pillow would save a transparent colour again.
    first = ".convert('RGBA')" if given in TRANSPARENT and wanted not in TRANSPARENT else ""
    return f"with Pillow, `Image.open(path){first}.convert('{MODES[wanted]}').save(path)`"


def _told(count: int) -> str:
    return f"{count} channel{'s' * (count != 1)}"


def _way_out(given: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if prod(given) == prod(wanted):
        return "the number of values is the same: store the samples in the network's axis order"
    for size in (given[1:], given[:-1]) if len(given) == 3 else (given,):
        taken = _channels_taken(size, wanted)
        if taken is not None and len(size) == 2:
            return (
                f"bring the samples to {_told(taken)} first: neurochip never mixes or repeats any"
            )
    return "resize or crop the samples first: neurochip never resamples an input"
