"""Every network of the zoo on the chips, over real images, against onnxruntime.

By default a few images each; `make accept` (NEUROCHIP_ACCEPT=all) runs whole test sets, which
takes hours for CIFAR-10; NEUROCHIP_ACCEPT=2000 as many images of each.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import neurochip as nc
import oracle_onnxruntime
from neurochip.graph import Graph, load
from qoperator import offset, qoperator_model
from test_graph_zoo import EXACT, PARTLY_FLOAT, spread_over_codes

ACCEPT = os.environ.get("NEUROCHIP_ACCEPT")
EVERYTHING = ACCEPT is not None
"""Whether every variant of every network runs, on more than a few images."""
SAMPLES = 24 if ACCEPT is None else None if ACCEPT == "all" else int(ACCEPT)
CYCLE_SAMPLES = 10 if EVERYTHING else 1
BATCH = 500

NETWORKS = {
    "digits": ("digits_cnn", "digits_mlp", "digits_resnet"),
    "mnist": ("mnist_lenet", "mnist_mlp", "mnist_dscnn"),
    "cifar10": ("cifar10_resnet", "cifar10_vgg_max"),
}
EIGHT_BITS = ("int8_qdq", "int8_qdq_perchannel", "uint8_qdq", "uint8_qdq_perchannel", "qoperator")
FOUR_BITS = ("w4a4_qdq", "w4a4_qdq_int4")
"""onnxruntime computes these in float; their integer form is compared in its QOperator dialect."""
HAVE_FOUR_BITS = ("digits_cnn", "digits_mlp", "mnist_lenet", "mnist_mlp")

MODELS = [
    pytest.param(data_set, network, variant, id=f"{network}-{variant}")
    for data_set, networks in NETWORKS.items()
    for network in networks
    for variant in (*EIGHT_BITS, *(FOUR_BITS if network in HAVE_FOUR_BITS else ()))
]


@lru_cache(maxsize=1)
def pictures(data: Path, data_set: str) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
    """The test set as the networks take it, and its labels."""
    archive = np.load(data / f"{data_set}.npz")
    return scaled(archive["x_test"][:SAMPLES]), archive["y_test"][:SAMPLES]


def scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels from 0 to 1, channels first."""
    values = pixels.astype(np.float32) / np.float32(255)
    values = values[:, None] if values.ndim == 3 else values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values)


def zoo_model(data: Path, network: str, variant: str) -> Path:
    """The model's file, or a skipped test."""
    path = data.parent / "zoo" / network / f"{variant}.onnx"
    if not path.exists():
        pytest.skip(f"no {path.name} of {network} beside NEUROCHIP_DATA")
    return path


def expected(path: Path, graph: Graph, x: NDArray[np.float32]) -> NDArray[np.generic]:
    """onnxruntime's outputs: values, or for four bits the codes of the integer form."""
    if path.stem not in FOUR_BITS:
        parts = [oracle_onnxruntime.run(path, x[i : i + BATCH]) for i in range(0, len(x), BATCH)]
        return np.concatenate(parts)
    session = oracle_onnxruntime.session(qoperator_model(graph))
    parts = []
    for start in range(0, len(x), BATCH):
        codes = graph.quantize(x[start : start + BATCH]).astype(np.int16) + offset(graph.input)
        feed = {graph.input.name: codes.astype(np.uint8)}
        parts.append(session.run([graph.output.name], feed)[0].astype(np.int64))
    return np.concatenate(parts) - offset(graph.output)


@pytest.mark.parametrize(("data_set", "network", "variant"), MODELS)
def test_ideal_equals_onnxruntime_bit_for_bit(data, data_set, network, variant):
    path = zoo_model(data, network, variant)
    x, _ = pictures(data, data_set)
    graph = load(path)
    image = nc.compile(graph, chip="ideal")
    run = nc.simulate(image, x, timing="none", compare=False)
    ours = run.outputs if variant in FOUR_BITS else run.values
    assert np.count_nonzero(ours != expected(path, graph, x)) == 0

    timed = nc.simulate(image, x[:CYCLE_SAMPLES], timing="cycle", compare=False)
    np.testing.assert_array_equal(timed.outputs, run.outputs[:CYCLE_SAMPLES])
    np.testing.assert_array_equal(timed.sops, run.sops[:CYCLE_SAMPLES])
    assert timed.cycles is not None
    assert (timed.cycles > 0).all()


@pytest.mark.parametrize(("data_set", "network", "variant"), MODELS)
def test_darwin3_computes_what_its_constants_say(data, data_set, network, variant):
    graph = load(zoo_model(data, network, variant))
    x, labels = pictures(data, data_set)
    archive = np.load(data / f"{data_set}.npz")
    samples = scaled(archive["x_calibration"][:256])
    run = nc.simulate(nc.compile(graph, calibration=samples), x, timing="none", check="all")
    assert run.compiled_agreement is not None
    assert run.compiled_agreement.differing.sum() == 0
    if EVERYTHING:
        exact = graph.finish(_exact_outputs(graph, x)).argmax(axis=1)
        quantized = (exact == labels).mean()
        ours = (run.predictions == labels).mean()
        overflows = int(run.overflows.sum())
        print(f"{network}/{variant}: {quantized:.2%} -> {ours:.2%}, {overflows} overflows")
        if data_set == "mnist":
            assert ours >= quantized - 0.001


@pytest.mark.parametrize("name", [*EXACT, *PARTLY_FLOAT])
def test_networks_of_others_run_on_ideal_without_a_differing_value(data, name):
    path = data.parent / "models" / f"{name}.onnx"
    if not path.exists():
        pytest.skip(f"no models/{name}.onnx beside NEUROCHIP_DATA")
    graph = load(path)
    samples = spread_over_codes(graph, 4, 5)
    run = nc.simulate(nc.compile(graph, chip="ideal"), samples, timing="none", check="all")
    assert run.exact_agreement is not None
    assert run.exact_agreement.compared.sum() > 0
    assert run.exact_agreement.differing.sum() == 0


def _exact_outputs(graph: Graph, x: NDArray[np.float32]) -> NDArray[np.generic]:
    parts = [
        graph.evaluate(graph.quantize(x[start : start + BATCH]))[graph.output.name]
        for start in range(0, len(x), BATCH)
    ]
    return np.concatenate(parts)
