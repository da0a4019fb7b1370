"""Names of earlier versions that functions still take, with a note of what they are called now."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from .errors import InputError

RENAMED: Mapping[str, str] = {"timesteps": "t_max", "output": "output_tensor"}
"""Names of earlier versions, which functions still take, and what they are called now."""


def renamed(old: str, value: Any, value_of_new: Any, stacklevel: int = 3) -> Any:
    """What an option is that was given by its old name; warns its caller's caller of the new one.

    Raises:
        InputError: If it was given by both.
    """
    new = RENAMED[old]
    if value_of_new is not None:
        raise InputError(f"`{old}` is called `{new}` now, and both are given", hint=f"give `{new}`")
    warnings.warn(
        f"`{old}` is called `{new}` now; the old name will go",
        DeprecationWarning,
        stacklevel=stacklevel,
    )
    return value
