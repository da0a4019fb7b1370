"""Settings by layer beat the best single choice for all layers, on networks with real weights.

By default the smallest; NEUROCHIP_ACCEPT=all runs those of docs/tune.md, with its samples.
"""

from __future__ import annotations

import numpy as np
import pytest

import neurochip as nc
from test_acceptance import EVERYTHING, scaled, zoo_model

SEARCHES = {
    "mnist_mlp": ("mnist", 0.5, 1000, 1000),
    "mnist_dscnn": ("mnist", 0.5, 1000, 1000),
    "mnist_lenet": ("mnist", 0.5, 1000, 1000),
    "cifar10_vgg_max": ("cifar10", 1.0, 200, 400),
    "cifar10_resnet": ("cifar10", 1.0, 200, 1500),
}
"""Data set, points that may be lost, samples of the search and held out."""


@pytest.mark.parametrize("network", SEARCHES if EVERYTHING else ["mnist_mlp"])
def test_layers_beat_one_choice_for_all_of_them(data, network):
    data_set, max_loss, searched, unseen = SEARCHES[network]
    archive = np.load(data / f"{data_set}.npz")
    x, calibration = (scaled(archive[name]) for name in ("x_test", "x_calibration"))
    image = nc.compile(zoo_model(data, network, "uint8_qdq"), calibration=calibration[:256])
    whole = nc.Samples(x, archive["y_test"])
    held_out = whole.between(searched, searched + unseen)
    tuned = nc.tune(image, whole.first(searched), held_out, max_loss)
    assert tuned.best_uniform is not None
    dense = tuned.dense.tried.evaluation.sops
    ours, uniform = (each.tried.evaluation.sops for each in (tuned.found, tuned.best_uniform))
    print(f"tuned: {1 - ours / dense:.2%} fewer SOPs, one choice {1 - uniform / dense:.2%}")
    assert ours < uniform
    assert tuned.found.held_out.loss(tuned.dense.held_out) <= max_loss
