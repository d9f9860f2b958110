"""From network, method and chip to a `Model`: equations with units as plain data; builds no Brian2 object."""

from neurosim.equations.assemble import assemble
from neurosim.equations.describe import describe
from neurosim.equations.design import Design
from neurosim.equations.deviations import designed_deviations, deviations_of, drawn_onto
from neurosim.equations.model import Model

__all__ = [
    "Design",
    "Model",
    "assemble",
    "describe",
    "designed_deviations",
    "deviations_of",
    "drawn_onto",
]
