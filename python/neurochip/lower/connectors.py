"""Connectors of weighted layers, from the neurons that hold their input, for every spike code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..layers import Weighted
from ..network import (
    Connector,
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    PoolConnector,
    Window,
)
from .builder import Builder
from .layout import NOWHERE, View


def fold(builder: Builder, layer: Weighted, view: View) -> NDArray[np.int64]:
    """What the bias must add because a train carries `v`, not `q - Z`; of or like the output.

    Nothing is sent for padding, so a border neuron makes up only for the taps inside the map.
    """
    offsets = builder.offsets(view, layer.inputs[0].format.zero_point)
    if not offsets.any():
        return np.zeros((1,) * len(layer.output.shape), np.int64)
    folded: NDArray[np.int64] = -layer.linear(offsets[None])[0]
    return folded


def connector_of(builder: Builder, layer: Weighted, view: View) -> Connector:
    """The layer's weights, from the neurons that hold its input."""
    if isinstance(layer, layers.Dense):
        sources = builder.population(view.parts[0]).num_neurons
        return DenseConnector(_dense_weights(layer, view, sources))
    kernel = layer.kernel if isinstance(layer, layers.AveragePool) else layer.weights.shape[2:]
    pad = (layer.pads[0], layer.pads[1])
    window = Window((kernel[0], kernel[1]), layer.strides, pad, layer.dilations)
    if isinstance(layer, layers.AveragePool):
        return PoolConnector(window, np.ones(window.kernel, np.int32))
    channels_out, channels_in = layer.weights.shape[:2]
    if channels_in == 1 and layer.groups == channels_out:
        return DepthwiseConnector(window, layer.weights[:, 0].transpose(1, 2, 0))
    return ConvolutionConnector(window, layer.groups, layer.weights)


def _dense_weights(layer: layers.Dense, view: View, num_sources: int) -> NDArray[np.int32]:
    """(source neurons, targets): each feature's weights at the neuron that holds it."""
    features = np.flatnonzero(view.neuron != NOWHERE)
    neurons = view.neuron.ravel()[features]
    is_held_once = len(np.unique(neurons)) == len(neurons)
    if is_held_once and len(neurons) == num_sources:
        feature_of_neuron = np.empty(num_sources, np.intp)
        feature_of_neuron[neurons] = features
        return np.asarray(layer.weights.T[feature_of_neuron])
    weights = np.zeros((num_sources, len(layer.weights)), np.int32)
    if is_held_once:
        weights[neurons] = layer.weights.T[features]
    else:
        np.add.at(weights, neurons, layer.weights.T[features])
    return weights
