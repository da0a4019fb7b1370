"""The two streams, and how a command ends when it cannot go on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from ..errors import Interrupted, NeurochipError
from ..process import signals
from ..tables import WIDTH, as_text

INTERRUPTED = signals.INTERRUPTED

# A terminal gets its own width, a file or pipe always the same.
OUT = Console(width=None if sys.stdout.isatty() else WIDTH)
ERR = Console(stderr=True)


@dataclass(slots=True)
class Task:
    """What a command is doing, so that it can say so when it is interrupted."""

    doing: str = "starting"
    kept: str = "nothing was written"
    """What there is of it when it is interrupted."""
    started_s: float = field(default_factory=time.monotonic)

    def begin(self, doing: str) -> None:
        """Names the next piece of work."""
        self.doing = doing

    def told(self) -> str:
        """What was being done, and how long the command ran."""
        return f"after {time.monotonic() - self.started_s:.1f} s, while {self.doing}"


@contextmanager
def task() -> Iterator[Task]:
    """Turns what stops a command into a message on stderr and an exit code."""
    current = Task()
    signals.work_begins()
    try:
        yield current
    except NeurochipError as error:
        tell("error", str(error))
        if error.hint:
            tell("hint", error.hint)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as interrupt:
        signals.tells()
        tell(signals.word(), f"{current.told()}{_progress(interrupt)}; {current.kept}")
        raise typer.Exit(signals.exit_code()) from interrupt


def _progress(interrupt: KeyboardInterrupt) -> str:
    if not isinstance(interrupt, Interrupted):
        return ""
    return f": {interrupt.done:,} of {interrupt.total:,} {interrupt.what} were finished"


def show(told: RenderableType, width: int = WIDTH) -> None:
    """Prints tables to stdout: styled on a terminal, as plain text into a file or pipe.

    Args:
        told: The tables.
        width: Of a file's or pipe's lines; a terminal has its own.
    """
    if OUT.is_terminal:
        OUT.print(told, highlight=False)
    else:
        OUT.out(as_text(told, width), highlight=False)


def show_notes(notes: Iterable[str]) -> None:
    """Prints what one must know beside figures to stdout, each note once."""
    for note in dict.fromkeys(notes):
        show(Text(f"! {note}", style="yellow"))


def show_line(text: str) -> None:
    """Prints one line to stdout as it is."""
    OUT.out(text, highlight=False)


def tell(kind: str, message: str) -> None:
    """Prints one message to stderr, unwrapped so that it can be searched for."""
    ERR.print(f"{kind}: {message}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def status(current: Task) -> Iterator[Callable[[str], None]]:
    """Takes what a task is doing, and shows it where someone watches stderr."""
    if not shows_progress():
        yield current.begin
        return
    with ERR.status("") as line:

        def begin(doing: str) -> None:
            current.begin(doing)
            line.update(doing)

        yield begin


def shows_progress() -> bool:
    """Whether someone watches stderr."""
    return ERR.is_terminal
