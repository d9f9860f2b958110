"""Files in and out: data sets and result files; knows no engine and no chip."""

from neurosim.io.atomic import check_writable
from neurosim.io.datasets import Dataset, load_dataset
from neurosim.io.formats import FORMATS, export_result
from neurosim.io.hdf5 import open_result, read_result, write_result
from neurosim.io.weights import import_spec, load_weights

__all__ = [
    "FORMATS",
    "Dataset",
    "check_writable",
    "export_result",
    "import_spec",
    "load_dataset",
    "load_weights",
    "open_result",
    "read_result",
    "write_result",
]
