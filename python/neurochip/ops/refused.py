"""What is refused for a reason of its own, and that reason."""

from __future__ import annotations

DYNAMIC = (
    "its scale is computed from each input; quantize with "
    "`onnxruntime.quantization.quantize_static` instead of `quantize_dynamic`"
)
CONTROL = "control flow decides at run time what is computed"
RECURRENT = "recurrence and attention are not convolutional classifiers"

REASONS = {
    "DynamicQuantizeLinear": DYNAMIC,
    "ConvInteger": DYNAMIC,
    "MatMulInteger": DYNAMIC,
    "com.microsoft.DynamicQuantizeMatMul": DYNAMIC,
    "com.microsoft.DynamicQuantizeLSTM": DYNAMIC,
    "com.microsoft.MatMulIntegerToFloat": DYNAMIC,
    "com.microsoft.MatMulNBits": "blockwise scales sum in float32: no integer result is defined",
    "If": CONTROL,
    "Loop": CONTROL,
    "Scan": CONTROL,
    "LSTM": RECURRENT,
    "GRU": RECURRENT,
    "RNN": RECURRENT,
    "Attention": RECURRENT,
    "MultiHeadAttention": RECURRENT,
    "ConvTranspose": "transposed convolution is not supported",
    "Einsum": "general tensor products are not supported",
    "NonZero": "the shape of its output depends on the data",
    "NonMaxSuppression": "the shape of its output depends on the data",
    "Unique": "the shape of its output depends on the data",
    "TopK": "it is not supported; remove it and sort the network's output yourself",
}
"""Operators with a reason to be refused."""

DOMAINS = {
    "onnx.brevitas": "a QONNX operator; export with Brevitas' `export_onnx_qcdq` instead",
    "qonnx.custom_op.general": "a QONNX operator; convert the model to QCDQ",
    "finn.custom_op.general": "a FINN operator; export the network as QCDQ instead",
    "ai.onnx.contrib": "pre- or post-processing of onnxruntime-extensions; cut it off the network",
    "com.amd.quark": "an AMD Quark operator; quantize to QDQ with `XINT8` or `A8W8`",
}
"""Domains with a reason to be refused."""


def reason(op_type: str) -> str:
    """Why an operator without a translation is refused."""
    domain = op_type.rpartition(".")[0]
    return REASONS.get(op_type) or DOMAINS.get(domain) or "it is not supported"
