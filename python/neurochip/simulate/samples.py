"""Samples: what a network can be fed, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image import Image
from ..inputs import Normalization, normalized
from ..inputs.samples import as_integers, refuse_first, scaled


@dataclass(frozen=True, slots=True, eq=False)
class CheckedSamples:
    """Checked samples, which become the model's input a part at a time: all would fill memory."""

    x: NDArray[Any]
    """In the type that the model takes, pictures scaled."""
    normalization: Normalization | None

    def __len__(self) -> int:
        """How many there are."""
        return len(self.x)

    def between(self, start: int, stop: int) -> NDArray[Any]:
        """The model's input for some of them."""
        return normalized(self.x[start:stop], self.normalization)


def checked(
    image: Image, x: NDArray[Any], normalization: Normalization | None = None
) -> CheckedSamples:
    """The samples for an image, normalized as it says or as is asked for.

    Raises:
        InputError: If they do not fit the network, or are to be normalized otherwise.
    """
    if x.shape[1:] != image.input_shape or not len(x):
        raise InputError(
            f"samples have shape {list(x.shape)}; {image.name!r} takes "
            f"(samples, {', '.join(map(str, image.input_shape))}), one sample or more"
        )
    by = image.agreed_normalization(normalization)
    integers = image.host.integers
    return CheckedSamples(_reals(x) if integers is None else as_integers(x, *integers), by)


def _reals(x: NDArray[Any]) -> NDArray[np.float32]:
    if x.dtype == np.uint8:
        return scaled(x, None, "samples")
    if not np.issubdtype(x.dtype, np.floating):
        raise InputError(
            f"samples are {x.dtype}, the model takes float32, or pictures of uint8",
            hint="scale them first, such as pictures: `x.astype(np.float32) / 255`",
        )
    with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite
        real = x.astype(np.float32, copy=False)
    refuse_first(real, ~np.isfinite(real), "a finite float32")
    return real
