"""Integrate-and-fire neurons: what is left after a spike stays (quartz.md, section 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..network import IntegrateFireNeurons, Rate
from .arrivals import Neurons
from .sent import Sent, sent_at_a_rate


def integrate_fire(neurons: Neurons, sent: Sequence[Sent]) -> Sent:
    """What integrate-and-fire neurons send for what their sources send, or their membranes."""
    model, population, registers = neurons.model, neurons.population, neurons.registers
    assert isinstance(model, IntegrateFireNeurons)
    start, bias, threshold = map(neurons.constants, (model.start, model.bias, model.threshold))
    code = population.code
    opens, closes = population.send_start, population.send_stop
    if code is None:
        # Membranes that are read are biased from the last source's first spike on.
        opens = max(branch.source.send_start for branch in neurons.arrivals.branches) + 1
        closes = population.send_start + 1
    shape = (len(sent[0].values), population.num_neurons)
    membranes = np.zeros(shape, np.int64) + start
    trains = np.zeros((shape[0], population.steps, shape[1]), np.bool_)
    timesteps = range(neurons.first_arrival, closes)
    arriving = neurons.arrivals.by_timestep(sent, timesteps)
    for timestep, sums in zip(timesteps, arriving, strict=True):
        added = membranes + sums + (bias if timestep >= opens else 0)
        membranes = registers.store(added, registers.membrane_bits)
        if isinstance(code, Rate) and timestep >= opens:
            fires = membranes >= threshold
            membranes = membranes - np.where(fires, threshold, 0)
            trains[:, timestep - opens] = fires
    if not isinstance(code, Rate):
        return Sent(None, membranes)
    return sent_at_a_rate(code, trains)
