"""TOML that is read: by the standard library, or by its backport on Python 3.10.

Chip files are read by the Rust core, which has their schema; settings, placements and published
figures by this. tomlkit, which keeps comments and takes a minute for a few megabytes, only writes.
"""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def parse(text: str) -> dict[str, Any]:
    """The tables of a file.

    Raises:
        ValueError: If the text is not TOML, with line and column, or nested too deeply.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None
