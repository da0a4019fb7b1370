"""The Network while it grows: populations, connectors, and where each tensor lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..chip import Chip
from ..formats import Tensor
from ..graph import Graph
from ..layers import Weighted
from ..network import (
    Code,
    Connector,
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    InputNeurons,
    MaxPoolNeurons,
    Model,
    OneToOneConnector,
    PoolConnector,
    Population,
    PopulationFacts,
    Projection,
    Readout,
    SpikeCode,
    Window,
)
from ..network.populations import keeps_codes
from ..settings import Settings
from .calibration import Calibration
from .layout import NOWHERE, View, neuron_shape
from .schedule.pipeline import Pipeline
from .schedule.relays import relay
from .weighted import Registers


class Unsupported(Exception):
    """A layer that this code cannot express on this chip, with the reason."""


class Impossible(Exception):
    """A setting that this layer or this chip cannot follow, with the reason."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A spike code as lowering speaks it: all that differs between one code and another."""

    name: str
    neurons: str
    """What its neurons are called."""
    layers: Mapping[type[Any], Callable[[Builder, Any], None]]
    """What lowers each kind of layer."""
    choose_code: Callable[[Tensor], Code]
    """What a tensor is sent as."""
    relay: Callable[[Builder, View, Tensor], Population]
    """Adds neurons that repeat a tensor's values in its own shape."""
    schedule: Callable[[Sequence[Population], Sequence[Projection]], Pipeline]
    """Gives every population its window, with what it takes to keep to it."""


class Builder:
    """Collects what lowering makes, layer by layer."""

    def __init__(
        self,
        graph: Graph,
        chip: Chip,
        calibration: Calibration | None,
        settings: Settings,
        dialect: Dialect,
    ) -> None:
        """Starts with the input population."""
        self.dialect = dialect
        self.graph = graph
        self.registers = Registers.of(chip)
        self.calibration = calibration
        self.settings = settings
        self.populations: dict[str, Population] = {}
        self.projections: list[Projection] = []
        self.views: dict[str, View] = {}
        self.readouts: dict[str, Readout] = {}
        self.notes: list[str] = []
        code = self.code_for(graph.input)
        facts = PopulationFacts("Input", "exact", tensor=graph.input.name, proven=keeps_codes(code))
        self.add(graph.input, "input", code, InputNeurons(), facts)

    def population(self, name: str) -> Population:
        """The population of this name."""
        return self.populations[name]

    def add(
        self,
        tensor: Tensor,
        layer: str,
        code: Code | None,
        model: Model,
        facts: PopulationFacts,
    ) -> Population:
        """Adds the population that holds a tensor, and the tensor's view of it."""
        name, shape = self.unused_name(layer), neuron_shape(tensor.shape)
        self.populations[name] = Population(name, layer, shape, code, model, facts)
        self.views[tensor.name] = View.of(name, tensor.shape)
        return self.populations[name]

    def unused_name(self, wanted: str) -> str:
        """The name, or the first numbered one that no population has."""
        names = chain([wanted], (f"{wanted} ({number})" for number in count(2)))
        return next(name for name in names if name not in self.populations)

    def connect(self, source: str, target: str, connector: Connector) -> None:
        """Adds a projection."""
        self.projections.append(Projection(source, target, connector))

    def stand_in(self, tensor: Tensor) -> None:
        """Lets lowering go on after a refused layer, so that all refusals are found at once."""
        nothing = PopulationFacts("", "exact")
        self.add(tensor, f"refused {tensor.name}", self.code_for(tensor), InputNeurons(), nothing)

    def code_for(self, tensor: Tensor) -> Code:
        """What a tensor is sent as."""
        return self.dialect.choose_code(tensor)

    def choose_code(self, tensor: Tensor) -> SpikeCode:
        """The bits that a tensor is sent as, by STEM neurons."""
        code = self.code_for(tensor)
        assert isinstance(code, SpikeCode)
        return code

    def sent_by(self, part: str) -> Code:
        """The code that a population sends.

        Raises:
            Unsupported: If it sends none.
        """
        code = self.population(part).code
        if code is None:
            raise Unsupported(f"it reads {part!r}, whose accumulators are not quantized")
        return code

    def code_of(self, part: str) -> SpikeCode:
        """The bits that a population of STEM neurons sends.

        Raises:
            Unsupported: If it sends none.
        """
        code = self.sent_by(part)
        assert isinstance(code, SpikeCode)
        return code

    def natural(self, tensor: Tensor) -> View:
        """The tensor as one population of its own shape; relayed there if it is not yet."""
        view = self.views[tensor.name]
        natural = view.is_natural(self.population(view.parts[0]).shape)
        return view if natural else self.relay(view, tensor)

    def single(self, view: View, tensor: Tensor) -> View:
        """The view as neurons of one population; relayed if they are spread."""
        return view if len(view.parts) == 1 else self.relay(view, tensor)

    def relay(self, view: View, tensor: Tensor) -> View:
        """Adds neurons that repeat a tensor's values in its own shape, one window later."""
        population = self.dialect.relay(self, view, tensor)
        self.notes.append(
            f"{tensor.name!r} is rearranged by {population.num_neurons} relay neurons, "
            "one window of time"
        )
        return self.views[tensor.name]

    def apart(self, *views: View) -> tuple[View, ...]:
        """Views whose parts can all reach one population.

        A population and its own maximum send at most a window apart whatever the schedule, so one
        of the two is repeated by relay neurons, which can wait.
        """
        delays: dict[str, int] = {}
        names: dict[str, str] = {}
        for name in dict.fromkeys(name for view in views for name in view.parts):
            root, delay = self._streamed_from(name)
            met = delays.setdefault(root, delay) != delay
            names[name] = self._repeated(name) if met else name
        return tuple(replace(view, parts=tuple(names[p] for p in view.parts)) for view in views)

    def _streamed_from(self, name: str) -> tuple[str, int]:
        """The population that a chain of streaming ones repeats, and how many timesteps later."""
        delay = 0
        while isinstance(self.population(name).model, MaxPoolNeurons):
            name = next(each.source for each in self.projections if each.target == name)
            delay += 1
        return name, delay

    def _repeated(self, name: str) -> str:
        """Neurons that send what a population sends, one window or more later."""
        source = self.population(name)
        repeat = self.unused_name(f"relay of {name}")
        self.populations[repeat] = relay(repeat, source)
        self.connect(name, repeat, OneToOneConnector(1, None))
        self.notes.append(
            f"{name!r} is repeated by {source.num_neurons} relay neurons, one window of time, "
            "because its own maximum reaches the same layer"
        )
        return repeat

    def connect_values(self, view: View, target: str, weight: int) -> None:
        """One-to-one projections from wherever a tensor's values live."""
        shape = self.population(target).shape
        for part, name in enumerate(view.parts):
            same = view.is_natural(shape) and self.population(name).shape == shape
            index = None if same else view.sources_in(part)
            self.connect(name, target, OneToOneConnector(weight, index))

    def offsets(self, view: View, zero_point: int) -> NDArray[np.int64]:
        """Of the tensor's shape: by how much the value sent for a code exceeds `code - zero_point`.

        Zero where no neuron holds the value: nothing is sent for the zero point, nor missing.
        """
        offsets = np.zeros(view.neuron.shape, np.int64)
        for part, name in enumerate(view.parts):
            here = (view.part == part) & (view.neuron != NOWHERE)
            offsets[here] = zero_point - self.sent_by(name).base
        return offsets


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
