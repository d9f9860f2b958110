"""Result files: written and read again, bit for bit; knows no engine, and trusts no file it reads."""

from neurosim.io.hdf5.read import open_result, read_result
from neurosim.io.hdf5.write import write_result

__all__ = ["open_result", "read_result", "write_result"]
