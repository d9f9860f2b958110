"""What a learning method is: feedback × inversion × plasticity, described once, interpreted twice."""

from neurosim.learning.feedback import Feedback, FixedDirect, LayerwiseTranspose
from neurosim.learning.inversion import Inversion, OpenLoop, Simulated, Solved
from neurosim.learning.methods import METHODS, Method, method_of
from neurosim.learning.plasticity import AtSteadyState, Controlled, Gradient, Plasticity

__all__ = [
    "METHODS",
    "AtSteadyState",
    "Controlled",
    "Feedback",
    "FixedDirect",
    "Gradient",
    "Inversion",
    "LayerwiseTranspose",
    "Method",
    "OpenLoop",
    "Plasticity",
    "Simulated",
    "Solved",
    "method_of",
]
