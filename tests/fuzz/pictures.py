"""Pictures: PNG whose chunks are others, with right checksums, and JPEG whose segments are."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from . import byte_level
from .arrays import crc
from .limits import INTEGERS, Random, near, random_bytes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Chunk = tuple[bytes, bytes]
KINDS = (
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"tEXt"),
    *(b"zTXt", b"iTXt", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT", b"eXIf", b"cICP", b"ABCD"),
)


def picture(mode: str, kind: str) -> bytes:
    """A small picture of a mode, as a file."""
    shape = (8, 8) if mode in {"1", "L", "P", "I;16"} else (8, 8, len(mode))
    values = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    made = Image.fromarray(values).convert(mode)
    file = io.BytesIO()
    made.save(file, kind)
    return file.getvalue()


def mutated_png(random: Random, data: bytes) -> bytes:
    """A file of other chunks; their checksums are right every time but one in six."""
    if random.randrange(6) == 0:
        return byte_level.mutated(random, data)
    chunks = _chunks(data)
    for _ in range(random.randint(1, 3)):
        chunks = _other_chunks(random, chunks)
    return SIGNATURE + b"".join(_packed(random, *chunk) for chunk in chunks)


def _chunks(data: bytes) -> list[Chunk]:
    found, place = [], len(SIGNATURE)
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        found.append((kind, data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def _packed(random: Random, kind: bytes, content: bytes) -> bytes:
    length = len(content) if random.randrange(40) else near(random, len(content)) % (1 << 32)
    return struct.pack(">I", length) + kind + content + crc(kind + content)


def _other_chunks(random: Random, chunks: list[Chunk]) -> list[Chunk]:
    if not chunks:
        return [(random.choice(KINDS), b"")]
    place = random.randrange(len(chunks))
    kind, content = chunks[place]
    choice = random.randrange(9)
    if choice < 3:
        return [
            *chunks[:place],
            (kind, _other_content(random, kind, content)),
            *chunks[place + 1 :],
        ]
    if choice < 5:
        header = _other_content(random, b"IHDR", chunks[0][1])
        return [(chunks[0][0], header), *chunks[1:]]
    if choice == 5:
        return chunks[:place] + chunks[place + 1 :]
    if choice == 6:
        return [*chunks[:place], chunks[random.randrange(len(chunks))], *chunks[place:]]
    if choice == 7:
        return [*chunks[:place], (random.choice(KINDS), content), *chunks[place + 1 :]]
    return [*chunks[: max(1, place)], _chunk(random), *chunks[max(1, place) :]]


def _other_content(random: Random, kind: bytes, content: bytes) -> bytes:
    if kind == b"IHDR" and len(content) == 13:
        fields = list(struct.unpack(">IIBBBBB", content))
        place = random.randrange(len(fields))
        small = (0, 1, 2, 3, 4, 6, 8, 16, 255)
        fields[place] = near(random, 8) % (1 << 32) if place < 2 else random.choice(small)
        return struct.pack(">IIBBBBB", *fields)
    if kind == b"IDAT" and random.randrange(2):
        try:
            lines = zlib.decompress(content)
        except zlib.error:
            return byte_level.mutated(random, content) if content else b"\0"
        return zlib.compress(byte_level.mutated(random, lines) if lines else bytes(9))
    return byte_level.mutated(random, content) if content else random_bytes(random, 20)


def _chunk(random: Random) -> Chunk:
    """A chunk of any kind, with contents that look right for some."""
    kind = random.choice(KINDS)
    if kind in (b"zTXt", b"iCCP"):
        return kind, b"k\0\0" + zlib.compress(bytes(random.choice((0, 100, 2 << 20))))
    if kind == b"iTXt":
        return kind, b"k\0\1\0\0\0" + zlib.compress(bytes(random.choice((0, 100, 2 << 20))))
    if kind in (b"acTL", b"fcTL", b"fdAT"):
        numbers = [random.choice(INTEGERS) % (1 << 32) for _ in range(6)]
        return kind, struct.pack(">6I", *numbers)[: random.choice((4, 8, 20, 24))]
    return kind, random_bytes(random, random.choice((1, 8, 300)))


def mutated_jpeg(random: Random, data: bytes) -> bytes:
    """A file of other segments; its picture follows unchanged, half of the time."""
    if random.randrange(3) == 0:
        return byte_level.mutated(random, data)
    segments, rest = _segments(data)
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(segments))
        marker, content = segments[place]
        choice = random.randrange(7)
        if choice < 3:
            segments[place] = marker, byte_level.mutated(random, content, 2)
        elif choice == 3:
            del segments[place]
        elif choice == 4:
            segments.insert(place, segments[random.randrange(len(segments))])
        elif choice == 5:
            segments[place] = random.randrange(0xC0, 0xFF), content
        else:
            exif = b"Exif\0\0" + random.choice((b"II*\0", b"MM\0*")) + random_bytes(random, 200)
            segments.insert(place, (random.choice((0xE0, 0xE1, 0xED, 0xEE)), exif))
        if not segments:
            break
    head = b"".join(
        bytes((0xFF, marker)) + struct.pack(">H", _length(random, content)) + content
        for marker, content in segments
    )
    return b"\xff\xd8" + head + (rest if random.randrange(4) else byte_level.mutated(random, rest))


def _length(random: Random, content: bytes) -> int:
    length = len(content) + 2
    return min(length if random.randrange(20) else near(random, length) % 65536, 65535)


def _segments(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Segments up to the start of the scan, and what follows."""
    found, place = [], 2
    while data[place + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, place + 2)
        found.append((data[place + 1], data[place + 4 : place + 2 + length]))
        place += 2 + length
    return found, data[place:]
