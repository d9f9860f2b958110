"""The neurons under a controller at rest, linearised or solved: DFC-SSA, DFC-SS; knows no time step."""

from __future__ import annotations

from neurosim.reference.closed_forms import lemma_one
from neurosim.reference.feedforward import run_forward
from neurosim.reference.fixed_point import solve_fixed_point
from neurosim.reference.training.shown import Shown
from neurosim.reference.training.terms import Taught, Terms, leave_out

TOLERANCE = 1e-10
"""Of e at the steady state: small beside an update, and Newton's method passes from 1e-5 to it in one step. Chosen."""


def linearise_loop(shown: Shown) -> Taught:
    """post = φ(v_l) − φ(v_ff,l), pre = r_{l−1} under the constant feedback of Lemma 1, as `dfc_ssa_update`."""
    linear = lemma_one(shown.network, shown.parameters, shown.method, shown.inputs, shown.target)
    state = run_forward(shown.plant, shown.inputs, apical=linear.displacement)
    layers = zip(shown.plant, state.soma, state.basal, strict=True)
    post = tuple(layer.difference(soma, basal) for layer, soma, basal in layers)
    return Taught(terms=Terms(post=post, pre=(shown.inputs, *state.rate[:-1])))


def settle_loop(shown: Shown) -> Taught:
    """The same at the nonlinear steady state, as `steady_state_update`; what DFC-SS comes to rest on.

    A sample for which no steady state is found teaches nothing.
    """
    steady = solve_fixed_point(
        shown.network, shown.parameters, shown.method, shown.inputs, shown.target, tolerance=TOLERANCE
    )
    layers = zip(shown.plant, steady.soma, steady.basal, strict=True)
    post = tuple(layer.difference(soma, basal) for layer, soma, basal in layers)
    terms = Terms(post=post, pre=(shown.inputs, *steady.rate[:-1]))
    return Taught(terms=leave_out(terms, steady.converged), settled=steady.converged)
