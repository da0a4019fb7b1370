"""Graph: the quantized network as integers, whatever dialect of ONNX it came in.

`load` reads a model (`file.py`), orders its nodes (`nodes.py`), walks them once (`walk.py`), writes
down what stays float (`left_float.py`) and returns a `Graph`, whose
`evaluate` is the numerical contract for everything that follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ops.values import HostOp
from ..renamed import renamed
from .file import PathOrModel, read_model
from .graph import Graph, Output
from .nodes import with_sample_axis
from .walk import walk

__all__ = ["Graph", "HostOp", "Output", "load"]


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
