"""Which parts may stand in one place of a chip, by the name that `part` has in a file; a part is one line here."""

from __future__ import annotations

from hardware_models.ekv import Transistor
from hardware_models.mirror import MeasuredMirror
from hardware_models.ota import MeasuredOta, Ota
from hardware_models.resistor import Resistor

COUPLINGS = {"ota": Ota, "measured_ota": MeasuredOta, "resistor": Resistor}
MIRRORS = {"transistors": Transistor, "measured": MeasuredMirror}
