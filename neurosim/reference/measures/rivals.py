"""What another method would do with the same weights, sample by sample; knows no angle."""

from __future__ import annotations

from torch import Tensor

from neurosim.learning.feedback import FixedLayerwise
from neurosim.learning.inversion import OpenLoop
from neurosim.learning.methods import method_of
from neurosim.reference.inversion import inverse_maps, propagate, pseudo_inverse_maps, transposed_maps
from neurosim.reference.training.controlled import linearise_loop
from neurosim.reference.training.shown import Shown
from neurosim.reference.training.terms import Terms


def backpropagation_terms(shown: Shown) -> Terms:
    """BP: −∂L/∂W, −∂L/∂b of each sample's own loss."""
    return _carried(shown, transposed_maps(shown.parameters.forward[1:]))


def pseudo_backpropagation_terms(shown: Shown) -> Terms:
    """PBP: errors through W_l⁺ (Podlaski and Machens 2020, eq. 4)."""
    return _carried(shown, pseudo_inverse_maps(shown.parameters.forward[1:]))


def inverted_terms(shown: Shown) -> Terms:
    """NDI: errors through B_l(W_l B_l − αI)⁻¹ (eq. 10), with B_l = −W_lᵀ where the method inverts by no B_l.

    Raises
    ------
    SpecError : a layer cannot be inverted.
    """
    forward = shown.parameters.forward[1:]
    method = method_of(shown.method.name)
    own = isinstance(method.feedback, FixedLayerwise) and not isinstance(method.inversion, OpenLoop)
    feedback = shown.parameters.feedback if own else tuple(-w.T for w in forward)
    return _carried(shown, inverse_maps(forward, feedback, leak=shown.method.leak))


def linearised_terms(shown: Shown) -> Terms:
    """DFC-SSA with the method's own feedback and controller (Meulemans et al. 2021, Lemma 1).

    Raises
    ------
    SpecError : the method has no controller of the neurons.
    """
    return linearise_loop(shown).terms


def _carried(shown: Shown, maps: tuple[Tensor, ...]) -> Terms:
    deltas = propagate(maps, shown.output_error, slopes=shown.slopes)
    return Terms(post=tuple(-delta for delta in deltas), pre=shown.pre)
