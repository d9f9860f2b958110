"""Targets iterated through decoders until they rest, and the decoders learned beside: DTP; knows no dynamics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs
import torch
from torch import Tensor

from neurosim.learning.inversion import Iterated
from neurosim.learning.methods import method_of
from neurosim.learning.plasticity import TargetDifference
from neurosim.reference.parameters import Parameters
from neurosim.reference.targetprop import (
    Autoencoders,
    ForwardPass,
    decoder_inputs,
    decoder_update,
    displacements,
    influence_scales,
    output_target,
    propagate_corrected,
    relaxation,
)
from neurosim.reference.training.iterate import MOST_STEPS, TOLERANCE, Rested, States, iterate_until_rest
from neurosim.reference.training.shown import Shown
from neurosim.reference.training.terms import Taught, Terms, leave_out
from neurosim.spec.network import Network


@attrs.frozen(kw_only=True)
class IterateTargets:
    """post = (τ_l − v_l)/(‖r_{l−1}‖² + 1), by influence times ‖τ_L − v_L‖²/‖τ_l − v_l‖² (Bengio 2020).

    The bias is a weight on a constant 1. The decoders learn from the same batch. Targets that are only slow are
    taken as they are after the last step; a sample whose targets ran away teaches nothing.
    """

    tolerance: float = TOLERANCE
    """See `iterate_until_rest`."""
    most_steps: int = MOST_STEPS
    """The paper's algorithm has a small fixed number, with tolerance 0."""

    def __call__(self, shown: Shown) -> Taught:
        """The rule."""
        method = method_of(shown.method.name)
        assert isinstance(method.inversion, Iterated)  # that is what this rule stands beside in the table
        assert isinstance(method.plasticity, TargetDifference)
        autoencoders, state = autoencoders_of(shown.network, shown.parameters), forward_pass_of(shown)
        step = shown.method.target_stepsize
        top = output_target(autoencoders, state, desired=shown.desired, loss=shown.loss, stepsize=step)
        rested = _SIDES[method.inversion.side](autoencoders, state, top, self._rest)
        moves = displacements(state, rested.states)
        if method.plasticity.influence:
            scales = influence_scales(state, rested.states)
            moves = tuple(scale[:, None] * move for scale, move in zip(scales, moves, strict=True))
        powers = [rate.square().sum(1, keepdim=True) + 1.0 for rate in shown.pre]
        post = tuple(move / power for move, power in zip(moves, powers, strict=True))
        return Taught(
            terms=leave_out(Terms(post=post, pre=shown.pre), rested.usable),
            settled=rested.settled,
            feedback=decoder_update(autoencoders, state),
        )

    def _rest(self, path: Iterator[States], origin: States) -> Rested:
        return iterate_until_rest(path, origin=origin, tolerance=self.tolerance, most_steps=self.most_steps)


def autoencoders_of(network: Network, parameters: Parameters) -> Autoencoders:
    """The layers with the feedback weights as decoders; SpecError if hidden layers differ in φ."""
    return Autoencoders(
        forward=parameters.forward,
        biases=parameters.biases,
        decoders=parameters.feedback,
        hidden=network.common_hidden,
        output=network.output,
    )


def forward_pass_of(shown: Shown) -> ForwardPass:
    """The state at rest as target propagation has it."""
    return ForwardPass(soma=shown.rest.soma, presynaptic=shown.pre, output=shown.rest.output)


Follow = Callable[[Iterator[States], States], Rested]


def _at_output(autoencoders: Autoencoders, state: ForwardPass, top: Tensor, follow: Follow) -> Rested:
    """From τ_l = v_l, where the dynamics start: a smaller layer above leaves much of the target as it was."""
    path = relaxation(autoencoders, state, output_target=top, start="forward")
    return follow(path, state.soma)


def _at_input(autoencoders: Autoencoders, state: ForwardPass, top: Tensor, follow: Follow) -> Rested:
    """Layer after layer, from u_l = τ_l."""
    targets = [top]
    settled = usable = torch.ones(len(top), dtype=torch.bool)
    for layer in range(autoencoders.depth, 1, -1):
        path = ((given,) for given in decoder_inputs(autoencoders, layer, target=targets[-1]))
        rested = follow(path, (state.soma[layer - 1],))
        settled, usable = settled & rested.settled, usable & rested.usable
        targets.append(autoencoders.decode(layer, rested.states[0]))
    return Rested(states=tuple(reversed(targets)), settled=settled, usable=usable)


def _corrected(autoencoders: Autoencoders, state: ForwardPass, top: Tensor, follow: Follow) -> Rested:
    """g(τ) + g(τ) − g(f(g(τ))), which does not have to rest."""
    targets = propagate_corrected(autoencoders, top, steps=0, one_shot=True)
    nothing_moves = torch.ones(len(top), dtype=torch.bool)
    return Rested(states=targets, settled=nothing_moves, usable=nothing_moves)


_SIDES: dict[str, Callable[[Autoencoders, ForwardPass, Tensor, Follow], Rested]] = {
    "output": _at_output,
    "input": _at_input,
    "once": _corrected,
}
