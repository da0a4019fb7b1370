"""Images: a PNG or JPEG file, or a folder of them, in the natural order of their names.

Sub-folders named by class index are the labels of the images in them.
"""

from __future__ import annotations

import re
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import refuse_lfs_pointer
from .fitting import NAMES, conversion
from .limits import rows_to_read
from .raw import Raw

SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
# What each of Pillow's modes is read as. Others, as of 16 bits, would lose information.
READ_AS = {
    "1": "L", "L": "L", "LA": "LA", "P": "RGB", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA",
}  # fmt: skip
WITH_TRANSPARENCY = {"L": "LA", "RGB": "RGBA"}
"""A colour that is transparent is a channel, too: to drop it would be a conversion."""

FORMATS = ("PNG", "JPEG")

MAX_BYTES = 1 << 28
"""Of an image's file."""
MAX_PIXELS = 1 << 26
"""Of one image: no network takes as many, and they unpack to 200 MB."""


def recognizes(path: Path) -> bool:
    """Whether this is an image or a folder."""
    return path.is_dir() or path.suffix.lower() in SUFFIXES


def read(path: Path, samples: int | None) -> Raw:
    """Reads images in the natural order of their names; all must have the size of the first."""
    found = _pictures(path)
    labels = _labels(path, found)
    first = _read_picture(found[0])
    kept = rows_to_read((len(found), *first.shape), samples, repr(str(path)))
    pixels = np.empty((kept, *first.shape), dtype=np.uint8)
    for position, picture in enumerate(found[:kept]):
        values = _read_picture(picture)
        if values.shape != first.shape:
            raise InputError(
                f"image {str(picture)!r} is {_size(values)}, the first one, "
                f"{found[0].name!r}, is {_size(first)}",
                hint="bring all images to the network's input size"
                if values.shape[:2] != first.shape[:2]
                else f"convert it: {conversion(_channels(values), _channels(first))}",
            )
        pixels[position] = values
    names = tuple(each.relative_to(path).as_posix() for each in found) if path.is_dir() else ()
    return Raw(pixels, len(found), labels, names=names, image_file=str(found[0]))


def _pictures(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()]
    found.sort(key=lambda each: _natural(each.relative_to(path)))
    if not found:
        raise InputError(f"folder {str(path)!r} holds no PNG or JPEG images")
    return found


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts 2.png before 10.png: numbers by their value, then letters."""
    parts = re.split(r"([0-9]+)", path.as_posix())  # every second one is a number
    return [(int(part) if position % 2 else -1, part) for position, part in enumerate(parts)]


def _labels(path: Path, found: list[Path]) -> NDArray[np.int64] | None:
    parents = {picture.parent for picture in found} - {path, path.parent}
    if not parents:
        return None
    unnamed = sorted(str(parent.relative_to(path)) for parent in parents if not _is_index(parent))
    if unnamed or any(picture.parent == path for picture in found):
        what = f"sub-folder {unnamed[0]!r}" if unnamed else "images beside its sub-folders"
        raise InputError(
            f"folder {str(path)!r} has {what}, expected sub-folders named by class index",
            hint="name sub-folders 0, 1, 2, ... after the network's outputs, or use none",
        )
    return np.array([int(picture.parent.name) for picture in found], dtype=np.int64)


def _is_index(folder: Path) -> bool:
    return folder.name.isdecimal() and folder.name.isascii()


def _read_picture(path: Path) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError  # only who reads pictures needs it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # From memory: of a file, Pillow asks for as many bytes as a chunk says it has.
            picture = Image.open(BytesIO(_content(path)), formats=FORMATS)
        with picture:
            mode = READ_AS.get(picture.mode)
            if mode is None:
                raise InputError(
                    f"image {str(path)!r} is in mode {picture.mode}, expected 8-bit grey or RGB",
                    hint=f"convert it: {conversion(3, 3)}, or to 'L' for grey",
                )
            if "transparency" in picture.info:
                mode = WITH_TRANSPARENCY.get(mode, mode)
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise InputError(
                    f"image {str(path)!r} is {width:,} x {height:,}, at most {MAX_PIXELS:,} "
                    "pixels are read",
                    hint="resize it to the network's input size",
                )
            return np.asarray(picture.convert(mode), dtype=np.uint8)
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(
            f"cannot read image {str(path)!r}: it is neither PNG nor JPEG",
            hint="convert it to PNG; a name does not change what a file holds",
        ) from None
    except Exception as error:  # there is no end to what a damaged picture makes Pillow raise
        told = str(error) or type(error).__name__
        raise InputError(f"cannot read image {str(path)!r}: {told}") from error


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            f"image {str(path)!r} has {size:,} bytes, at most {MAX_BYTES:,} are read",
            hint="resize it to the network's input size",
        )
    content = path.read_bytes()
    refuse_lfs_pointer(content, repr(str(path)), InputError)
    return content


def _size(values: NDArray[np.uint8]) -> str:
    height, width = values.shape[:2]
    return f"{width} x {height} {NAMES[_channels(values)]}"


def _channels(values: NDArray[np.uint8]) -> int:
    return 1 if values.ndim == 2 else values.shape[2]
