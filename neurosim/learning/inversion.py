"""How the error is turned into a displacement of each layer; knows no engine."""

from __future__ import annotations

import attrs


@attrs.frozen
class Simulated:
    """The closed loop of network and PI controller runs as dynamics, on a chip (eq. 1, 4)."""


@attrs.frozen
class Solved:
    """The linearised loop is solved: Q (J Q + α̃ I)⁻¹ δ_L (Lemma 1)."""


@attrs.frozen
class OpenLoop:
    """No loop: the error goes down the feedback path once."""


Inversion = Simulated | Solved | OpenLoop
