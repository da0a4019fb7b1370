"""Mutations of bytes, whatever they hold."""

from __future__ import annotations

from collections.abc import Callable

from .limits import INTEGERS, Random, random_bytes

LONGEST = 64
"""Bytes that one mutation touches, besides a cut."""


def flip(random: Random, data: bytearray) -> None:
    """One bit."""
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def change(random: Random, data: bytearray) -> None:
    """One byte: the smallest, the largest or any."""
    data[random.randrange(len(data))] = random.choice((0, 255, 127, 128, random.randrange(256)))


def cut(random: Random, data: bytearray) -> None:
    """All behind a place."""
    del data[random.randrange(len(data)) :]


def remove(random: Random, data: bytearray) -> None:
    """Some bytes."""
    start, stop = _stretch(random, data)
    del data[start:stop]


def insert(random: Random, data: bytearray) -> None:
    """Some bytes more."""
    place = random.randrange(len(data) + 1)
    data[place:place] = random_bytes(random, LONGEST)


def double(random: Random, data: bytearray) -> None:
    """Some bytes, again, there or elsewhere."""
    start, stop = _stretch(random, data)
    place = random.choice((stop, random.randrange(len(data) + 1)))
    data[place:place] = data[start:stop]


def fill(random: Random, data: bytearray) -> None:
    """Some bytes, all the same."""
    start, stop = _stretch(random, data)
    data[start:stop] = bytes([random.choice((0, 255))]) * (stop - start)


def number(random: Random, data: bytearray) -> None:
    """A limit in place of a number of 2, 4 or 8 bytes."""
    width = random.choice((2, 4, 8))
    value = random.choice(INTEGERS) % (1 << 8 * width)
    place = random.randrange(len(data))
    data[place : place + width] = value.to_bytes(width, random.choice(("little", "big")))


MUTATIONS: tuple[Callable[[Random, bytearray], None], ...] = (
    *(flip, flip, change, change, cut, remove, insert, double, fill, number, number),
)


def mutated(random: Random, data: bytes, most: int = 4) -> bytes:
    """Bytes after one or more mutations."""
    changed = bytearray(data)
    for _ in range(random.randint(1, most)):
        if not changed:
            break
        random.choice(MUTATIONS)(random, changed)
    return bytes(changed)


def mutated_text(random: Random, text: str) -> bytes:
    """The same for text; mostly it stays text."""
    return mutated(random, text.encode())


def _stretch(random: Random, data: bytearray) -> tuple[int, int]:
    start = random.randrange(len(data))
    return start, min(len(data), start + random.randint(1, LONGEST))
