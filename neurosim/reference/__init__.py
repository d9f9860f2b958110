"""The float64 reference in torch: dynamics, fixed points, closed forms, updates; knows no silicon."""

from neurosim.reference.activations import phi, phi_prime
from neurosim.reference.closed_forms import LinearSteadyState, effective_leak, lemma_one
from neurosim.reference.euler import State
from neurosim.reference.feedforward import Activity, feedforward
from neurosim.reference.fixed_point import SteadyState, solve_fixed_point
from neurosim.reference.jacobians import output_jacobian
from neurosim.reference.optimizers import Stepper
from neurosim.reference.parameters import Parameters
from neurosim.reference.simulate import Simulation, simulate
from neurosim.reference.targets import loss, loss_gradient, target
from neurosim.reference.training import (
    Epoch,
    descend,
    evaluate,
    pretrain,
    settled_rule,
    train_epochs,
    update_of,
)
from neurosim.reference.updates import (
    Updates,
    angle,
    bp_update,
    dfc_ssa_update,
    gauss_newton_update,
    minimum_norm_update,
    steady_state_update,
)

__all__ = [
    "Activity",
    "Epoch",
    "LinearSteadyState",
    "Parameters",
    "Simulation",
    "State",
    "SteadyState",
    "Stepper",
    "Updates",
    "angle",
    "bp_update",
    "descend",
    "dfc_ssa_update",
    "effective_leak",
    "evaluate",
    "feedforward",
    "gauss_newton_update",
    "lemma_one",
    "loss",
    "loss_gradient",
    "minimum_norm_update",
    "output_jacobian",
    "phi",
    "phi_prime",
    "pretrain",
    "settled_rule",
    "simulate",
    "solve_fixed_point",
    "steady_state_update",
    "target",
    "train_epochs",
    "update_of",
]
