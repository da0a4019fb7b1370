"""The Network while it grows: populations, projections, and where each tensor lives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..formats import Tensor
from ..graph import Graph
from .codes import choose_code
from .network import (
    Arithmetic,
    Connector,
    Fixed,
    Input,
    Lowering,
    OneToOne,
    Population,
    Projection,
    SpikeCode,
    Stem,
)
from .registers import Registers
from .views import NOWHERE, View, neuron_shape, to_neurons


class Unsupported(Exception):
    """A layer that this code cannot express on this chip, with the reason."""


class Builder:
    """Collects what lowering makes, layer by layer."""

    def __init__(
        self,
        graph: Graph,
        chip: Chip,
        seen: Mapping[str, NDArray[Any]] | None,
        headroom: float,
    ) -> None:
        """Starts with the input population; `seen` are the codes of the calibration samples."""
        self.graph = graph
        self.registers = Registers.of(chip)
        self.seen = seen
        self.headroom = headroom
        self.populations: list[Population] = []
        self.projections: list[Projection] = []
        self.views: dict[str, View] = {}
        self.lowerings: list[Lowering] = []
        self.arithmetic: dict[str, Arithmetic] = {}
        self.readout_bias: dict[str, NDArray[np.int64]] = {}
        self.notes: list[str] = []
        self.add(graph.input, "input", "Input", choose_code(graph.input), Input())

    def population(self, name: str) -> Population:
        """The population of this name."""
        return next(population for population in self.populations if population.name == name)

    def add(
        self,
        tensor: Tensor,
        layer: str,
        kind: str,
        code: SpikeCode | None,
        model: Any,
        name: str | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Population:
        """Adds a population that holds a tensor, and the tensor's view of it."""
        shape = tensor.shape if shape is None else shape
        wanted = name or layer
        taken = {population.name for population in self.populations}
        unique = next(
            n for n in (wanted, *(f"{wanted} ({i})" for i in range(2, 10**6))) if n not in taken
        )
        population = Population(unique, layer, kind, neuron_shape(shape), code, model)
        self.populations.append(population)
        if name is None:
            self.views[tensor.name] = View.of(unique, shape)
        return population

    def connect(self, source: str, target: str, connector: Connector) -> None:
        """Adds a projection."""
        self.projections.append(Projection(source, target, connector))

    def stand_in(self, tensor: Tensor) -> None:
        """Lets lowering go on after a refused layer, so that all refusals are found at once."""
        self.add(tensor, f"refused {tensor.name}", "", choose_code(tensor), Input())

    def code_of(self, part: str) -> SpikeCode:
        """The code that a population sends."""
        code = self.population(part).code
        assert code is not None, "only the output is read from membranes, and nothing follows it"
        return code

    def natural(self, tensor: Tensor) -> View:
        """The tensor as one population of its own shape; relayed there if it is not yet."""
        view = self.views[tensor.name]
        if len(view.parts) == 1 and view.is_natural(self.population(view.parts[0]).shape):
            return view
        return self.relay(view, tensor)

    def single(self, view: View, tensor: Tensor) -> View:
        """The view as neurons of one population; relayed if they are spread."""
        return view if len(view.parts) == 1 else self.relay(view, tensor)

    def relay(self, view: View, tensor: Tensor) -> View:
        """Adds neurons that repeat a tensor's values in its own shape, one window later."""
        code = choose_code(tensor)
        bias = np.zeros(tensor.shape, np.int64)
        for part, name in enumerate(view.parts):
            bias += np.where(view.part == part, self.code_of(name).base - code.base, 0)
        zero = tensor.format.zero_point - code.base
        bias = np.where(view.neuron == NOWHERE, zero, bias)
        one = np.ones(1, np.int64)
        model = Stem(
            None,
            compressed(bias, tensor.shape),
            Fixed(one, 0 * one, 0 * one),
            tensor.low - code.base,
            tensor.high - code.base,
        )
        population = self.add(tensor, f"relay of {tensor.name}", "Relay", code, model)
        self.connect_values(view, population.name, 1)
        self.notes.append(
            f"{tensor.name!r} is rearranged by {population.num_neurons} relay neurons, "
            "one window of time"
        )
        return self.views[tensor.name]

    def connect_values(self, view: View, target: str, weight: int) -> None:
        """One-to-one projections from wherever a tensor's values live."""
        shape = self.population(target).shape
        for part, name in enumerate(view.parts):
            direct = len(view.parts) == 1 and view.is_natural(self.population(name).shape)
            same = direct and self.population(name).shape == shape
            self.connect(name, target, OneToOne(weight, None if same else view.sources_in(part)))

    def offsets(self, view: View, zero_point: int) -> NDArray[np.int64]:
        """Of the tensor's shape: by how much the value sent exceeds `code - zero_point`.

        Zero where no neuron holds the value: nothing is sent for the zero point, and nothing is
        missing.
        """
        offsets = np.zeros(view.neuron.shape, np.int64)
        for part, name in enumerate(view.parts):
            here = (view.part == part) & (view.neuron != NOWHERE)
            offsets[here] = zero_point - self.code_of(name).base
        return offsets


def compressed(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Values that broadcast to a tensor, as one, one a channel or one a neuron."""
    if values.size and bool((values == values.flat[0]).all()):
        return np.array([values.flat[0]], values.dtype)
    if len(shape) == 3:
        whole = np.broadcast_to(values, shape)
        if bool((whole == whole[:, :1, :1]).all()):
            return np.ascontiguousarray(whole[:, 0, 0])
    return np.ascontiguousarray(to_neurons(values, shape))
