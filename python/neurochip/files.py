"""Output files: complete or not there at all."""

from __future__ import annotations

import atexit
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import NeurochipError


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Opens a temporary file that becomes `path` when the block ends well.

    Enter it before long work: a path that cannot be written is refused at once.

    Raises:
        OSError: If the folder is missing or cannot be written to, or the path is no regular file.
    """
    path = path.resolve()  # what a link points to is replaced, not the link
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no regular file"
        raise OSError(errno.EINVAL, f"it is {kind}")
    unfinished = os.getpid(), path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    _unfinished.add(unfinished)  # before there is a file: a signal may come any time
    try:
        with unfinished[1].open("xb") as file:
            yield file
        unfinished[1].replace(path)
    except BaseException:
        _remove(*unfinished)
        raise
    _unfinished.discard(unfinished)


_unfinished: set[tuple[int, Path]] = set()
"""Temporary files that may be there, each with the process that makes it."""


def _remove(process: int, temporary: Path) -> None:
    """Removes a temporary file, unless it is another process's that this one was forked from."""
    if process == os.getpid():
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@atexit.register
def _remove_unfinished() -> None:
    """Removes what a signal left that came just before a block was entered, or while it ended."""
    for unfinished in _unfinished:
        _remove(*unfinished)


@contextmanager
def written(
    path: str | Path, error: type[NeurochipError], what: str = "", hint: str = ""
) -> Iterator[BinaryIO]:
    """The same, and reports why a file cannot be written.

    Args:
        path: The file.
        error: The class that reports it.
        what: What the file is called before its name, such as `image `.
        hint: A way out.

    Raises:
        NeurochipError: Of that class, if it cannot be written, or the disk is full.
    """
    try:
        with replaced(Path(path)) as file:
            yield file
    except OSError as raised:
        raise error(f"cannot write {what}{str(path)!r}: {reason(raised)}", hint=hint) from raised


LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""How the small text begins that stands for a large file in a repository."""


def refuse_lfs_pointer(start: bytes, what: str, error: type[NeurochipError]) -> None:
    """Refuses what stands for a file that was not downloaded.

    Args:
        start: The first bytes of a file.
        what: Names the file.
        error: The class to raise.
    """
    if start.startswith(LFS_POINTER):
        raise error(
            f"{what} is a Git LFS pointer, not the file itself",
            hint="download the file with `git lfs pull`",
        )


def reason(error: OSError) -> str:
    """What went wrong, to be put after a colon."""
    told = error.strerror or str(error)
    return told[:1].lower() + told[1:]
