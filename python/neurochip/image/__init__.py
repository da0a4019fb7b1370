"""Image: what is loaded into the chip, assembled from a placement; one versioned file on disk.

The format is the Rust core's (`image::description`): `describe.py` writes its description,
`blob.py` its binary part, `blocks.py` the weights of each core. `contents.py` is what people ask
about; `wired.py` reads the network back. What a network says is written by `network/codec.py`.
Connectors stay blocks: a convolution's kernel is stored once for each set of channels, however many
cores share it.
"""

from __future__ import annotations

from .assemble import assemble
from .contents import Core
from .image import Image

__all__ = ["Core", "Image", "assemble"]
