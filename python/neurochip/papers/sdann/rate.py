"""Rate coding, simulated: what integrate-and-fire neurons send, and answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...chip import load as load_chip
from ...image import assemble
from ...lower import lower
from ...options import CompileOptions
from ...placement import Placement
from ...simulate import simulate
from ...tune import Evaluation
from ..boards import network_of, placed, placed_on_a_board
from ..networks import Subject
from ..suite import SuiteOptions
from .chips import IDEAL
from .codes import rate_name
from .facts import RECORDED_SAMPLES, answers


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """One trained network in a rate code, on the samples recorded."""

    layers: Mapping[str, float]
    """SOPs of a sample into each layer."""
    answers: Evaluation

    @property
    def sops(self) -> float:
        """Of a sample, all layers together."""
        return sum(self.layers.values())


def simulated(subject: Subject, timesteps: int, options: SuiteOptions) -> Simulated:
    """Runs `--code rate` on exact membranes, its highest rates from calibration samples."""
    options.tell(f"{subject.name}: {rate_name(timesteps)}")
    return _run(subject, placed(subject, IDEAL, "rate", None, _of(timesteps)), options)


def simulated_at_level_255(subject: Subject, timesteps: int, options: SuiteOptions) -> Simulated:
    """The same without calibration samples: the highest rate is that of the highest level."""
    options.tell(f"{subject.name}: {rate_name(timesteps)}, without calibration")
    network = lower(subject.graph, load_chip(IDEAL), "rate", None, options=_of(timesteps))
    return _run(subject, placed_on_a_board(network, IDEAL), options)


def _of(timesteps: int) -> CompileOptions:
    return CompileOptions(t_max=timesteps)


def _run(subject: Subject, placement: Placement, options: SuiteOptions) -> Simulated:
    few, image = subject.first(RECORDED_SAMPLES), assemble(placement, graph=subject.graph)
    run = simulate(image, few.x, timing="none", threads=options.threads, compare=False)
    found = answers(run, few)
    assert found is not None, "the network is trained"
    layer_of = {each.name: each.layer for each in network_of(image).populations}
    layers: dict[str, float] = {}
    for name, sops in zip(
        run.population_names, run.by_population["sops"].mean(axis=0), strict=True
    ):
        layers[layer_of[name]] = layers.get(layer_of[name], 0.0) + float(sops)
    return Simulated(layers, found)
