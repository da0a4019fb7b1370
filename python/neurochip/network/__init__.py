"""Network: populations of neurons and the projections between them, as plain data.

| file | what |
|---|---|
| `spike_codes.py` | what a value is as spikes |
| `neurons.py` | what neurons compute: models and their parameters |
| `connectors.py` | which synapses lie between two populations |
| `facts.py` | what is proven of a population, or was measured |
| `populations.py` | neurons of one model with one schedule, and what the host reads |
| `network.py` | all of it together |
| `flow.py` | who receives from whom |
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
from .network import Network
from .neurons import (
    AddRequantizer,
    ConstantNeurons,
    DoubleIntegration,
    FixedRequantizer,
    Float32Requantizer,
    InputNeurons,
    IntegrateFireNeurons,
    MaxPoolNeurons,
    Model,
    QuartzNeurons,
    Requantizer,
    ScaledIntegration,
    Sparsity,
    StemNeurons,
    TableRequantizer,
)
from .populations import Population, Read, Readout, Shape
from .spike_codes import (
    MEANING,
    Code,
    FirstSpike,
    Rate,
    SpikeCode,
    code_description,
    code_meaning,
    code_of,
)

__all__ = [
    "MEANING",
    "AddRequantizer",
    "Code",
    "Connector",
    "ConstantNeurons",
    "ConvolutionConnector",
    "DenseConnector",
    "DepthwiseConnector",
    "DoubleIntegration",
    "FirstSpike",
    "FixedRequantizer",
    "Float32Requantizer",
    "Flow",
    "InputNeurons",
    "IntegrateFireNeurons",
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
    "Read",
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
    "code_description",
    "code_meaning",
    "code_of",
]
