"""Files of arrays: npy, npz and idx, with headers that say other than what follows."""

from __future__ import annotations

import gzip
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from . import byte_level
from .limits import INTEGERS, Random, near, random_bytes

DESCRIPTIONS = (
    *("'|u1'", "'<f4'", "'<f8'", "'>f4'", "'<f2'", "'<i8'", "'>i8'", "'<u8'", "'|b1'", "'<i4'"),
    *("'|O'", "'<c16'", "'<U5'", "'|S3'", "'|S0'", "'<U0'", "'<M8[s]'", "'|V4'", "'|V0'", "'x'"),
    *("'<f99'", "''", "None", "1", "[]", "[('a', '<f4')]", "[('a', '|V0')]", "('<f4', (2, 2))"),
    *("[('a', '<f4', (1000000, 1000000))]", "'<U2147483647'", "'|S4294967296'", "{'a': 1}"),
)
HEADER_TEXTS = (
    *(
        "(",
        "((",
        "[" * 100,
        "[" * 2000,
        "{",
        "{'descr': '<f4', (",
        "",
        "\0",
        "1",
        "{}",
        "lambda: 0",
    ),
    *("{'descr': '<f4'}", "{**{}}", "-" * 3000, "'" * 3, "9" * 5000, "{1, 2}", "\xff"),
    "{'descr': '<f4', 'fortran_order': False, b'shape': (1,)}",
)


def npy(values: NDArray[np.generic]) -> bytes:
    """An array as a file."""
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def mutated_npy(random: Random, data: bytes) -> bytes:
    """A file whose header is another, or whose bytes are."""
    if random.randrange(4) == 0 or len(data) < 12:
        return byte_level.mutated(random, data)
    start = 10 + int.from_bytes(data[8:10], "little")
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception:  # whatever NumPy finds wrong with what was mutated before
        return byte_level.mutated(random, data)
    shape: list[object] = list(array.shape)
    description, order, values = repr(array.dtype.str), "False", data[start:]
    for _ in range(random.randint(1, 2)):
        choice = random.randrange(9)
        if choice < 3:
            shape = _other_shape(random, shape)
        elif choice < 5:
            description = random.choice(DESCRIPTIONS)
        elif choice == 5:
            order = random.choice(("True", "None", "1", "'x'"))
        elif choice == 6:
            values = byte_level.mutated(random, values) if values else b"\0"
        elif choice == 7:
            values = values[: random.randrange(len(values) + 1)]
        else:
            values += random_bytes(random, 100)
    told = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    text = f"{{'descr': {description}, 'fortran_order': {order}, 'shape': ({told}), }}"
    if random.randrange(8) == 0:
        text = random.choice(HEADER_TEXTS)
    elif random.randrange(8) == 0:
        text = byte_level.mutated_text(random, text).decode("latin-1")
    return _header(random, text) + values


def _header(random: Random, text: str) -> bytes:
    version = random.choice(((1, 0),) * 8 + ((2, 0), (2, 0), (3, 0), (0, 0), (9, 9)))
    width = 2 if version == (1, 0) else 4
    encoded = text.encode("latin-1" if version < (3, 0) else "utf-8", "replace")
    encoded = encoded.ljust(-(-(len(encoded) + 9 + width) // 64) * 64 - 9 - width) + b"\n"
    length = len(encoded)
    if random.randrange(12) == 0:
        length = near(random, length)
    packed = (length % (1 << 8 * width)).to_bytes(width, "little")
    return b"\x93NUMPY" + bytes(version) + packed + encoded


def _other_shape(random: Random, shape: list[object]) -> list[object]:
    choice = random.randrange(8)
    if choice < 4 and shape:
        place = random.randrange(len(shape))
        own = shape[place]
        limit = near(random, own) if isinstance(own, int) else random.choice(INTEGERS)
        odd = random.choice(("True", "None", "1.5", "'a'", "1L", "()", "1j"))
        return [*shape[:place], odd if random.randrange(8) == 0 else limit, *shape[place + 1 :]]
    if choice == 4:
        return [1] * random.choice((0, 1, 31, 32, 33, 64, 65, 500)) + shape
    if choice == 5:
        return shape[:-1]
    if choice == 6:
        return [random.choice(INTEGERS) for _ in range(random.randint(1, 4))]
    return [*shape, random.choice((0, 1, 2))]


METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
FIELDS = {LOCAL: (4, 30), CENTRAL: (4, 46), END: (4, 22)}
"""Where the fields of each record begin and end."""


def npz(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Arrays by name as a file."""
    file = io.BytesIO()
    np.savez(file, **dict(arrays))
    return file.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    """The files in an archive that is whole."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def mutated_npz(random: Random, data: bytes) -> bytes:
    """An archive with other members, or with other fields in its records."""
    if random.randrange(6) == 0:
        return byte_level.mutated(random, data)
    parts = list(members(data).items())
    method = random.choice(METHODS)
    for _ in range(random.randint(0, 2)):
        place = random.randrange(len(parts)) if parts else 0
        parts = _other_members(random, parts, place)
    packed = bytearray(_zipped(parts, method))
    if random.randrange(2):
        for _ in range(random.randint(1, 2)):
            _other_field(random, packed)
    return bytes(packed)


def _other_members(
    random: Random, parts: list[tuple[str, bytes]], place: int
) -> list[tuple[str, bytes]]:
    if not parts:
        return [("x.npy", b"")]
    name, content = parts[place]
    choice = random.randrange(10)
    if choice < 6:
        return [*parts[:place], (name, mutated_npy(random, content)), *parts[place + 1 :]]
    if choice == 6:
        return parts[:place] + parts[place + 1 :]
    if choice == 7:
        return [*parts, (random.choice((name, "y.npy", "y", "x", "../x.npy", "x.npy/")), content)]
    if choice == 8:
        other = random.choice(("x", "y.npy", "x.npy", "", "\0", "x_train.npy", name.upper()))
        return [*parts[:place], (other, content), *parts[place + 1 :]]
    junk = random.choice((b"", b"hello", b"\x93NUMPY", bytes(2000)))
    return [*parts[:place], (name, junk), *parts[place + 1 :]]


def _zipped(parts: list[tuple[str, bytes]], method: int) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name are meant
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in parts:
                archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def _other_field(random: Random, packed: bytearray) -> None:
    kind = random.choice((LOCAL, CENTRAL, CENTRAL, END))
    starts = [place for place in range(len(packed)) if packed.startswith(kind, place)]
    if not starts:
        return
    first, last = FIELDS[kind]
    place = random.choice(starts) + random.randrange(first, last, 2)
    width = random.choice((2, 4))
    value = random.choice((1, 99, 8, 14, near(random, packed[min(place, len(packed) - 1)])))
    packed[place : place + width] = (value % (1 << 8 * width)).to_bytes(width, "little")


IDX_TYPES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(values: NDArray[np.generic]) -> bytes:
    """An array as a file."""
    code = IDX_TYPES[values.dtype.str[1:]]
    lengths = struct.pack(f">{values.ndim}I", *values.shape)
    big_endian = values.astype(values.dtype.newbyteorder(">"))
    return struct.pack(">HBB", 0, code, values.ndim) + lengths + big_endian.tobytes()


def mutated_idx(random: Random, data: bytes) -> bytes:
    """A file whose header is another, or whose bytes are."""
    if random.randrange(4) == 0 or len(data) < 4:
        return byte_level.mutated(random, data)
    axes = data[3]
    lengths = [*struct.unpack_from(f">{axes}I", data, 4)]
    code, values = data[2], data[4 + 4 * axes :]
    for _ in range(random.randint(1, 3)):
        choice = random.randrange(8)
        if choice < 3 and lengths:
            place = random.randrange(len(lengths))
            lengths[place] = near(random, lengths[place]) % (1 << 32)
        elif choice == 3:
            code = random.choice((*IDX_TYPES.values(), 0, 7, 255))
        elif choice == 4:
            lengths = [1] * random.choice((1, 30, 32, 62, 65, 200)) + lengths
        elif choice == 5:
            lengths = lengths[1:]
        elif choice == 6:
            lengths = [random.choice(INTEGERS) % (1 << 32) for _ in lengths]
        elif random.randrange(2):
            values = values[: random.randrange(len(values) + 1)]
        else:
            values += random_bytes(random, 2000)
    lengths = lengths[:255]
    declared = len(lengths) if random.randrange(12) else random.randrange(256)
    return struct.pack(f">HBB{len(lengths)}I", 0, code, declared, *lengths) + values


def mutated_gzip(random: Random, data: bytes) -> bytes:
    """The same, packed; the packing damaged, too, every third time."""
    packed = gzip.compress(mutated_idx(random, gzip.decompress(data)), mtime=0)
    choice = random.randrange(9)
    if choice == 0:
        return packed + random.choice((packed, b"\0" * 20, b"x"))
    if choice == 1:
        # The longest that unpacks fast: what the header says is the limit, not the stream.
        return gzip.compress(gzip.decompress(packed) + bytes(random.choice((1, 1 << 22))), mtime=0)
    return byte_level.mutated(random, packed) if choice == 2 else packed


def crc(data: bytes) -> bytes:
    """The checksum of PNG."""
    return struct.pack(">I", zlib.crc32(data))
