"""Image: what is loaded into the chip, assembled from a placement; one versioned file on disk.

The format is the Rust core's (`image::description`): `assemble.py` writes its description
and its binary part, `blocks.py` the weights of each core, and reads the network back; `image.py` is
the file and what people ask about. What a network says is written by `network/codec.py`.
Connectors stay blocks: a convolution's kernel is stored once for each set of channels, however many
cores share it.
"""

from __future__ import annotations

from .assemble import assemble
from .image import Core, Image

__all__ = ["Core", "Image", "assemble"]
