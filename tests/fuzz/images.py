"""Image files: other descriptions and binary parts behind a header that fits them."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib

from . import byte_level, trees
from .limits import Random, near

HEADER = struct.Struct("<8sIQQ32s")

OF_HOST = (("host",), ("host", "work"), ("host", "work"), ("host", "network"), ("host", "network"))
PARTS = ((), (), *OF_HOST, ("chip",))
"""Which part of a description is changed; the chip is most of it, so others are asked for."""


def mutated_image(random: Random, data: bytes) -> bytes:
    """An image that says something else; every eighth one has a damaged header or checksum."""
    if random.randrange(8) == 0:
        return byte_level.mutated(random, data)
    magic, version, length, _, _ = HEADER.unpack_from(data)
    packed, blob = data[HEADER.size : HEADER.size + length], data[HEADER.size + length :]
    choice = random.randrange(10)
    if choice == 0:
        blob = byte_level.mutated(random, blob)
    elif choice == 1:
        packed = byte_level.mutated(random, packed)
    elif choice == 2:
        packed = _deflated(byte_level.mutated(random, _inflated(packed)))
    else:
        document = json.loads(_inflated(packed))
        parts = [*PARTS, ("populations",), ("projections",), ("tiles",), ("output",)]
        document = trees.mutated(random, document, 2, random.choice(parts))
        packed = _deflated(trees.to_json(document).encode("utf-8", "replace"))
    if random.randrange(30) == 0:
        version = near(random, version) % (1 << 32)
    digest = hashlib.sha256(packed + blob).digest()
    return HEADER.pack(magic, version, len(packed), len(blob), digest) + packed + blob


def _inflated(packed: bytes) -> bytes:
    return zlib.decompress(packed, -15)


def _deflated(text: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(text) + packer.flush()
