"""Samples: what a network can be fed, checked before anything runs, and how it fills the input.

Samples of another scale than the network was trained on compute without an error, and wrongly. They
show in the `Filling`, how much of the range of the input they take and how much they leave: samples
of 0 to 1 for a network whose input was normalized, or of 0 to 255 for one of samples of 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image import Image
from ..inputs import Normalization, normalized
from ..inputs.samples import as_integers, refuse_first, scaled
from ..network import Host


@dataclass(frozen=True, slots=True, eq=False)
class CheckedSamples:
    """Checked samples, which become the model's input a part at a time: all would fill memory."""

    x: NDArray[Any]
    """In the type that the model takes, images scaled."""
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
            f"samples are {x.dtype}, the model takes float32, or images of uint8",
            hint="scale them first, such as images: `x.astype(np.float32) / 255`",
        )
    with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite
        real = x.astype(np.float32, copy=False)
    refuse_first(real, ~np.isfinite(real), "a finite float32")
    return real


@dataclass(frozen=True, slots=True)
class Filling:
    """The values that the model's first QuantizeLinear gets, beside those its codes stand for."""

    samples: int
    values: int
    low: float
    """The smallest value of all samples."""
    high: float
    """The largest value of all samples."""
    range_low: float
    """What the smallest code stands for."""
    range_high: float
    """What the largest code stands for."""
    clipped: int
    """Values beyond the range by more than what is rounded anyway, half a level."""
    is_centred: bool
    """Whether the codes stand for as many numbers below 0 as above, whatever the samples are."""

    @property
    def share(self) -> float:
        """How much of the range lies between the smallest and the largest value, of 1."""
        return self._share(self.range_low, self.range_high)

    @property
    def share_of_side(self) -> float:
        """The same, but of one half where codes are centred and no value is on the other side."""
        if self.is_centred and self.low >= 0:
            return self._share(0.0, self.range_high)
        if self.is_centred and self.high <= 0:
            return self._share(self.range_low, 0.0)
        return self.share

    @property
    def clipped_share(self) -> float:
        """Values beyond the range, of 1."""
        return self.clipped / self.values

    def _share(self, low: float, high: float) -> float:
        if high <= low:  # one code, which anything fills
            return 1.0
        return max(0.0, min(self.high, high) - max(self.low, low)) / (high - low)


class FillingMeasurement:
    """Measures samples of an image, batch by batch."""

    def __init__(self, image: Image) -> None:
        """Starts with none."""
        self._image = image
        self._samples = self._values = self._clipped = 0
        self._low, self._high = np.inf, -np.inf
        self._ends = _ends(image.host)

    def add(self, samples: NDArray[Any]) -> None:
        """Measures samples of the model's input, normalized."""
        values = self._image.real(samples)
        below, above = self._ends
        self._samples += len(values)
        self._values += values.size
        with np.errstate(over="ignore"):  # an end that float32 does not hold is infinite
            outside = (values < below) | (values > above)
        self._clipped += int(np.count_nonzero(outside))
        self._low = min(self._low, float(values.min()))
        self._high = max(self._high, float(values.max()))

    @property
    def filling(self) -> Filling | None:
        """What was measured; None if that was nothing."""
        if not self._values:
            return None
        host = self._image.host
        zero_point = host.input_format.zero_point
        low, high = (_meant(host, code) for code in host.input_range)
        return Filling(
            samples=self._samples,
            values=self._values,
            low=self._low,
            high=self._high,
            range_low=low,
            range_high=high,
            clipped=self._clipped,
            is_centred=2 * zero_point == host.input_format.qmin + host.input_format.qmax + 1,
        )


def filling_of(image: Image, x: NDArray[Any], samples: int = 256) -> Filling | None:
    """How much of the input's range the first samples fill, without running them.

    Raises:
        InputError: If they do not fit the network.
    """
    measured = FillingMeasurement(image)
    if not image.host.takes_codes:
        taken = checked(image, x[:samples])
        measured.add(taken.between(0, len(taken)))
    return measured.filling


def _ends(host: Host) -> tuple[float, float]:
    """Beyond which a value is clipped: what the outermost codes stand for, and half a level more.

    Those of the format, not of the clamp that may follow it: such a clamp is the network's own.
    """
    format, half = host.input_format, 0.5 * float(host.input_format.scale)
    return _meant(host, format.qmin) - half, _meant(host, format.qmax) + half


def _meant(host: Host, code: int) -> float:
    """What a code of the input stands for, in float64: no scale of float32 leaves that."""
    return (code - host.input_format.zero_point) * float(host.input_format.scale)
