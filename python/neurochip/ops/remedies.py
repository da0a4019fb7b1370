"""What to change about a model, for every reason for which a node of it is refused.

A new reason needs a row here: tests hold every `Refusal` against the table.
"""

from __future__ import annotations

import re

EXPORT = "export the model again: this node is damaged"
CONSTANT = "compute it before the export, so that the file holds it as a constant (initializer)"
FIRST_AXIS = "export the model so that the first axis of every tensor counts samples, and only that"
BOTH_SIDES = (
    "quantize what it reads and what it computes: a QuantizeLinear and a DequantizeLinear at each, "
    "as `neurochip quantize` writes them"
)
AGAIN = "quantize the float model again, with `neurochip quantize` or `quantize_static`"
SMALLER = "give the model a smaller input, or cut it into parts"
CUT = "cut it off the network, and do its work on the output of the rest"
DIMENSIONS = "use maps of one or two dimensions: samples, channels, height, width"
PER_TENSOR = "quantize activations with one scale and one zero point per tensor"
PER_CHANNEL = "quantize weights with one scale per tensor, or one per output channel"
QCDQ = "export it as QCDQ or QDQ: QuantizeLinear, Clip, DequantizeLinear"
ONE_A_CHANNEL = (
    "give it one number per channel (the second axis) or one in all, or let the host do it: before "
    "the first QuantizeLinear, or after the last layer"
)

REMEDIES = (
    ("computed from each input", AGAIN),
    ("control flow", "export the network traced with one input, without branches and loops"),
    ("recurrence and attention", "choose a network of convolutions, matrix products and pools"),
    ("transposed convolution", "use a convolution and a DepthToSpace instead, and train it again"),
    ("general tensor products", "write it as MatMul with constant weights, and moves of axes"),
    ("output depends on the data", CUT),
    ("sort the network's output", CUT),
    ("blockwise scales", PER_CHANNEL),
    ("QONNX operator", QCDQ),
    ("FINN operator", QCDQ),
    ("pre- or post-processing", CUT),
    ("AMD Quark operator", "quantize it again to QDQ, with `XINT8` or `A8W8`"),
    ("is not valid ONNX", EXPORT),
    ("an input is missing", EXPORT),
    ("it has no ", EXPORT),
    ("are not equally many", EXPORT),
    ("is none of them", EXPORT),
    ("positive numbers are expected", EXPORT),
    ("its pads are", EXPORT),
    ("do not fit together", EXPORT),
    ("do not broadcast", EXPORT),
    ("larger than the map", EXPORT),
    ("its weights expect", EXPORT),
    ("groups; its input has", EXPORT),
    ("its result holds no values", EXPORT),
    ("is not positive", EXPORT),
    ("has another integer type", EXPORT),
    ("its zero point", "declare the input with the type of its zero point"),
    ("one per tensor or one per channel is supported", PER_CHANNEL),
    ("training mode", "export the model for inference"),
    ("are float: no DequantizeLinear", AGAIN),
    ("which runs on the host", "let nothing but float work follow it: put it at the network's end"),
    ("computed, not constant", CONSTANT),
    ("only where all its inputs are constant", CONSTANT),
    ("is constant", "fold it: run onnxruntime's or onnx-simplifier's optimizer over the model"),
    ("a DequantizeLinear is missing", BOTH_SIDES),
    ("no QuantizeLinear stands", BOTH_SIDES),
    ("result is never quantized", BOTH_SIDES),
    (
        "does not come from a quantized layer",
        "choose another output with `--output-tensor`, or quantize the network up to this one",
    ),
    ("joins integers of different scales", "join what DequantizeLinear makes of them instead"),
    ("quantized in two different ways", "let every reader of the input share one QuantizeLinear"),
    ("it joins samples", FIRST_AXIS),
    ("pads the samples", FIRST_AXIS),
    ("some of the samples", FIRST_AXIS),
    ("samples would mix", FIRST_AXIS),
    ("mixes samples", FIRST_AXIS),
    ("does not fit samples", FIRST_AXIS),
    ("one number per channel", ONE_A_CHANNEL),
    ("one per channel; quantize", PER_TENSOR),
    ("activations have at most", "quantize activations to 8 bits (uint8 or int8)"),
    ("int8, uint8, int4 and uint4", "quantize activations to 8 bits (uint8 or int8)"),
    ("it dequantizes", "quantize weights to int8 and biases to int32"),
    ("its weights have _ bits", "quantize weights to int8"),
    ("for each output channel", PER_CHANNEL),
    ("channels of per-channel weights apart", "quantize weights with one scale per tensor"),
    ("in float32", "calibrate again: its scales are far from those of trained networks"),
    ("its bias has shape", "give it a bias of one number per output channel"),
    ("expected a matrix", "give it weights of two axes: features in, features out"),
    ("division by a constant", "divide by a constant, or multiply by its reciprocal"),
    ("zero padding", "pad with zeros, or inside the convolution"),
    ("channels_last", "quantize with onnxruntime's optimizer off, or save the model before it"),
    ("samples included", "name the axes to average over (`axes`), without the first"),
    ("one with one is supported", "compare one tensor with one constant, in a node of its own"),
    ("which holds nothing", EXPORT),
    ("not finite", EXPORT),
    ("scales or sizes for", EXPORT),
    ("`nearest_mode`", EXPORT),
    ("resizes the axis of the samples", FIRST_AXIS),
    ("its coordinates are", "resize with `half_pixel` or `asymmetric` coordinates"),
    ("which computes new values", "resize with mode `nearest`, and smooth with a convolution"),
    ("keep the aspect ratio", "export it with scales instead of sizes"),
    ("which no layer computes", "choose another output with `--output-tensor`"),
    ("padding alone", "use pads smaller than the window"),
    ("its indices are used", "use the first output of MaxPool alone"),
    ("maps of one or two dimensions", DIMENSIONS),
    ("(one dimension)", DIMENSIONS),
    ("one or two are supported", DIMENSIONS),
    ("expected the last", "apply it to the last axis"),
    ("it pads to shape", SMALLER),
    ("padded map", SMALLER),
    ("it would make a constant", SMALLER),
    ("its result has shape", SMALLER),
    (
        "it is not supported",
        "use operators that `neurochip ops` lists, or cut it off if it is the first or the last",
    ),
)
"""Words of a reason and what to change; the first row whose words it has is the one."""


def remedy(reason: str) -> str:
    """What to change about a model in which a node is refused for this reason.

    Empty where a reason has no row.
    """
    told = kind(reason)
    return next((change for words, change in REMEDIES if words in told), "")


def kind(reason: str) -> str:
    """A reason without names, lists and numbers: nodes refused for one kind have one remedy."""
    return re.sub(r"'[^']*'|\[[^\]]*\]|(?<![\w.])\d+(\.\d+)?", "_", reason)
