"""Boards: networks on as many chips as they need, and no more."""

from __future__ import annotations

from ..chip import Chip
from ..chip import load as load_chip
from ..errors import CapacityError
from ..image import Image
from ..lower import Network, Settings, lower
from ..options import CompileOptions
from ..placement import Placement, cut_all, place
from .networks import Subject

MAX_SIDE = 8


def smallest_board(network: Network, chip: str) -> Chip:
    """One chip, or the smallest square board of them that a network fits.

    Raises:
        CapacityError: If it does not fit `MAX_SIDE` x `MAX_SIDE` chips.
    """
    return placed_on_a_board(network, chip).chip


def placed_on_a_board(network: Network, chip: str) -> Placement:
    """The network on one chip, or on the smallest square board of them.

    Raises:
        CapacityError: If not even `MAX_SIDE` x `MAX_SIDE` chips hold it.
    """
    cuts = cut_all(network, load_chip(chip))
    for side in range(1, MAX_SIDE + 1):
        board = load_chip(chip, {"board.chips_x": side, "board.chips_y": side})
        try:
            return place(network, board, cuts)
        except CapacityError as error:
            refused = error
    raise CapacityError(
        f"{network.name!r} does not fit {MAX_SIDE} x {MAX_SIDE} chips: {refused}", hint=refused.hint
    )


def placed(
    subject: Subject,
    chip: str,
    code: str,
    settings: Settings | None = None,
    options: CompileOptions | None = None,
) -> Placement:
    """A subject in a code, calibrated with its own samples, on the smallest board of a chip."""
    codes = subject.graph.quantize(subject.calibration)
    network = lower(subject.graph, load_chip(chip), code, codes, settings, options=options)
    return placed_on_a_board(network, chip)


def network_of(image: Image) -> Network:
    """The network of an image that was compiled here."""
    return image.network
