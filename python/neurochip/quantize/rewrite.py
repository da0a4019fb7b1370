"""Writing the quantized model down: onnxruntime's quantizer does so, with the formats chosen here.

It knows no activations of fewer than 8 bits that its own integer kernels compute: those travel as
uint8 here, and a Clip of the codes after each QuantizeLinear says how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from ..formats import Format
from .options import MAX_BITS, QuantizeOptions
from .runtime import onnxruntime
from .tensors import QUANTIZED, Points

LOWEST_CODE = "lowest_code"


def rewrite(
    model: ModelProto, formats: Mapping[str, Format], points: Points, options: QuantizeOptions
) -> ModelProto:
    """The prepared model with QuantizeLinear and DequantizeLinear around every operator.

    Args:
        model: The prepared float model; it is changed.
        formats: Of every tensor that has its own.
        points: The tensors that hold codes, and the nodes that stay float.
        options: Weights per tensor or per channel.
    """
    onnxruntime()
    from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType
    from onnxruntime.quantization.calibrate import TensorsData

    described = {name: _extremes(each) for name, each in formats.items()}
    described |= {name: described[source] for name, source in points.shared.items()}
    quantizer = QDQQuantizer(
        model,
        per_channel=options.weights == "per-channel",
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, described),
        nodes_to_quantize=[],
        nodes_to_exclude=list(points.float_nodes),
        op_types_to_quantize=sorted(QUANTIZED),
        extra_options={
            "TensorQuantOverrides": {name: [_override(each)] for name, each in formats.items()},
            # Pools and moves hold codes even where no sum comes before them.
            "ForceQuantizeNoInputCheck": True,
        },
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    quantized: ModelProto = quantizer.model.model
    _limit_codes(quantized, formats)
    return quantized


def holds_codes(quantized: ModelProto, tensor: str) -> bool:
    """Whether the quantizer has rounded a tensor: it leaves float work at either end as it is."""
    names = (tensor, f"{tensor}_QuantizeLinear_Input")  # the latter of the model's output
    return any(
        node.op_type == "QuantizeLinear" and node.input[0] in names for node in quantized.graph.node
    )


def _extremes(form: Format) -> tuple[np.float32, np.float32]:
    """The numbers that codes 0 and 255 stand for."""
    low, high = (np.float32((code - form.zero_point) * float(form.scale)) for code in (0, 255))
    return low, high


def _override(form: Format) -> dict[str, Any]:
    """What onnxruntime's quantizer takes instead of computing it from the extremes."""
    from onnxruntime.quantization import QuantType

    return {
        "quant_type": QuantType.QUInt8,
        "scale": np.asarray(form.scale, np.float32),
        "zero_point": np.asarray(form.zero_point, np.uint8),
    }


def _limit_codes(model: ModelProto, formats: Mapping[str, Format]) -> None:
    """Puts a Clip after the QuantizeLinear of every tensor of fewer than 8 bits."""
    graph = model.graph
    narrow = {name: form.qmax for name, form in formats.items() if form.bits < MAX_BITS}
    nodes: list[NodeProto] = []
    limits: dict[int, str] = {}
    for node in graph.node:
        nodes.append(node)
        if node.op_type != "QuantizeLinear" or node.input[0] not in narrow:
            continue
        highest = narrow[node.input[0]]
        limits.setdefault(highest, f"highest_code_{highest}")
        codes = node.output[0]
        node.output[0] = f"{codes}_before_clip"
        bounds = [LOWEST_CODE, limits[highest]]
        clip = helper.make_node("Clip", [node.output[0], *bounds], [codes], f"{node.name}_clip")
        nodes.append(clip)
    if not limits:
        return
    for name, code in ((LOWEST_CODE, 0), *((name, code) for code, name in limits.items())):
        graph.initializer.append(numpy_helper.from_array(np.asarray(code, np.uint8), name))
    del graph.node[:]
    graph.node.extend(nodes)
