"""Damaged and oversized input files: refused before memory is taken, never a raw exception."""

from __future__ import annotations

import gzip
import io
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np
import pytest

import neurochip as nc
from neurochip.errors import ImageError, InputError, ModelError, NeurochipError, SettingsError
from neurochip.inputs import read_inputs

MEGABYTE = 1 << 20


@contextmanager
def at_most(megabytes):
    """Fails if the block takes more memory at once; NumPy and bytes are both counted."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * MEGABYTE
    finally:
        tracemalloc.stop()


def refusal(path, error: type[NeurochipError] = InputError, read=read_inputs, **options):
    with pytest.raises(error) as caught:
        read(path, **options)
    assert type(caught.value) is error
    return str(caught.value)


def npy(header, values=bytes(100), version=1):
    width = 2 if version == 1 else 4
    text = header.encode("latin-1").ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(width, "little") + text + values


def declared(shape, kind="'|u1'"):
    return f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.fixture
def bomb(tmp_path):
    """2 GiB of zeros in 2 MB: one array `x` of 2^25 images of 8 x 8, as an `.npz`."""
    head = npy(declared((1 << 25, 8, 8)), b"")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the packed form of the same zeros is the same: it is packed once.
    zeros = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = start + zeros * 128 + packer.flush(zlib.Z_FINISH)
    sizes = struct.pack("<III", 0, len(packed), len(head) + (1 << 31))
    name, fields = b"x.npy", struct.pack("<HHHHH", 20, 0, 8, 0, 33)
    local = b"PK\3\4" + fields + sizes + struct.pack("<HH", len(name), 0) + name
    central = b"PK\1\2" + struct.pack("<H", 20) + fields + sizes
    central += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    path = tmp_path / "bomb.npz"
    path.write_bytes(local + packed + central + b"PK\5\6" + end)
    assert path.stat().st_size < 4 * MEGABYTE
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("x.npy").file_size > 1 << 31
    return path


def test_an_npz_that_unpacks_to_two_gigabytes_is_refused_without_unpacking_it(bomb):
    with at_most(8):
        message = refusal(bomb)
    assert "has shape (33554432, 8, 8): 2,147,483,648 values would be read" in message


def test_one_sample_of_a_large_npz_is_read_without_the_others(bomb):
    with at_most(8):
        inputs = read_inputs(bomb, samples=1)
    assert inputs.x.shape == (1, 8, 8)


def test_an_idx_stream_longer_than_its_header_says_is_refused_without_unpacking_it(tmp_path):
    path = tmp_path / "x-idx3-ubyte.gz"
    header = struct.pack(">HBBIII", 0, 8, 3, 1, 28, 28)
    path.write_bytes(gzip.compress(header + bytes(64 * MEGABYTE)))
    with at_most(4):
        message = refusal(path)
    assert "has at least 801 bytes, its header says 800" in message


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"


@pytest.mark.parametrize(
    ("name", "error", "read"),
    [
        ("model.onnx", ModelError, nc.load_graph),
        ("x.npz", InputError, read_inputs),
        ("x.npy", InputError, read_inputs),
        ("x-idx3-ubyte", InputError, read_inputs),
        ("x.png", InputError, read_inputs),
        ("packets.npz", InputError, lambda path: nc.replay(path, "tiny")),
        ("net.image", ImageError, nc.Image.load),
        ("settings.toml", SettingsError, nc.Settings.load),
    ],
)
def test_a_pointer_to_a_file_that_was_not_downloaded_is_called_that(tmp_path, name, error, read):
    path = tmp_path / name
    path.write_bytes(POINTER)
    assert f"'{path}' is a Git LFS pointer" in refusal(path, error, read)


def test_labels_that_were_not_downloaded_are_called_that(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 8, 8), np.uint8))
    labels = tmp_path / "labels.txt"
    labels.write_bytes(POINTER)
    assert f"'{labels}' is a Git LFS pointer" in refusal(tmp_path / "x.npy", labels=labels)


def png(width, height, length=None):
    def chunk(kind, content, length=None):
        told = len(content) if length is None else length
        return (
            struct.pack(">I", told) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    picture = chunk(b"IDAT", zlib.compress(bytes(9 * 8)), length)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + picture + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (png(9000, 9000), "is 9,000 x 9,000, at most 67,108,864 pixels are read"),
        (png(20_000, 20_000), "exceeds limit"),
        (b"GIF89a" + bytes(100), "it is neither PNG nor JPEG"),
    ],
    ids=["81 million pixels", "400 million pixels", "another format"],
)
def test_a_picture_that_declares_more_than_it_may_is_refused_before_it_is_unpacked(
    tmp_path, content, told
):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with at_most(8):
        assert told in refusal(path)


def test_a_chunk_that_declares_more_than_the_file_has_is_not_read_into_memory(tmp_path):
    """The lines of the image are all there, which Pillow takes for enough."""
    path = tmp_path / "x.png"
    path.write_bytes(png(8, 8, 0xFFFFFFFF))
    with at_most(8):
        assert read_inputs(path).x.shape == (1, 8, 8)


@pytest.mark.parametrize(
    "content",
    [
        npy("(" * 100),
        npy("{'descr': '<f4', ("),
        npy("[" * 5000 + "]" * 5000),
        npy(declared("(99999999999999999999,)")),
        npy(declared("(4611686018427387904,)")),
        npy(declared("(-1,)")),
        npy(declared("(True,)")),
        npy(declared("(1.5,)")),
        npy(declared("None")),
        npy(declared("(3,)", "None")),
        npy(declared("(100,)", "'|V0'")),
        npy("{'descr': '<f4', 'fortran_order': False, b'shape': (1,)}"),
        npy(declared("(" + "1," * 64 + ")")),
        npy(declared("(100,)"), version=3),
        b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(100),
        b"\x93NUMPY\1\0",
    ],
)
def test_an_npy_header_that_makes_no_sense_is_refused(tmp_path, content):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with at_most(8):
        assert f"'{path}'" in refusal(path)


def array_file():
    file = io.BytesIO()
    np.save(file, np.zeros((2, 9), np.float32))
    return file.getvalue()


def packed(name, content, *patches):
    """An archive of one member; a patch is a record's magic, a place in it and a byte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    data = bytearray(file.getvalue())
    for magic, place, value in patches:
        data[data.index(magic) + place] = value
    return bytes(data)


LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"


@pytest.mark.parametrize(
    "content",
    [
        packed("x.npy", array_file(), (CENTRAL, 8, 1), (LOCAL, 6, 1)),
        packed("x.npy", array_file(), (CENTRAL, 10, 99), (LOCAL, 8, 99)),
        packed("x.npy", array_file(), (CENTRAL, 6, 119)),
        packed("x.npy", array_file(), (LOCAL, 45, 255)),
        packed("x.npy", array_file()[:140]),
        packed("x", b"hello"),
        packed("x.npy", b""),
        packed("y.npy", array_file()),
        b"PK\5\6" + bytes(18),
        b"PK",
    ],
    ids=[
        *("encrypted", "unknown method", "zip version", "damaged stream", "cut short"),
        *("no array", "empty member", "no samples", "no members", "no zip"),
    ],
)
def test_an_npz_that_cannot_be_unpacked_is_refused(tmp_path, content):
    for name, read in (("x.npz", read_inputs), ("p.npz", lambda path: nc.replay(path, "tiny"))):
        path = tmp_path / name
        path.write_bytes(content)
        assert f"'{path}'" in refusal(path, read=read)


@pytest.mark.parametrize("shape", [(1,) * 65, (2**32 - 1, 2**32 - 1, 0), (2**32 - 1,) * 4])
def test_an_idx_header_of_any_shape_is_refused(tmp_path, shape):
    path = tmp_path / "x-idx3-ubyte"
    path.write_bytes(struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + b"\0")
    assert f"'{path}'" in refusal(path)


@pytest.mark.parametrize("text", ["9" * 23, "1 2 -99999999999999999999", "9" * 5000, "1\0", "é"])
def test_labels_that_no_integer_holds_are_refused(tmp_path, text):
    np.save(tmp_path / "x.npy", np.zeros((1, 8, 8), np.uint8))
    labels = tmp_path / "labels.txt"
    labels.write_text(text, encoding="utf-8")
    assert f"cannot read labels from '{labels}'" in refusal(tmp_path / "x.npy", labels=labels)


def test_settings_of_any_length_are_refused_before_they_are_parsed(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_bytes(b"#" * (9 << 20))
    assert "more than 8,388,608 bytes" in refusal(path, SettingsError, nc.Settings.load)


def test_of_many_wrong_settings_some_are_told_and_the_others_counted(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("\n".join(f"[t{n}]" for n in range(3000)))
    message = refusal(path, SettingsError, nc.Settings.load)
    assert "unknown table `t19`" in message
    assert "`t20`" not in message
    assert "and 2,980 more such problems" in message
    path.write_text("\n".join(f"[layers.t{n}]" for n in range(3000)))
    with pytest.raises(SettingsError, match="and 2,980 more"):
        nc.Settings.load(path).refuse_unknown(["first"])


def test_settings_nested_without_end_are_refused(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("a = " + "[" * 100_000)
    assert "nested too deeply" in refusal(path, SettingsError, nc.Settings.load)
