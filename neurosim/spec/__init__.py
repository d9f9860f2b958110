"""What is to be computed, unit-free: network, method, task, run; knows neither engines nor silicon."""

from neurosim.spec.asleep import asleep
from neurosim.spec.deviations import (
    ControllerDeviations,
    DendriteDeviations,
    Deviations,
    LayerDeviations,
    PopulationDeviations,
)
from neurosim.spec.given_weights import GIVEN_FORMATS, GivenWeights
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import ACTIVATIONS, Network
from neurosim.spec.noise_source import NoiseSource
from neurosim.spec.optimizer import Optimizer
from neurosim.spec.protocol import Protocol
from neurosim.spec.reader import Spec, read_spec, read_spec_text, write_spec
from neurosim.spec.run import Run
from neurosim.spec.sleep import Sleep
from neurosim.spec.task import Task

__all__ = [
    "ACTIVATIONS",
    "GIVEN_FORMATS",
    "ControllerDeviations",
    "DendriteDeviations",
    "Deviations",
    "GivenWeights",
    "LayerDeviations",
    "MethodSettings",
    "Network",
    "NoiseSource",
    "Optimizer",
    "PopulationDeviations",
    "Protocol",
    "Run",
    "Sleep",
    "Spec",
    "Task",
    "asleep",
    "read_spec",
    "read_spec_text",
    "write_spec",
]
