"""Network: populations of neurons and the projections between them, as plain data.

| file | what |
|---|---|
| `spike_codes.py` | what a value is as spikes |
| `neurons.py` | what neurons compute: models and their parameters |
| `populations.py` | neurons of one model with one schedule, what is known of them, their synapses |
| `host.py` | what the host does before the first spike and after the last |
| `network.py` | all of it together, and who receives from whom |
| `codec.py` | all of it as an image has it, and back |
"""

from __future__ import annotations

from .host import Host, Reading
from .network import Flow, Network
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
from .populations import (
    NOWHERE,
    Connector,
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    OneToOneConnector,
    PoolConnector,
    Population,
    PopulationFacts,
    Projection,
    Readout,
    Shape,
    WeightRange,
    Window,
)
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
