__version__ = "0.1.0"
"""The version of neurosim, alone in a file so that packaging can read it without importing anything."""
