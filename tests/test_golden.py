"""Golden counters: did any number of these networks change?

`make golden` rewrites the files; the difference is reviewed, and explained in the commit. No test
of what is correct reads them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurochip as nc

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"
REWRITE = os.environ.get("NEUROCHIP_GOLDEN") == "rewrite"
SAMPLES = 3
CALIBRATION_SAMPLES = 32

DOUBLE = nc.Settings(nc.LayerSettings(integration="double"))
NETWORKS = {
    "digits_cnn.darwin3": ("examples/digits_cnn.onnx", "darwin3"),
    "digits_cnn.darwin3.double": ("examples/digits_cnn.onnx", "darwin3", {"settings": DOUBLE}),
    "digits_cnn.ideal": ("examples/digits_cnn.onnx", "ideal"),
    "digits_cnn.tiny": ("examples/digits_cnn.onnx", "tiny"),
    "digits_resnet.darwin3": ("tests/data/zoo/digits_resnet/uint8_qdq_perchannel.onnx", "darwin3"),
    "digits_resnet.darwin3.pipeline": (
        "tests/data/zoo/digits_resnet/uint8_qdq_perchannel.onnx",
        "darwin3",
        {"pipeline": True},
    ),
    "mnist_lenet.darwin3": ("tests/data/zoo/mnist_lenet/uint8_qdq.onnx", "darwin3"),
}


def pictures(graph: nc.Graph) -> tuple[np.ndarray, np.ndarray]:
    """Digits of the repository and others to calibrate with; noise for another size."""
    archive = np.load(ROOT / "examples" / "digits.npz")
    if graph.input_shape == (1, 8, 8):
        x, calibration = archive["x"][:SAMPLES], archive["x_calibration"][:CALIBRATION_SAMPLES]
    else:
        random = np.random.default_rng(0)
        x, calibration = (
            random.integers(0, 256, (count, *graph.input_shape[1:]))
            for count in (SAMPLES, CALIBRATION_SAMPLES)
        )
    return tuple((part.astype(np.float32) / np.float32(255))[:, None] for part in (x, calibration))


def counted(path: str, chip: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every counter of each sample, in the words of the package."""
    graph = nc.load_graph(ROOT / path)
    x, calibration = pictures(graph)
    options = {"objective": "cores", **(options or {})}
    image = nc.compile(graph, chip, calibration=calibration, **options)
    run = nc.simulate(image, x, compare=False)
    layers = {
        name: {
            "spikes": run.by_population["spikes"][:, column].tolist(),
            "sops": run.by_population["sops"][:, column].tolist(),
            "overflows": run.overflows[:, column].tolist(),
        }
        for column, name in enumerate(run.population_names)
    }
    return {
        "cores": len(run.image.cores),
        "timesteps": run.image.timesteps,
        "predictions": run.predictions.tolist(),
        "counters": {name: counts.tolist() for name, counts in run.counters.items()},
        "work_cycles": run.work_cycles.sum(axis=1).tolist(),
        "layers": layers,
    }


def told(value: object, indent: str = "") -> str:
    """JSON with one list a line, so that a difference shows the counter it is in."""
    if not isinstance(value, dict):
        return json.dumps(value)
    inner = indent + "  "
    rows = [f"{inner}{json.dumps(key)}: {told(entry, inner)}" for key, entry in value.items()]
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


@pytest.mark.parametrize("name", NETWORKS)
def test_no_counter_has_changed(name):
    path = GOLDEN / f"{name}.json"
    counts = counted(*NETWORKS[name])
    if REWRITE:
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(told(counts) + "\n")
        pytest.skip("rewritten")
    assert counts == json.loads(path.read_text())


def test_every_golden_file_is_of_a_network_that_is_counted():
    assert {path.name.removesuffix(".json") for path in GOLDEN.glob("*.json")} == set(NETWORKS)
