"""Waiting for the core: it runs on threads of its own, Python stays awake for Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from .. import _core
from ..errors import Interrupted

POLL_SECONDS = 0.05
"""How often a waiting run looks for Ctrl-C and shows its progress."""


class Waiting(Protocol):
    """Who gets to know how much is finished."""

    def __call__(self, done: int) -> None:
        """Takes the number."""


def finished(
    job: _core.Job, waiting: Waiting, before: int, total: int, what: str = "samples"
) -> dict[str, Any]:
    """The arrays of a job, once it is done.

    Args:
        job: The job.
        waiting: Gets to know how many samples are finished.
        before: Samples that other jobs have finished.
        total: Samples of all jobs.
        what: What is counted, if not samples.

    Raises:
        Interrupted: On Ctrl-C, and on what else raises `KeyboardInterrupt`.
    """
    try:
        while not job.wait(POLL_SECONDS):
            waiting(before + job.done())
        waiting(before + job.done())
    except KeyboardInterrupt:
        job.cancel()
        raise Interrupted(before + job.done(), total, what) from None
    return job.result()


@contextmanager
def progress_bar(total: int, doing: str = "simulating") -> Iterator[Waiting]:
    """A bar on standard error."""
    from rich.console import Console  # only who watches needs it
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def no_progress_bar() -> Iterator[Waiting]:
    """Nothing to see."""
    yield lambda done: None
