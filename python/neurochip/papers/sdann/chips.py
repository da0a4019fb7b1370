"""Chips: what the networks of the suite run on.

Trained networks run on Darwin3, narrow registers and all. Of synthetic ones only SOPs are counted:
they run on exact membranes, and on as many chips as they need.
"""

from __future__ import annotations

from ...chip import load as load_chip
from ...image import Image, assemble
from ...lower import LayerSettings, Network, Settings, lower
from ...placement import Placement
from ..boards import placed_on_a_board
from ..networks import Subject

DARWIN3 = "darwin3"
IDEAL = "ideal"


def placed(subject: Subject, chip: str | None = None, integration: str = "auto") -> Placement:
    """A subject on the smallest board of a chip, its own unless said, with all its spikes."""
    name = chip or (DARWIN3 if subject.trained else IDEAL)
    codes = subject.graph.quantize(subject.calibration)
    settings = Settings(LayerSettings(integration=integration))
    network = lower(subject.graph, load_chip(name), "stem", codes, settings)
    return placed_on_a_board(network, name)


def compiled(subject: Subject, chip: str | None = None, integration: str = "auto") -> Image:
    """The same, assembled."""
    return assemble(placed(subject, chip, integration))


def network_of(image: Image) -> Network:
    """The network of an image that was compiled here."""
    assert image.network is not None
    return image.network
