"""What is decided about a spike code as a whole, for all layers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields

from ..errors import SettingsError

ZEROS = ("silent", "spike")

MODES = ("exact", "published", "loihi")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOptions:
    """Options of spike codes; None leaves them to the code and the chip."""

    timesteps: int | None = None
    """Of a window."""
    zeros: str | None = None
    """Whether neurons of level 0 are `silent`, or `spike` in the last timestep of their window."""
    mode: str | None = None
    """Which Quartz: `exact`, with gated thresholds; or as `published`, in the integers of any chip
    or in those of `loihi`."""
    percentile: float | None = None
    """Of a tensor's codes over the calibration samples: what is above has the top level."""

    def require(self, code: str, known: Collection[str], most_timesteps: int = 0) -> None:
        """Refuses options that a code does not have, and windows that it cannot have.

        Args:
            code: Its name.
            known: The options that it has.
            most_timesteps: Of its longest window, where `timesteps` is one of them.

        Raises:
            SettingsError: Naming the option and what is possible.
        """
        for name in (field.name for field in fields(self)):
            if getattr(self, name) is not None and name not in known:
                raise SettingsError(
                    f"the code {code!r} has no {name} to choose, {getattr(self, name)!r} is given",
                    hint="leave it out, or choose another code (--code)",
                )
        if self.zeros is not None and self.zeros not in ZEROS:
            raise SettingsError(
                f"zeros are {' or '.join(ZEROS)}, not {self.zeros!r}", hint="choose one of the two"
            )
        if self.mode is not None and self.mode not in MODES:
            raise SettingsError(
                f"the mode of quartz is one of {', '.join(MODES)}, not {self.mode!r}",
                hint="choose one of the three (--quartz-mode)",
            )
        if self.percentile is not None and not 50 <= self.percentile <= 100:
            raise SettingsError(
                f"a percentile of {self.percentile:g}, expected 50 to 100",
                hint="choose one among these (--percentile)",
            )
        if self.timesteps is not None and not 2 <= self.timesteps <= most_timesteps:
            raise SettingsError(
                f"a window of {self.timesteps:,} timesteps; windows of the code {code!r} have "
                f"2 to {most_timesteps:,}",
                hint="choose a length among these (--t-max)",
            )
