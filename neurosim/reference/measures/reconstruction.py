"""How well decoders undo the layers; knows no target."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from neurosim.reference.training.shown import Shown
from neurosim.reference.training.targets import autoencoders_of


def reconstruction_errors(shown: Shown) -> Tensor:
    """‖v_{l−1} − g_l(v_l)‖²/‖v_{l−1}‖² of the decoders l = 2..L and each sample, (L − 1, B); 0: undone exactly.

    v_l = f_l(v_{l−1}) are the somata at rest (Bengio 2020, section 10). NaN for a layer at 0.

    Raises
    ------
    SpecError : the feedback weights are no decoders of this network.
    """
    autoencoders = autoencoders_of(shown.network, shown.parameters)
    errors = []
    for layer, (below, above) in enumerate(pairwise(shown.rest.soma), start=2):
        missed = below - autoencoders.decode(layer, above)
        errors.append(missed.square().sum(1) / below.square().sum(1))
    return torch.stack(errors) if errors else torch.zeros(0, len(shown.inputs), dtype=shown.inputs.dtype)
