"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import neurochip as nc

ROOT = Path(__file__).parents[1]


def pytest_configure() -> None:
    """Lets Ctrl-C interrupt: what a shell starts in the background inherits an ignored one."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of networks and samples that the repository ships."""
    return ROOT / "examples"


@pytest.fixture(scope="session")
def digits_pictures(examples: Path) -> NDArray[np.float32]:
    """All test images of the digits, (samples, 1, 8, 8), as networks take them."""
    x = np.load(examples / "digits.npz")["x"].astype(np.float32) / np.float32(255)
    return x[:, None]


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of data sets that the repository does not ship; without it a test is skipped."""
    folder = os.environ.get("NEUROCHIP_DATA")
    if not folder:
        pytest.skip("NEUROCHIP_DATA is not set: no MNIST, no CIFAR-10")
    return Path(folder)


def known(image: nc.Image) -> list[tuple[object, ...]]:
    """What an image says of its populations besides their parameters, to compare two images."""
    return [
        (each.name, each.shape, each.send_start, each.model_name, each.code, each.facts)
        for each in image.populations
    ]
