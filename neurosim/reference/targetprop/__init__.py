"""Differential target propagation (Bengio 2020) in float64 torch; knows no time constant and no silicon."""

from neurosim.reference.targetprop.anytime import accumulate
from neurosim.reference.targetprop.autoencoders import Autoencoders
from neurosim.reference.targetprop.branches import branch_weights, combine_branches
from neurosim.reference.targetprop.decoders import (
    TrainedDecoders,
    decoder_update,
    reconstruction_errors,
    train_decoders,
)
from neurosim.reference.targetprop.exact_targets import solve_input_iteration, solve_output_iteration
from neurosim.reference.targetprop.forward import (
    ForwardPass,
    forward_pass,
    output_displacement,
    output_target,
)
from neurosim.reference.targetprop.graph import (
    INPUT,
    Edge,
    Graph,
    branch_target,
    propagate_graph,
    run_graph,
)
from neurosim.reference.targetprop.input_iteration import correct_output, decoder_inputs, propagate_corrected
from neurosim.reference.targetprop.output_iteration import (
    relax,
    relax_once,
    relax_until_settled,
    relaxation,
)
from neurosim.reference.targetprop.propagation import propagate
from neurosim.reference.targetprop.regression import fit_decoders
from neurosim.reference.targetprop.scaled_targets import ScaledTargets, scale_targets, scaled_update
from neurosim.reference.targetprop.settled import Settled
from neurosim.reference.targetprop.weight_updates import (
    apply_updates,
    displacement_update,
    displacements,
    dtp1_update,
    dtp_update,
    influence_scales,
    parameter_update,
)

__all__ = [
    "INPUT",
    "Autoencoders",
    "Edge",
    "ForwardPass",
    "Graph",
    "ScaledTargets",
    "Settled",
    "TrainedDecoders",
    "accumulate",
    "apply_updates",
    "branch_target",
    "branch_weights",
    "combine_branches",
    "correct_output",
    "decoder_inputs",
    "decoder_update",
    "displacement_update",
    "displacements",
    "dtp1_update",
    "dtp_update",
    "fit_decoders",
    "forward_pass",
    "influence_scales",
    "output_displacement",
    "output_target",
    "parameter_update",
    "propagate",
    "propagate_corrected",
    "propagate_graph",
    "reconstruction_errors",
    "relax",
    "relax_once",
    "relax_until_settled",
    "relaxation",
    "run_graph",
    "scale_targets",
    "scaled_update",
    "solve_input_iteration",
    "solve_output_iteration",
    "train_decoders",
]
