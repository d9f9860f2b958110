"""Weights that were found elsewhere, out of files of several formats; knows no engine and no chip."""

from neurosim.io.weights.load import Loaded, load_weights
from neurosim.io.weights.specs import import_spec

__all__ = ["Loaded", "import_spec", "load_weights"]
