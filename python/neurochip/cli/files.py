"""The file that a command writes."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import NeurochipError
from ..files import written


def replacing(path: Path) -> AbstractContextManager[BinaryIO]:
    """Opens a temporary file that becomes `path` when the block ends well, as `replaced` does.

    Raises:
        NeurochipError: If it cannot be written, or the disk is full.
    """
    hint = "give a file in a folder that exists and that you may write to"
    return written(path, NeurochipError, hint=hint)


def require_writable(path: Path) -> None:
    """Refuses before long work what could not be written after it.

    Raises:
        NeurochipError: As `replacing` does.
    """
    with suppress(_Unwritten), replacing(path):
        raise _Unwritten


class _Unwritten(Exception):
    """Ends a write that was only tried."""
