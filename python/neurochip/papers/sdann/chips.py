"""Chips: what the networks of the suite run on.

Trained networks run on Darwin3, narrow registers and all. Of synthetic ones only SOPs are counted:
they run on exact membranes, and on as many chips as they need.
"""

from __future__ import annotations

from ...image import Image, assemble
from ...lower import LayerSettings, Settings
from ...placement import Placement
from .. import boards
from ..networks import Subject

DARWIN3 = "darwin3"
IDEAL = "ideal"


def placed(subject: Subject, chip: str | None = None, integration: str = "auto") -> Placement:
    """A subject on the smallest board of a chip, its own unless said, with all its spikes."""
    name = chip or (DARWIN3 if subject.trained else IDEAL)
    return boards.placed(subject, name, "stem", Settings(LayerSettings(integration=integration)))


def compiled(subject: Subject, chip: str | None = None, integration: str = "auto") -> Image:
    """The same, assembled."""
    return assemble(placed(subject, chip, integration))
