"""The files that a command writes, and those that it reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import NeurochipError
from ..files import written

Named = Mapping[str, Path | None]
"""Files by what they are to the command, such as `--output`; None for one that is not given."""


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


def keep_apart(outputs: Named, inputs: Named) -> None:
    """Refuses to write one file twice, and to write over what is read.

    Links count as what they lead to, and two names of one file as that file.

    Args:
        outputs: What is written.
        inputs: What is read; of a folder, all that is in it.

    Raises:
        NeurochipError: Before anything is read or written.
    """
    taken: dict[object, str] = {}
    for name, path in outputs.items():
        if path is None:
            continue
        other = next((taken[key] for key in _keys(path) if key in taken), None)
        if other is not None:
            raise _clash(f"{name} and {other} are one file, {str(path)!r}")
        taken |= dict.fromkeys(_keys(path), name)
    for name, path in inputs.items():
        for key in () if path is None else _read(path, taken):
            if key in taken:
                raise _clash(f"{taken[key]} would write over {name} {str(path)!r}")


def _clash(message: str) -> NeurochipError:
    return NeurochipError(message, hint="write to another file")


def _keys(path: Path) -> Iterator[object]:
    """By what a file is known: where its name leads to and, if there is one, which file it is."""
    yield os.path.realpath(path)
    with suppress(OSError):
        found = path.stat()
        yield found.st_dev, found.st_ino


def _read(path: Path, taken: Mapping[object, str]) -> Iterator[object]:
    """The same of an input, or of whatever is in a folder."""
    yield from _keys(path)
    # What is not there yet, as most outputs, can be no file of a folder.
    if path.is_dir() and any(isinstance(key, tuple) for key in taken):
        for each in path.rglob("*"):
            yield from _keys(each)
