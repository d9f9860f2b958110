"""What is to be computed, unit-free: network, method, task, run; knows neither engines nor silicon."""

from neurosim.spec.deviations import ControllerDeviations, Deviations, LayerDeviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import ACTIVATIONS, Network
from neurosim.spec.protocol import Protocol
from neurosim.spec.reader import Spec, read_spec, write_spec
from neurosim.spec.run import Run
from neurosim.spec.task import Task

__all__ = [
    "ACTIVATIONS",
    "ControllerDeviations",
    "Deviations",
    "LayerDeviations",
    "MethodSettings",
    "Network",
    "Protocol",
    "Run",
    "Spec",
    "Task",
    "read_spec",
    "write_spec",
]
