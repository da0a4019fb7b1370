"""What is decided about a spike code as a whole: options that a code does not have are refused."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import SettingsError
from ..options import OF_CODE, QUARTZ_MODES, ZEROS, CompileOptions


def require(
    options: CompileOptions, code: str, known: Collection[str], most_timesteps: int = 0
) -> None:
    """Refuses options that a code does not have, and windows that it cannot have.

    Args:
        options: What is asked for.
        code: The code's name.
        known: The options about codes that it has.
        most_timesteps: Of its longest window, where `t_max` is one of them.

    Raises:
        SettingsError: Naming the option and what is possible.
    """
    for name in OF_CODE:
        if getattr(options, name) is not None and name not in known:
            raise SettingsError(
                f"the code {code!r} has no {name} to choose, {getattr(options, name)!r} is given",
                hint="leave it out, or choose another code (--code)",
            )
    if options.zeros is not None and options.zeros not in ZEROS:
        raise SettingsError(
            f"zeros are {' or '.join(ZEROS)}, not {options.zeros!r}", hint="choose one of the two"
        )
    if options.quartz_mode is not None and options.quartz_mode not in QUARTZ_MODES:
        raise SettingsError(
            f"the mode of quartz is one of {', '.join(QUARTZ_MODES)}, not {options.quartz_mode!r}",
            hint="choose one of the three (--quartz-mode)",
        )
    if options.percentile is not None and not 50 <= options.percentile <= 100:
        raise SettingsError(
            f"a percentile of {options.percentile:g}, expected 50 to 100",
            hint="choose one among these (--percentile)",
        )
    if options.t_max is not None and not 2 <= options.t_max <= most_timesteps:
        raise SettingsError(
            f"a window of {options.t_max:,} timesteps; windows of the code {code!r} have "
            f"2 to {most_timesteps:,}",
            hint="choose a length among these (--t-max)",
        )
