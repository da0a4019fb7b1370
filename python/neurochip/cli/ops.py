"""`neurochip ops`: the ONNX operators that can be imported."""

from __future__ import annotations

import json as json_module

from ..ops import SUPPORTED
from . import options
from .console import show_line, task


def command(json: options.Json = False) -> None:
    """List the ONNX operators that can be imported."""
    with task():
        if json:
            show_line(json_module.dumps(sorted(SUPPORTED)))
        else:
            show_line("\n".join(sorted(SUPPORTED)))
