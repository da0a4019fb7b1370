"""Runs the command line in this process, as a transcript: exit code, stdout, stderr."""

from __future__ import annotations

from dataclasses import dataclass

from typer.testing import CliRunner

from neurochip.cli import app


@dataclass(frozen=True)
class Transcript:
    """What a command answered."""

    exit_code: int
    stdout: str
    stderr: str


def neurochip(*arguments: object) -> Transcript:
    """Runs `neurochip` with these arguments; a bug of ours is raised, not told."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Transcript(result.exit_code, result.stdout, result.stderr)
