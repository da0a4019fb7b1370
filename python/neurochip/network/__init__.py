"""Network: populations of neurons and the projections between them, as plain data.

| file | what |
|---|---|
| `spike_codes.py` | what a value is as spikes |
| `neurons.py` | what neurons compute: models and their parameters |
| `connectors.py` | which synapses lie between two populations |
| `facts.py` | what is proven of a population, or was measured |
| `populations.py` | neurons of one model with one schedule, and what the host reads |
| `host.py`, `reading.py` | what the host does before the first spike and after the last |
| `network.py` | all of it together |
| `flow.py` | who receives from whom |
| `stored.py`, `codec.py` | all of it as an image has it, and back |
"""

from __future__ import annotations

from .connectors import (
    Connector,
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    OneToOneConnector,
    PoolConnector,
    Projection,
    WeightRange,
    Window,
)
from .facts import PopulationFacts
from .flow import Flow
from .host import Host
from .network import Network
from .neurons import (
    AddRequantizer,
    ConstantNeurons,
    DoubleIntegration,
    ExactIntegration,
    FixedRequantizer,
    Float32Requantizer,
    InputNeurons,
    IntegrateFireNeurons,
    Integration,
    MaxPoolNeurons,
    Model,
    QuartzNeurons,
    Requantizer,
    ScaledIntegration,
    Sparsity,
    StemNeurons,
    TableRequantizer,
)
from .populations import NOWHERE, Population, Readout, Shape
from .reading import Reading
from .spike_codes import Code, FirstSpike, Rate, SpikeCode

__all__ = [
    "NOWHERE",
    "AddRequantizer",
    "Code",
    "Connector",
    "ConstantNeurons",
    "ConvolutionConnector",
    "DenseConnector",
    "DepthwiseConnector",
    "DoubleIntegration",
    "ExactIntegration",
    "FirstSpike",
    "FixedRequantizer",
    "Float32Requantizer",
    "Flow",
    "Host",
    "InputNeurons",
    "IntegrateFireNeurons",
    "Integration",
    "MaxPoolNeurons",
    "Model",
    "Network",
    "OneToOneConnector",
    "PoolConnector",
    "Population",
    "PopulationFacts",
    "Projection",
    "QuartzNeurons",
    "Rate",
    "Reading",
    "Readout",
    "Requantizer",
    "ScaledIntegration",
    "Shape",
    "Sparsity",
    "SpikeCode",
    "StemNeurons",
    "TableRequantizer",
    "WeightRange",
    "Window",
]
