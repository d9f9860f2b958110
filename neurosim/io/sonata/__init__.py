"""Results as SONATA circuits, which other simulators and libsonata read; knows no engine.

Source: SONATA format specification of the Allen Institute and the Blue Brain Project, 0.1.
"""

from neurosim.io.sonata.write import write_sonata

__all__ = ["write_sonata"]
