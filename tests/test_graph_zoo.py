"""Whole networks: ours, which the repository ships, and those of others where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import oracle_onnxruntime
from neurochip.errors import UnsupportedOpError
from neurochip.graph import Graph, load

OURS = Path(__file__).parent / "data" / "zoo"
QUANTIZED = sorted(path for path in OURS.glob("*/*.onnx") if path.stem != "float")
FLOAT_IN_ONNXRUNTIME = ("w4a4_qdq", "w4a4_qdq_int4")
"""Four bits and clips that cut codes: onnxruntime computes these in float, if at all."""

ZOO = [
    f"{network}/{variant}"
    for network in ("cifar10_resnet", "cifar10_vgg_max")
    for variant in (
        "int8_qdq",
        "int8_qdq_perchannel",
        "qoperator",
        "uint8_qdq",
        "uint8_qdq_perchannel",
    )
]
EXACT = [
    "cifar_resnet/resnet20_qdq_s8s8_sym_pc",
    "cifar_resnet/resnet20_qdq_u8s8",
    "cifar_resnet/resnet20_qdq_u8s8_nobias",
    "cifar_resnet/resnet20_qdq_u8s8_pc",
    "cifar_resnet/resnet20_qop_s8s8_pc",
    "cifar_resnet/resnet20_qop_u8s8_pc",
    "cifar_resnet/resnet20_sliceA_qdq_u8s8_pc",
    "kws/micro_kws_m_qoperator_softmax",
    "kws/micro_kws_m_static_qdq",
    "kws/micro_kws_m_static_qoperator",
    "mlperf_tiny/ad01_autoencoder_int8",
    "mlperf_tiny/ic_resnet8_int8",
    "mlperf_tiny/kws_dscnn_int8",
    "mnist/mnist_cntk_qop_u8s8",
    "mnist/mnist_mlonmcu_dw_qdq_u8s8_pc",
    "structure/lenet_qop_u8s8_pc",
    "structure/mbv1_qdq_u8s8_pc",
    "structure/mbv2_qop_u8s8_pc",
    "structure/mlp_qdq_u8s8_pc",
    "structure/resnet18w16_qdq_u8s8_pc",
    "structure/vggsmall_qdq_u8s8_pc",
    "structure/yolov1tiny_qdq_u8s8_pc",
]
PARTLY_FLOAT = {
    "kws/micro_kws_m_qoperator_avg_pool": "Softmax in float",
    "mnist/mnist_burn_qdq_s8s8_pc": "LogSoftmax in float",
    "structure/lenet_avg_qdq_u8s8_pc": "averages of parts of a map",
    "structure/lenet_torch_pt2e_qdq": "the last Gemm has a float bias",
    "structure/seq_w4a4.qcdq": "mixed signs and four bits",
}
"""What onnxruntime computes in float32 in these: the integers before it are compared instead."""


SOFTMAX_IN_INTEGERS = (
    "kws/micro_kws_m_qoperator_softmax",
    "kws/micro_kws_m_static_qoperator",
    "mlperf_tiny/ic_resnet8_int8",
    "mlperf_tiny/kws_dscnn_int8",
)
"""Their int8 Softmax changed between releases of onnxruntime."""


def beside(data: Path, folder: str, name: str) -> Path:
    """A network in a folder beside the data sets, or a skipped test."""
    path = data.parent / folder / f"{name}.onnx"
    if not path.exists():
        pytest.skip(f"no {folder}/{name}.onnx beside NEUROCHIP_DATA")
    return path


def run(graph: Graph, real: np.ndarray) -> np.ndarray:
    return graph.finish(graph.evaluate(graph.quantize(real))[graph.output.name])


def spread_over_codes(graph: Graph, count: int, seed: int) -> np.ndarray:
    """Random samples that reach every code of the input, and a little beyond."""
    extremes = graph.input.format.dequantize(np.array([graph.input.low, graph.input.high]))
    margin = 0.05 * float(extremes[1] - extremes[0])
    random = np.random.default_rng(seed)
    shape = (count, *graph.input_shape)
    drawn = random.uniform(extremes[0] - margin, extremes[1] + margin, shape)
    return np.asarray(drawn, np.float32)


def assert_no_layer_differs(graph: Graph, real: np.ndarray) -> None:
    counts = oracle_onnxruntime.layer_by_layer(graph, real)
    assert {name: count for name, count in counts.items() if count[0]} == {}


def pictures(data: Path, network: str, count: int) -> np.ndarray:
    """Test images of the network's data set, as it was trained: NCHW, divided by 255."""
    with np.load(data / f"{network.split('_')[0]}.npz") as arrays:
        shown = arrays["x_test"][:count]
    if shown.ndim == 3:
        shown = shown[..., None]
    scaled = shown.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def short_name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", QUANTIZED, ids=short_name)
def test_our_networks_equal_onnxruntime(path):
    graph = load(path)
    if path.stem not in FLOAT_IN_ONNXRUNTIME:
        real = spread_over_codes(graph, 64, 1)
        np.testing.assert_array_equal(run(graph, real), oracle_onnxruntime.run(path, real))
    assert_no_layer_differs(graph, spread_over_codes(graph, 64, 2))


@pytest.mark.parametrize("network", ["digits_cnn", "digits_mlp", "mnist_lenet", "mnist_mlp"])
def test_four_bits_in_eight_and_four_bits_mean_the_same(network):
    eight, four = (load(OURS / network / f"{name}.onnx") for name in FLOAT_IN_ONNXRUNTIME)
    real = spread_over_codes(eight, 32, 3)
    np.testing.assert_array_equal(run(eight, real), run(four, real))
    assert 4 in {layer.output.format.bits for layer in four.layers}


@pytest.mark.parametrize("path", QUANTIZED, ids=short_name)
def test_our_networks_equal_onnxruntime_on_real_pictures(path, data):
    if path.stem in FLOAT_IN_ONNXRUNTIME:
        return
    graph = load(path)
    real = pictures(data, path.parent.name, 256)
    np.testing.assert_array_equal(run(graph, real), oracle_onnxruntime.run(path, real))


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_large_networks_equal_onnxruntime_on_real_pictures(name, data):
    path = beside(data, "zoo", name)
    graph = load(path)
    real = pictures(data, name, 256)
    np.testing.assert_array_equal(run(graph, real), oracle_onnxruntime.run(path, real))


@pytest.mark.parametrize("name", EXACT)
def test_networks_of_others_equal_onnxruntime(name, data):
    if name in SOFTMAX_IN_INTEGERS and not oracle_onnxruntime.is_current():
        pytest.skip("this onnxruntime computes another int8 Softmax than the contract's")
    path = beside(data, "models", name)
    graph = load(path)
    real = spread_over_codes(graph, 32, 4)
    np.testing.assert_array_equal(run(graph, real), oracle_onnxruntime.run(path, real))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EXACT, *PARTLY_FLOAT])
def test_no_layer_of_a_network_of_others_differs(name, data):
    graph = load(beside(data, "models", name))
    assert_no_layer_differs(graph, spread_over_codes(graph, 8, 5))


@pytest.mark.parametrize("name", PARTLY_FLOAT)
def test_what_onnxruntime_computes_in_float_is_close(name, data):
    path = beside(data, "models", name)
    graph = load(path)
    real = spread_over_codes(graph, 32, 4)
    level = float(np.max(graph.output.format.scale)) if graph.output.format.bits == 8 else 1e-5
    theirs = oracle_onnxruntime.run(path, real)
    np.testing.assert_allclose(run(graph, real), theirs, atol=1.01 * level, rtol=1e-5)


@pytest.mark.parametrize("name", ["finn_build_dataflow", "supres", "unsw_nb15_mlp_w2a2"])
def test_every_reason_to_refuse_a_network_is_told(name, data):
    told = {
        "finn_build_dataflow": {"MatMul": 4, "TopK": 1, "MultiThreshold": 4},
        "supres": {"Conv": 4, "PreProcess": 1, "PostProcess": 1},
        "unsw_nb15_mlp_w2a2": {"Gemm": 1, "Quant": 7, "BipolarQuant": 1},
    }[name]
    with pytest.raises(UnsupportedOpError) as caught:
        load(beside(data, "models/refuse", name))
    lines = str(caught.value).splitlines()[1:]
    found = [line.split(" at ")[0].strip() for line in lines]
    assert len(lines) == sum(told.values())
    for op_type, count in told.items():
        assert sum(each.rpartition(".")[2].endswith(op_type) for each in found) >= count
    assert all(": " in line for line in lines)
