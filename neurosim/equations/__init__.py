"""From network, method and chip to a `Model`: equations with units as plain data; builds no Brian2 object."""

from neurosim.equations.assemble import assemble
from neurosim.equations.describe import describe
from neurosim.equations.design import Design
from neurosim.equations.deviations import deviations_of
from neurosim.equations.model import Model

__all__ = ["Design", "Model", "assemble", "describe", "deviations_of"]
