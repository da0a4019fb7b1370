"""Quantize: a float network becomes a graph of unsigned activations, fit for spikes.

`prepare` rewrites the float network, `calibrate` measures what its tensors hold on samples,
`ranges` chooses what of that is kept, and `rewrite` has onnxruntime's quantizer write it down.
onnxruntime is needed here alone, and imported only when it is.
"""

from __future__ import annotations

from .compare import Comparison, classes, compare, correct
from .exports import data_inputs
from .options import QuantizeOptions, Ranges, Weights
from .quantize import Quantized, QuantizedTensor, input_shape, quantize

__all__ = [
    "Comparison",
    "QuantizeOptions",
    "Quantized",
    "QuantizedTensor",
    "Ranges",
    "Weights",
    "classes",
    "compare",
    "correct",
    "data_inputs",
    "input_shape",
    "quantize",
]
