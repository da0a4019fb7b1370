"""The verb that makes a Graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..renamed import renamed
from .file import PathOrModel, read_model
from .graph import Graph
from .sample_axis import with_sample_axis
from .walk import walk


def load(
    model: PathOrModel,
    shape: Mapping[str, Sequence[int]] | None = None,
    output_tensor: str | None = None,
    *,
    output: str | None = None,
) -> Graph:
    """Reads a quantized ONNX model.

    Args:
        model: A path, the bytes of a file, or a parsed model.
        shape: By input name: the shape to use where the model leaves axes open, samples first.
        output_tensor: The output to compute, of a model that has several; what only the others
            need is left out. All of them unless given.
        output: The earlier name of `output_tensor`, with a `DeprecationWarning`.

    Raises:
        ModelError: If it is no model, is not quantized, or has open axes.
        UnsupportedOpError: If some nodes cannot be imported; all of them are listed.
    """
    if output is not None:
        output_tensor = renamed("output", output, output_tensor)
    proto, name = read_model(model)
    proto, shapes = with_sample_axis(proto, shape or {})
    return walk(proto, name, shapes, output_tensor)
