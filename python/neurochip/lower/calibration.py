"""Calibration: what sample inputs look like at each layer, computed only where someone asks.

Layers are evaluated in order, no further than to the tensor that is asked for: on a chip where
every layer is exact none is, unless all sums are to be measured. Codes are dropped once nothing to
come reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from ..formats import Tensor
from ..layers import Layer


class Calibration:
    """Codes of the calibration samples, tensor by tensor."""

    def __init__(
        self,
        source: Tensor,
        codes: NDArray[Any],
        layers: Sequence[Layer],
        measures_all_sums: bool = False,
    ) -> None:
        """Starts with the codes of the network's input; `layers` are all that will be lowered."""
        self.measures_all_sums = measures_all_sums
        self._codes: dict[str, NDArray[Any]] = {source.name: codes}
        self._pending = iter(layers)
        # Every layer reads its inputs twice: when it is lowered and when it is evaluated.
        self._reads = Counter(2 * [tensor.name for layer in layers for tensor in layer.inputs])

    @property
    def held(self) -> set[str]:
        """Names of the tensors whose codes are kept at the moment."""
        return set(self._codes)

    def of(self, tensor: Tensor) -> NDArray[Any]:
        """The codes of an input of the layer that is lowered next."""
        while tensor.name not in self._codes:
            layer = next(self._pending)
            codes = layer.evaluate(*(self._codes[source.name] for source in layer.inputs))
            self._codes[layer.output.name] = codes
            self.release(layer)
        return self._codes[tensor.name]

    def release(self, layer: Layer) -> None:
        """Says that a layer was evaluated, or lowered."""
        for tensor in layer.inputs:
            self._reads[tensor.name] -= 1
            if not self._reads[tensor.name]:
                self._codes.pop(tensor.name, None)
