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

AUTOMATIC = LayerSettings()
DOUBLE = LayerSettings(integration="double")
AS_PUBLISHED = LayerSettings(s1="largest", headroom=1.0, bias="calibrated")
"""Membranes of the paper: filled by the calibration (eq. 15-19), biases after it (eq. 9-10)."""


def placed(
    subject: Subject, chip: str | None = None, settings: LayerSettings = AUTOMATIC
) -> Placement:
    """A subject on the smallest board of a chip, its own unless said, with all its spikes."""
    name = chip or (DARWIN3 if subject.trained else IDEAL)
    return boards.placed(subject, name, "stem", Settings(settings))


def compiled(
    subject: Subject, chip: str | None = None, settings: LayerSettings = AUTOMATIC
) -> Image:
    """The same, assembled."""
    return assemble(placed(subject, chip, settings), graph=subject.graph)
