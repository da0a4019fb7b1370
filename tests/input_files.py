"""Writes small input files in the formats that people have."""

from __future__ import annotations

import gzip
import struct

import numpy as np
from PIL import Image

GREY = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


def write_idx(path, array, code=0x08):
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    data = header + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_batch(path, labels):
    records = [bytes([label]) + bytes([label]) * 1024 + bytes(2048) for label in labels]
    path.write_bytes(b"".join(records))
    return path


def write_picture(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path
