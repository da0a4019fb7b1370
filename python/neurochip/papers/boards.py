"""Boards: as many chips as a network needs, and no more."""

from __future__ import annotations

from ..chip import Chip
from ..chip import load as load_chip
from ..errors import CapacityError
from ..lower import Network
from ..placement import Placement, place

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
        CapacityError: If it does not fit `MAX_SIDE` x `MAX_SIDE` chips.
    """
    for side in range(1, MAX_SIDE + 1):
        board = load_chip(chip, {"board.chips_x": side, "board.chips_y": side})
        try:
            return place(network, board)
        except CapacityError as error:
            refused = error
    raise CapacityError(
        f"{network.name!r} does not fit {MAX_SIDE} x {MAX_SIDE} chips: {refused}", hint=refused.hint
    )
