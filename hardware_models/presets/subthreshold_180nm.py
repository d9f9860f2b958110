"""A first real chip: 180 nm CMOS in weak inversion, with shot noise and mismatch from geometry.

Mismatch constants and κ: GF180MCU 3.3 V n devices, pair A_VT 7.148 mV·µm, A_β .70 %·µm [R: sm141064.ngspice],
κ .696 [S]. Geometry, capacitors and bias scales are chosen, not taken from a chip; marks stand at the fields.
"""

from hardware_models.chip import Chip
from hardware_models.compartment import Comparator

SUBTHRESHOLD_180NM = Chip(
    name="subthreshold_180nm",
    noise=True,
    mismatch=True,
    railed=True,
    comparator=Comparator(auto_zero=True),
)
