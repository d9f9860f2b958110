"""Dynamic inversion (Podlaski and Machens 2020): errors go down through an inverse, solved or simulated."""

from neurosim.reference.inversion.backward import (
    OutputError,
    descent,
    error_at_output,
    propagate,
    propagate_directly,
)
from neurosim.reference.inversion.maps import inverse_map, inverse_maps, pseudo_inverse_maps, transposed_maps
from neurosim.reference.inversion.pair import Pair, PairState, steady_state, system_matrix
from neurosim.reference.inversion.pair_dynamics import PairTrajectory, settle_pair, simulate_pair
from neurosim.reference.inversion.pair_stability import is_stable, loop_eigenvalues, modes
from neurosim.reference.inversion.sequential import Inverted, invert_sequentially, pairs_of
from neurosim.reference.inversion.single_loop import (
    LoopState,
    SingleLoop,
    at_rest,
    chain_matrix,
    largest_real_part,
    linear_steady_state,
)
from neurosim.reference.inversion.single_loop_dynamics import LoopRun, simulate_loop
from neurosim.reference.inversion.single_loop_solution import LoopSolution, solve_steady_state
from neurosim.reference.inversion.time_step import (
    check_step,
    gain_limit_explicit,
    gain_limit_semi_implicit,
    largest_step,
    step_limit_explicit,
    step_limit_semi_implicit,
)

__all__ = [
    "Inverted",
    "LoopRun",
    "LoopSolution",
    "LoopState",
    "OutputError",
    "Pair",
    "PairState",
    "PairTrajectory",
    "SingleLoop",
    "at_rest",
    "chain_matrix",
    "check_step",
    "descent",
    "error_at_output",
    "gain_limit_explicit",
    "gain_limit_semi_implicit",
    "inverse_map",
    "inverse_maps",
    "invert_sequentially",
    "is_stable",
    "largest_real_part",
    "largest_step",
    "linear_steady_state",
    "loop_eigenvalues",
    "modes",
    "pairs_of",
    "propagate",
    "propagate_directly",
    "pseudo_inverse_maps",
    "settle_pair",
    "simulate_loop",
    "simulate_pair",
    "solve_steady_state",
    "steady_state",
    "step_limit_explicit",
    "step_limit_semi_implicit",
    "system_matrix",
    "transposed_maps",
]
