"""Scaled integration, written out from docs/neurons.md, section 3.2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.layers import Weighted
from neurochip.lower import Network
from neurochip.network import FixedRequantizer, ScaledIntegration, StemNeurons


def scaled_by_hand(
    network: Network, layer: Weighted, codes: NDArray[Any], bits: int = 16
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A layer's output codes, and which of them come from a membrane that overflowed.

    Registers wrap, and each value of the input is held by a neuron.
    """
    (target,) = (each for each in network.populations if each.layer == layer.name)
    (source,) = (each.source for each in network.projections if each.target == target.name)
    sent, model = network.population(source).code, target.model
    assert isinstance(model, StemNeurons)
    assert isinstance(model.integration, ScaledIntegration)
    assert isinstance(model.requantizer, FixedRequantizer)
    values = codes.astype(np.int64) - sent.base
    membrane = np.zeros((len(codes), *layer.output.shape), np.int64)
    overflowed = np.zeros(membrane.shape, bool)
    for step in range(sent.bits):
        sums = layer.linear((values >> (sent.bits - 1 - step)) & 1)
        sign = -1 if sent.signed and step == 0 else 1
        k = sign * _by_channel(model.integration.coefficients[:, step], membrane.ndim)
        f = _by_channel(model.integration.shift, membrane.ndim)
        membrane, outside = _kept(membrane + (sums * k + (1 << f >> 1) >> f), bits)
        overflowed |= outside
    bias, m, offset, shift = (
        _by_position(np.resize(constants, int(np.prod(layer.output.shape))), layer)
        for constants in (
            model.bias,
            model.requantizer.multiplier,
            model.requantizer.offset,
            model.requantizer.shift,
        )
    )
    membrane, outside = _kept(membrane + bias, bits)
    sent_values = np.clip((membrane * m + offset) >> shift, model.low, model.high)
    assert target.code is not None
    return sent_values + target.code.base, overflowed | outside


def _kept(membrane: NDArray[np.int64], bits: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """What a register keeps of its values, and which of them it cannot hold."""
    outside = (membrane < -(1 << bits - 1)) | (membrane >= 1 << bits - 1)
    return (membrane + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1), outside


def _by_position(of_neurons: NDArray[np.int64], layer: Weighted) -> NDArray[np.int64]:
    """In the output's shape what stands in the order of neurons, whose channels are innermost."""
    channels_last = of_neurons.reshape(-1, layer.output.shape[0])
    return channels_last.T.reshape(layer.output.shape)


def _by_channel(values: NDArray[np.int64], ndim: int) -> NDArray[np.int64]:
    return values.reshape(1, -1, *(1,) * (ndim - 2))
