"""Files of text: labels, journals, settings and chips."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

from . import byte_level, trees
from .limits import NUMBERS, WORDS, Random

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NUMBER = re.compile(r"(?<![\w.\-])-?\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")

SEPARATORS = (" ", "\n", "\r\n", "\t", ",", "\0", "\x0b", "\u2028")


def mutated_labels(random: Random, data: bytes) -> bytes:
    """One number per line, and some that are none."""
    if random.randrange(4) == 0:
        return byte_level.mutated(random, data)
    words: list[object] = [*data.decode("ascii", "replace").split()]
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(words) + 1)
        choice = random.randrange(6)
        if choice < 3 and words:
            words[place % len(words)] = random.choice((*NUMBERS, *WORDS))
        elif choice == 3:
            words[place:place] = [random.choice((*NUMBERS, "1_0", "٣", "0x1", "+1", "9" * 5000))]
        elif choice == 4:
            words = words[:place]
        else:
            words = words * random.choice((2, 3))
    separator = random.choice((*("\n",) * 6, *SEPARATORS))
    encoding = random.choice((*("utf-8",) * 6, "utf-16", "utf-8-sig", "utf-32"))
    return separator.join(map(str, words)).encode(encoding, "replace")


def mutated_journal(random: Random, data: bytes) -> bytes:
    """One document a line, the first one the head."""
    if random.randrange(6) == 0:
        return byte_level.mutated(random, data)
    whole = data[: data.rfind(b"\n")]
    lines: list[Any] = [json.loads(line) for line in whole.splitlines()]
    for _ in range(random.randint(1, 2)):
        place = random.randrange(len(lines) + 1)
        choice = random.randrange(8)
        if choice < 5 and place < len(lines):
            lines[place] = trees.mutated(random, lines[place])
        elif choice == 5:
            lines.insert(place, trees.anything(random))
        elif choice == 6:
            del lines[place : place + 1]
        else:
            lines = lines[:place] + lines
    text = "\n".join(trees.to_json(line) for line in lines) + random.choice(("\n", "\n", "", "\n{"))
    return text.encode("utf-8", "replace")


def mutated_toml(random: Random, data: bytes) -> bytes:
    """Tables with other fields, in the text as it is or written anew."""
    text = data.decode()
    choice = random.randrange(8)
    if choice == 0:
        return byte_level.mutated(random, data)
    if choice < 4:
        for _ in range(random.randint(1, 2)):
            text = _other_number(random, text)
        return text.encode("utf-8", "replace")
    return trees.to_toml(trees.mutated(random, tomllib.loads(text))).encode("utf-8", "replace")


def _other_number(random: Random, text: str) -> str:
    found = list(NUMBER.finditer(text))
    if not found:
        return text
    match = random.choice(found)
    nested: Callable[[int], str] = lambda depth: "[" * depth + "]" * depth  # noqa: E731
    odd = (nested(50), nested(5000), '"x"', "[]", "{}", "true", "", "1979-05-27", "0x10", "1" * 400)
    value = str(random.choice(NUMBERS)) if random.randrange(5) else random.choice(odd)
    return text[: match.start()] + value + text[match.end() :]
