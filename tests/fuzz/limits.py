"""Numbers and words at and beyond the limits of fields, and the random source that picks them."""

from __future__ import annotations

from random import Random

__all__ = ["INTEGERS", "NUMBERS", "POWERS", "WORDS", "Random", "near", "random_bytes", "source"]

POWERS = (7, 8, 15, 16, 24, 26, 28, 30, 31, 32, 40, 53, 62, 63, 64)
INTEGERS = (
    *(0, 1, -1, 2, -2, 3, 7, 127, 255, 1000),
    *(sign * ((1 << power) + step) for power in POWERS for sign in (1, -1) for step in (-1, 0, 1)),
    *(10**20, -(10**20), 10**300),
)
FLOATS = (0.0, -0.0, 0.5, -1.5, 1e-45, 1e-300, 1e38, 1e39, 1e300, 1e308, 3.5e18)
NOT_FINITE = (float("nan"), float("inf"), float("-inf"))
NUMBERS = (*INTEGERS, *FLOATS, *NOT_FINITE)
WORDS = (
    *("", " ", "\0", "a\0b", "x", "0", "-1", "nan", "1e400", "true", "../x", "/", "é", "💾"),
    *("\ud800".encode("utf-8", "replace").decode(), "a" * 300, "y" * 70_000),
)


def source(seed: int, name: str, number: int) -> Random:
    """The random source of one input: the same on every machine."""
    return Random(f"{seed}/{name}/{number}")


def near(random: Random, number: int) -> int:
    """Another integer in place of one: a limit, or not far from it."""
    choice = random.randrange(8)
    if choice < 4:
        return random.choice(INTEGERS)
    return (number + 1, number - 1, -number, number * random.choice((2, 3, 16, 256)))[choice - 4]


def random_bytes(random: Random, most: int) -> bytes:
    """Up to so many bytes: all the same, or each another."""
    count = random.randint(1, most)
    if random.randrange(2):
        return bytes([random.choice((0, 255, 1, 128))]) * count
    return random.randbytes(count)
