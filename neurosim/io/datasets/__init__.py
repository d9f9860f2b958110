"""The data sets a task can name; knows no network and no engine."""

from neurosim.io.datasets.dataset import Dataset
from neurosim.io.datasets.load import load_dataset

__all__ = ["Dataset", "load_dataset"]
