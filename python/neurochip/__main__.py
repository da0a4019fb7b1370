"""The command `neurochip`, which `python -m neurochip` is too.

What it does is imported when it is under way: Ctrl-C is reported in one line from the start.
"""

from __future__ import annotations


def main() -> None:
    """Runs the command line and exits."""
    try:
        from .process import run

        run(_command_line)
    except KeyboardInterrupt:  # before the signals are taken over
        import sys

        print("interrupted: before the command began", file=sys.stderr)
        raise SystemExit(130) from None


def _command_line() -> None:
    from .cli import app

    app()


if __name__ == "__main__":
    main()
