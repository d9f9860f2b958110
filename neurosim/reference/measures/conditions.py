"""How well a state and a feedback fulfil the conditions of Deep Feedback Control; knows no learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurosim.errors import DataError
from neurosim.reference.tensors import double, shaped


def condition_one(rates: Sequence[Any]) -> Tensor:
    """std_l(‖r_l‖)/mean_l(‖r_l‖) over l = 0..L−1 of each sample, (B,); 0: the layers are equally active.

    The standard deviation is that of these L numbers, not an estimate from them (Meulemans et al. 2021, eq. 8
    and figure 3C). NaN for a sample without any activity.
    rates : r_0..r_{L−1}, (B, n_l) each.

    Raises
    ------
    DataError : no rates.
    """
    if len(rates) == 0:
        raise DataError("no layers", where="rates", expected="r_0 to r_{L−1}", got="none")
    norms = torch.stack([torch.linalg.vector_norm(double(rate), dim=1) for rate in rates])
    return norms.std(0, correction=0) / norms.mean(0)


def condition_two(jacobian: Any, feedback: Sequence[Any]) -> Tensor:
    """‖P_J Q‖_F/‖Q‖_F of each sample, (B,), with P_J = J⁺J; 1: Q lies within the row space of J (figure 3A).

    jacobian : J, (B, n_L, n). feedback : Q_1..Q_L, (n_l, n_L) each.

    Raises
    ------
    DataError : shapes that do not fit.
    """
    slopes = shaped(jacobian, shape=(None, None, None), name="jacobian")
    matrix = torch.cat([double(q) for q in feedback])
    matrix = shaped(matrix, shape=(slopes.shape[2], slopes.shape[1]), name="feedback")
    # an orthonormal basis of the row space: singular directions are cut off as a pseudo-inverse does
    _, values, basis = torch.linalg.svd(slopes, full_matrices=False)
    least = values.amax(1, keepdim=True) * max(slopes.shape[1:]) * torch.finfo(values.dtype).eps
    inside = torch.where((values > least)[:, :, None], basis @ matrix, 0.0)
    return torch.linalg.matrix_norm(inside) / torch.linalg.matrix_norm(matrix)


def condition_three(sensitivity: Any, *, integral_gain: float, leak: float) -> Tensor:
    """min Re eig(K_I J_ss Q) + α of each sample, (B,): the slowest decay of a slow controller; above 0: stable.

    Source: eq. 11 and Condition 3, there with K_I = 1. NaN where the sensitivity is not finite.
    sensitivity : J Q at the controlled state, (B, n_L, n_L).
    """
    loop = shaped(sensitivity, shape=(None, None, None), name="sensitivity")
    finite = torch.isfinite(loop).all(2).all(1)
    values = torch.linalg.eigvals(torch.where(finite[:, None, None], loop, 0.0)).real
    return torch.where(finite, integral_gain * values.amin(1) + leak, torch.nan)
