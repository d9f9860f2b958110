"""How the output answers to a push on any neuron, in closed form; knows no controller and no learning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurosim.reference.feedforward import Activity
from neurosim.reference.parameters import Parameters
from neurosim.reference.plant import Layer, assemble_plant
from neurosim.spec.deviations import Deviations
from neurosim.spec.network import Network


def output_jacobian(
    network: Network, parameters: Parameters, activity: Activity, deviations: Deviations | None = None
) -> Tensor:
    """J = [∂r_L/∂v_1, …, ∂r_L/∂v_L] at a state, (B, n_L, n) with n = Σ n_l over l = 1..L (Lemma 1).

    A push on v_l reaches the output through all layers above, each at rest:
    J_L = diag(r_L'),  J_l = J_{l+1} diag(basal_gain/leak) W_{l+1} diag(r_l'),  r' = slope·φ'(slope·v).
    """
    plant = assemble_plant(network, parameters, deviations=deviations)
    return torch.cat(layer_jacobians(plant, activity.soma), dim=2)


def layer_jacobians(plant: Sequence[Layer], soma: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """J_l of layers 1..L at somata v_l (B, n_l); each (B, n_L, n_l)."""
    jacobian = torch.diag_embed(plant[-1].rate_slope(soma[-1]))
    collected = [jacobian]
    for position in range(len(plant) - 2, -1, -1):
        above, below = plant[position + 1], plant[position]
        passed_on = (above.basal_gain / above.leak)[:, None] * above.weights
        jacobian = (jacobian @ passed_on) * below.rate_slope(soma[position])[:, None, :]
        collected.append(jacobian)
    return tuple(reversed(collected))


def output_sensitivity(plant: Sequence[Layer], feedback: Sequence[Tensor], soma: Sequence[Tensor]) -> Tensor:
    """dr_L/du at rest, (B, n_L, n_L), accumulated forward; J Q for the ideal network.

    ∂r_l/∂u = diag(r_l'/leak) (basal_gain W_l ∂r_{l−1}/∂u + apical_gain Q_l).
    feedback : Q_l between u and v_fb,l at rest, (n_l, n_L) each.
    """
    carried: Tensor | None = None
    for layer, direct, values in zip(plant, feedback, soma, strict=True):
        moved = layer.apical_gain[:, None] * direct
        if carried is not None:
            moved = moved + (layer.basal_gain[:, None] * layer.weights) @ carried
        carried = layer.rate_slope(values)[:, :, None] * (moved / layer.leak[:, None])
    assert carried is not None  # a network has at least one layer
    return carried
