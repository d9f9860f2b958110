"""How the controller's output reaches the apical compartments, gains folded in; knows neither layers nor time."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from torch import Tensor

from neurosim.errors import SpecError
from neurosim.learning.feedback import FixedDirect, FixedRelayed, LearnedDirect, feedback_shapes
from neurosim.learning.methods import METHODS, method_of
from neurosim.reference.parameters import Parameters
from neurosim.reference.tensors import double
from neurosim.spec.deviations import Deviations
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network

CONTROLLED = (FixedDirect, LearnedDirect, FixedRelayed)
"""Feedback that starts at the controller and ends at the neurons."""


@attrs.frozen(kw_only=True, eq=False)
class Wiring:
    """v_fb,l → Q_l u (direct);  v_fb,L → R_L u,  v_fb,l → R_l v_fb,l+1 (relayed);  layers l = 1..L."""

    weights: tuple[Tensor, ...]
    """Q_l (n_l, n_L), or R_l (n_l, n_{l+1}) and R_L (n_L, n_L)."""
    relayed: bool
    of_compartments: bool = False
    """Whether what is relayed is v_fb,l+1 with a time constant of its own; else it is what drives it."""

    def drives(self, output: Tensor, apical: Sequence[Tensor] | None = None) -> tuple[Tensor, ...]:
        """What drives the apical compartment of each layer, (B, n_l).

        output : u, (B, n_L).
        apical : the compartments as they are now, which the next lower layer gets to see; None: they have no
            time constant, so that it sees their drive. Of no effect where the wiring is direct.
        """
        if not self.relayed:
            return tuple(output @ matrix.T for matrix in self.weights)
        drives = [output @ self.weights[-1].T]
        for position in range(len(self.weights) - 2, -1, -1):
            above = drives[-1] if apical is None else apical[position + 1]
            drives.append(above @ self.weights[position].T)
        return tuple(reversed(drives))

    @property
    def direct(self) -> tuple[Tensor, ...]:
        """Q_l = R_l ⋯ R_L, what lies between u and v_fb,l once all is at rest, in ideal compartments;
        (n_l, n_L) each."""
        if not self.relayed:
            return self.weights
        products = [self.weights[-1]]
        for matrix in reversed(self.weights[:-1]):
            products.append(matrix @ products[-1])
        return tuple(reversed(products))


def assemble_feedback(
    network: Network,
    parameters: Parameters,
    method: MethodSettings,
    *,
    deviations: Deviations | None = None,
) -> Wiring:
    """The feedback of a method from its controller, with the gains of a chip (None: ideal) folded in.

    Raises
    ------
    SpecError : no controller acts on the neurons in this method, or weights or gains do not fit it.
    """
    feedback = method_of(method.name).feedback
    if not isinstance(feedback, CONTROLLED):
        raise SpecError(
            f"{method.name} has no feedback from a controller to the neurons",
            where="method.name",
            expected="one of "
            + ", ".join(n for n, m in METHODS.items() if isinstance(m.feedback, CONTROLLED)),
        )
    parameters.check_feedback(feedback, network)
    weights = tuple(double(matrix) for matrix in parameters.feedback)
    if deviations is not None:
        _check_gains(deviations, feedback_shapes(feedback, network.layers))
        weights = tuple(double(gain) * q for gain, q in zip(deviations.feedback_gain, weights, strict=True))
    return Wiring(
        weights=weights,
        relayed=isinstance(feedback, FixedRelayed),
        of_compartments=network.tau_apical_ratio > 0,
    )


def _check_gains(deviations: Deviations, shapes: Sequence[tuple[int, int]]) -> None:
    got = [gain.shape for gain in deviations.feedback_gain]
    if got != list(shapes):
        raise SpecError(
            "shapes do not fit the method's feedback",
            where="deviations.feedback_gain",
            expected=str(list(shapes)),
            got=str(got),
            remedy="draw them with the shapes that neurosim.learning.feedback_shapes names",
        )
