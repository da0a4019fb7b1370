"""Values behind: what RoT and DRLO change in layers behind, against twins that lean to no side."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import neurochip as nc
from neurochip.lower import LayerSettings
from neurochip.network import SpikeCode
from neurochip.papers.networks import Subject
from neurochip.papers.sdann.behind import behind_of, table, twin_values
from neurochip.papers.sdann.facts import UNIFORM, measured, sparse_values
from neurochip.papers.suite import SuiteOptions
from neurochip.papers.synthetic import LABEL

SIGNED = SpikeCode(8, True, 0)


def test_a_rounding_twin_rounds_halves_to_even():
    values = np.array([0, 1, 2, 3, 6, 127, -2, -6], np.int16)
    twin = twin_values(values, SIGNED, LayerSettings(rot=2))
    assert twin.tolist() == [0, 0, 0, 4, 8, 124, 0, -8]
    rounded = sparse_values(values, SIGNED, LayerSettings(rot=2))
    assert rounded.tolist() == [0, 0, 4, 4, 8, 124, 0, -4]


def test_a_dropping_twin_drops_of_the_magnitude():
    values = np.array([-1, -127, 127, 5], np.int16)
    twin = twin_values(values, SIGNED, LayerSettings(drlo=3))
    assert twin.tolist() == [-1, -112, 112, 5]
    # -1 is 11111111 in two's complement: its first three spikes are -128 + 64 + 32.
    dropped = sparse_values(values, SIGNED, LayerSettings(drlo=3))
    assert dropped.tolist() == [-32, -127, 112, 5]


@pytest.fixture(scope="module")
def residual(request):
    root = request.config.rootpath
    pictures = np.load(root / "examples/digits.npz")
    x = (pictures["x"][:20, None] / np.float32(255)).astype(np.float32)
    graph = nc.load_graph(root / "tests/data/zoo/digits_resnet/uint8_qdq.onnx")
    return Subject("cifar10_resnet", LABEL, graph, x, None, x)


def test_what_changes_behind_is_what_the_chip_s_sops_leave_to_be_explained(residual, tmp_path):
    facts = measured(residual, SuiteOptions(folder=tmp_path))
    for choice, (behind,) in behind_of(residual, sparse_values).items():
        effect = facts.effects[choice]
        left = facts.outcomes[choice].change(facts.dense) + effect.left_out - effect.added
        assert behind == pytest.approx(left, abs=1e-9)


def test_twins_change_less_behind_than_the_settings_do(residual):
    bench = SimpleNamespace(
        subjects=[residual],
        size=SimpleNamespace(synthetic=()),
        options=SimpleNamespace(tell=lambda doing: None),
    )
    rows = table(bench).rows
    assert [row[1] for row in rows] == [choice.sparsity for choice in UNIFORM]
    assert all(abs(row[3]) < abs(row[2]) for row in rows if abs(row[2]) > 1)
