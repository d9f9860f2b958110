"""Files in and out: data sets and result files; knows no engine and no chip."""

from neurosim.io.atomic import check_writable
from neurosim.io.datasets import Dataset, load_dataset
from neurosim.io.hdf5 import read_result, write_result

__all__ = ["Dataset", "check_writable", "load_dataset", "read_result", "write_result"]
