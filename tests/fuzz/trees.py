"""Mutations of documents of tables, lists and values, as JSON and TOML hold them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

from .limits import INTEGERS, NUMBERS, WORDS, Random, near

Place = tuple[Any, Any]
"""A table or list, and the key in it."""

NESTED = "nested "
"""How a text begins that stands for brackets within brackets, which nothing here could write."""


def mutated(random: Random, document: Any, most: int = 3, within: Sequence[str] = ()) -> Any:
    """A document after one or more mutations.

    Args:
        random: Where choices come from.
        document: Tables, lists and values; it is left as it is.
        most: Mutations.
        within: Keys on the way to the part that is changed; empty for all.
    """
    holder = {"": copy.deepcopy(document)}
    for _ in range(random.randint(1, most)):
        part: Any = holder[""]
        for key in within:
            part = part.get(key) if isinstance(part, dict) else None
        places = _places(part) if isinstance(part, dict | list) else []
        # Lists of numbers are long: every second time a place that is not in one.
        fields = [place for place in places if isinstance(place[0], dict)]
        if not places:
            break
        _change(random, random.choice(fields if fields and random.randrange(2) else places), places)
    return holder[""]


def to_json(document: Any) -> str:
    """As JSON, NaN and nested brackets included."""
    return _with_nested(json.dumps(document))


def to_toml(document: dict[str, Any]) -> str:
    """As TOML, tables written in one line: that is valid, and holds whatever was put there."""
    lines = []
    for key, value in document.items():
        if isinstance(value, dict):
            lines.append(f"[{json.dumps(key)}]")
            lines += [f"{json.dumps(name)} = {_value(each)}" for name, each in value.items()]
        else:
            # What is no table has to stand before the first one.
            lines.insert(0, f"{json.dumps(key)} = {_value(value)}")
    return _with_nested("\n".join(lines) + "\n")


def _with_nested(text: str) -> str:
    def brackets(found: re.Match[str]) -> str:
        depth = int(found[1])
        return "[" * depth + "]" * depth

    return re.sub(rf'"{NESTED}(\d+)"', brackets, text)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key)} = {_value(each)}" for key, each in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    if value is None:
        return "none"  # which TOML does not have
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _places(document: Any) -> list[Place]:
    found: list[Place] = []
    left = [document]
    while left:
        part = left.pop()
        if isinstance(part, dict | list):
            keys = list(part) if isinstance(part, dict) else range(len(part))
            found += [(part, key) for key in keys]
            left += [part[key] for key in keys]
    return found


def _change(random: Random, place: Place, places: list[Place]) -> None:
    part, key = place
    value = part[key]
    choice = random.randrange(20)
    if choice < 9:
        part[key] = _other(random, value)
    elif choice < 11:
        part[key] = anything(random)
    elif choice < 13:
        del part[key]
    elif choice < 15:
        there, other = random.choice(places)
        try:
            part[key] = copy.deepcopy(there[other])
        except (KeyError, IndexError):
            return  # it was removed before
    elif choice == 15:
        part[key] = [value] if random.randrange(2) else {"a": value}
    elif choice == 16 and isinstance(part, dict):
        part[str(random.choice(WORDS))] = part.pop(key)
    elif choice == 17 and isinstance(part, dict):
        part[str(random.choice((*WORDS, f"{key}s")))] = copy.deepcopy(value)
    elif choice == 18 and isinstance(part, list):
        part.insert(random.randrange(len(part) + 1), copy.deepcopy(value))
    elif isinstance(value, list):
        part[key] = value * random.choice((0, 2, 3))
    else:
        part[key] = f"{NESTED}{random.choice((1, 50, 200, 2000, 100_000))}"


def _other(random: Random, value: Any) -> Any:
    """A value of the same type, mostly."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return near(random, value)
    if isinstance(value, float):
        return random.choice((*NUMBERS, -value, value * 1e6, value * 1e-6, 1, repr(value)))
    if isinstance(value, str):
        return random.choice((*WORDS, value[:-1], value + "x", value.upper(), value * 2))
    if isinstance(value, list) and value:
        return random.choice((value[:-1], value[1:], value[::-1], [value[0]] * len(value), []))
    return anything(random)


def anything(random: Random) -> Any:
    """A value of any type."""
    return random.choice(
        (
            random.choice(INTEGERS),
            random.choice(NUMBERS),
            random.choice(WORDS),
            *(None, True, False, [], {}, [[]], [None], [0] * 33, {"": {}}),
            f"{NESTED}{random.choice((50, 2000, 100_000))}",
        )
    )
