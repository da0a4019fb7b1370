"""What onnxruntime's own quantizer makes of networks as people have them runs on `ideal`, exactly.

Every architecture in every way of quantizing, with and without normalization in front: the integers
are onnxruntime's, or the graph is refused for a reason that docs/onnx.md lists.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import neurochip as nc
import oracle_onnxruntime
from corpus_networks import ARCHITECTURES, VARIANTS, network, quantized
from neurochip.errors import UnsupportedOpError

PARTIAL_AVERAGES = {"averaging"}
"""onnxruntime averages parts of maps in float32: their graphs carry a note, and may differ."""
REFUSED = (
    "cannot multiply one input by another",
    "is not quantized: no QuantizeLinear stands between it and the node",
)
"""Reasons of docs/onnx.md: products of two tensors, and layers between real numbers."""
ROUNDING = 1e-5
"""Of float work after the last layer, such as a Softmax."""
CASES = list(product(ARCHITECTURES, VARIANTS, [False, True]))
# Each architecture once: the ways of quantizing take turns, and so does the normalization.
FEW = [
    (name, list(VARIANTS)[(number + 1) % len(VARIANTS)], number % 2 == 0)
    for number, name in enumerate(ARCHITECTURES)
]


def outcome(architecture: str, variant: str, normalizing: bool, folder: Path) -> str:
    """`exact`, `refused: ` with the reason, or `differs: ` with how many values of how many."""
    net = network(architecture, normalizing=normalizing)
    model = quantized(net, variant, folder)
    samples = net.samples(16)
    try:
        graph = nc.load_graph(model)
        run = nc.simulate(nc.compile(graph, chip="ideal"), samples, timing="none")
    except UnsupportedOpError as error:
        return f"refused: {error}"
    theirs = oracle_onnxruntime.run(model, samples)
    assert run.values.shape == theirs.shape
    rounding = ROUNDING if graph.tail else 0
    same = np.isclose(run.values, theirs, rtol=rounding, atol=rounding)
    if same.all():
        return "exact"
    return f"differs: {np.count_nonzero(~same)} of {same.size}, notes {graph.notes}"


def is_as_documented(architecture: str, found: str) -> bool:
    if found.startswith("refused: "):
        return len(re.findall("|".join(REFUSED), found)) == len(found.splitlines()) - 1
    if architecture in PARTIAL_AVERAGES:
        return found == "exact" or "sums of part of a map are rounded once" in found
    return found == "exact"


@pytest.mark.parametrize(("architecture", "variant", "normalizing"), FEW)
def test_a_quantized_network_is_exact_or_refused_for_a_reason(
    architecture, variant, normalizing, tmp_path
):
    found = outcome(architecture, variant, normalizing, tmp_path)
    assert is_as_documented(architecture, found), found
    if architecture != "squeeze_excite":
        assert not found.startswith("refused")


@pytest.mark.slow
def test_95_of_100_quantized_networks_are_exact_on_ideal(tmp_path):
    found = {case: outcome(*case, tmp_path) for case in CASES}
    wrong = {case: told for case, told in found.items() if not is_as_documented(case[0], told)}
    assert wrong == {}
    counted = Counter(
        (variant, told.partition(":")[0])
        for (architecture, variant, _), told in found.items()
        if architecture not in PARTIAL_AVERAGES
    )
    for (variant, what), count in sorted(counted.items()):
        print(f"{variant}: {count} {what}")
    exact = sum(count for (_, what), count in counted.items() if what == "exact")
    assert exact >= 0.95 * counted.total()
