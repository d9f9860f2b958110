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
    J_L = diag(r_L'),  J_l = J_{l+1} diag(∂v/∂v_ff · ∂v_ff/∂I) W_{l+1} diag(r_l'),  r' = slope·φ'(slope·v),
    where ∂v/∂v_ff is basal_gain/leak as long as the couplings are linear, and ∂v_ff/∂I is 1/basal.leak.
    """
    plant = assemble_plant(network, parameters, deviations=deviations)
    return torch.cat(layer_jacobians(plant, activity), dim=2)


def layer_jacobians(plant: Sequence[Layer], activity: Activity) -> tuple[Tensor, ...]:
    """J_l of layers 1..L at a state without feedback; each (B, n_L, n_l)."""
    jacobian = torch.diag_embed(plant[-1].rate_slope(activity.soma[-1]))
    collected = [jacobian]
    for position in range(len(plant) - 2, -1, -1):
        above, below = plant[position + 1], plant[position]
        basal = activity.basal[position + 1]
        follows, _ = above.follows(activity.soma[position + 1], basal)
        jacobian = (jacobian * (follows * above.basal.follows(basal))[:, None, :]) @ above.weights
        jacobian = jacobian * below.rate_slope(activity.soma[position])[:, None, :]
        collected.append(jacobian)
    return tuple(reversed(collected))


def output_sensitivity(
    plant: Sequence[Layer],
    feedback: Sequence[Tensor],
    activity: Activity,
    apical: Sequence[Tensor] | None = None,
) -> Tensor:
    """dr_L/du at rest, (B, n_L, n_L), accumulated forward; J Q for the ideal network.

    ∂r_l/∂u = diag(r_l') (∂v/∂v_ff ∂v_ff/∂I W_l ∂r_{l−1}/∂u + ∂v/∂v_fb Q_l).
    feedback : ∂v_fb,l/∂u at rest, (B, n_l, n_L) each, or (n_l, n_L) where it is the same for all samples.
    apical : v_fb,l (B, n_l) at the state; None: none there.
    """
    carried: Tensor | None = None
    for position, (layer, direct) in enumerate(zip(plant, feedback, strict=True)):
        soma = activity.soma[position]
        drives = None if apical is None else apical[position]
        by_basal, by_apical = layer.follows(soma, activity.basal[position], drives)
        moved = by_apical[:, :, None] * direct
        if carried is not None:
            by_drive = by_basal * layer.basal.follows(activity.basal[position])
            moved = moved + by_drive[:, :, None] * (layer.weights @ carried)
        carried = layer.rate_slope(soma)[:, :, None] * moved
    assert carried is not None  # a network has at least one layer
    return carried
