"""How the error is turned into a displacement of each layer; knows no engine."""

from __future__ import annotations

import attrs


@attrs.frozen
class OpenLoop:
    """No loop: the error goes down the feedback path once."""


@attrs.frozen
class Solved:
    """The linearised loop is solved: Q (J Q + α̃ I)⁻¹ δ_L (Meulemans et al. 2021, Lemma 1), or one layer after
    the other B (W B − α I)⁻¹ δ (Podlaski and Machens 2020, eq. 10)."""


@attrs.frozen
class Simulated:
    """The closed loop of network and controller runs as dynamics, the controller acting on the neurons
    themselves (Meulemans et al. 2021, eq. 1 and 4)."""


@attrs.frozen
class PairsInTurn:
    """Every two layers invert as a loop of their own, from the output down, one after the other
    (Podlaski and Machens 2020, figure 2a)."""


@attrs.frozen
class PairsAtOnce:
    """The same loops all at once, each layer repeated: one population is controlled, one controls (figure 2b)."""


@attrs.frozen
class NonlinearChain:
    """One loop around all layers (figure 2c)."""


@attrs.frozen
class OutputRelaxation:
    """τ_{l−1} is moved by g_l(τ_l) − g_l(f_l(τ_{l−1})), all layers at once (Bengio 2020, section 6)."""


@attrs.frozen
class InputRelaxation:
    """u_l is moved by τ_l − f_l(g_l(u_l)), τ_{l−1} = g_l(u_l), all layers at once (Bengio 2020, section 5)."""


@attrs.frozen
class Iterated:
    """The same as steps of an iteration, not as dynamics, until nothing moves."""

    side: str
    """output or input of the decoder; once: a single correction of its output (section 5, last equation)."""


Inversion = (
    OpenLoop
    | Solved
    | Simulated
    | PairsInTurn
    | PairsAtOnce
    | NonlinearChain
    | OutputRelaxation
    | InputRelaxation
    | Iterated
)

DYNAMICAL = (Simulated, PairsInTurn, PairsAtOnce, NonlinearChain, OutputRelaxation, InputRelaxation)
"""Those that run as dynamics on a chip."""
