"""Output files: complete or not there at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import NeurochipError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Opens a temporary file that becomes `path` when the block ends well.

    Enter it before long work: a path that cannot be written is refused at once.

    Raises:
        NeurochipError: If the folder is missing or cannot be written to.
    """
    path = path.resolve()  # what a link points to is replaced, not the link
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no regular file"
        raise _unwritable(path, f"it is {kind}")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        _publish(Path(name), path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _publish(temporary: Path, path: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    try:
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error


def _unwritable(path: Path, reason: str) -> NeurochipError:
    return NeurochipError(
        f"cannot write {str(path)!r}: {reason[:1].lower()}{reason[1:]}",
        hint="give a file in a folder that exists and that you may write to",
    )
