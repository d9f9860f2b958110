"""NIR: a rate network with its controller loop as a cyclic graph, and weights out of graphs from elsewhere."""

from neurosim.io.nir.write import write_nir

__all__ = ["write_nir"]
