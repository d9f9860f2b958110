"""The local rule of the decoders against automatic differentiation and least squares by numpy."""

from itertools import pairwise

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

from neurosim.errors import DataError, SpecError
from neurosim.reference.targetprop import (
    Autoencoders,
    decoder_update,
    fit_decoders,
    forward_pass,
    reconstruction_errors,
    relax_until_settled,
    train_decoders,
)

from .cases import SIGMA, close, make_chain, make_target

SIZES = (5, 6, 5, 4)


def _small(hidden: str = "tanh", *, samples: int = 60) -> tuple[Autoencoders, Tensor]:
    """Untrained decoders, and inputs that reach into the curves of σ."""
    chain, _ = make_chain(hidden, sizes=SIZES)
    draw = torch.Generator().manual_seed(5)
    inputs = 2.0 * torch.rand(samples, 5, generator=draw, dtype=torch.float64) - 1.0
    decoders = [0.1 * torch.randn(d.shape, generator=draw, dtype=d.dtype) for d in chain.decoders]
    return attrs.evolve(chain, decoders=decoders), inputs


def _samples(chain: Autoencoders, inputs: Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
    """h_{l−1} and σ(h_l) for layers 2..L."""
    soma = forward_pass(chain, inputs).soma
    return [(below.numpy(), SIGMA[chain.hidden](above).numpy()) for below, above in pairwise(soma)]


@pytest.mark.parametrize("hidden", ["tanh", "softplus"])
def test_the_rule_descends_the_reconstruction_error_weighted_by_one_over_the_norm(hidden: str) -> None:
    chain, inputs = _small(hidden)
    pairs = _samples(chain, inputs)
    for got, decoder, (below, rate) in zip(
        decoder_update(chain, forward_pass(chain, inputs)), chain.decoders, pairs, strict=True
    ):
        variable = decoder.clone().requires_grad_(True)
        h, r = torch.from_numpy(below), torch.from_numpy(rate)
        cost = 0.5 * (((h - r @ variable.T) ** 2).sum(1) / torch.linalg.vector_norm(r, dim=1)).mean()
        close(got, -torch.autograd.grad(cost, variable)[0], 1e-14)


def _least_squares(below: np.ndarray, rate: np.ndarray, weight: np.ndarray) -> Tensor:
    root = np.sqrt(weight)[:, None]
    return torch.from_numpy(np.linalg.lstsq(root * rate, root * below, rcond=None)[0].T)


def test_training_converges_to_the_weighted_least_squares_and_not_to_the_plain_ones() -> None:
    """To 1e-11: updates end below 1e-14, and the least eigenvalue of ⟨σσᵀ/‖σ‖⟩ is 0.013."""
    chain, inputs = _small()
    trained = train_decoders(chain, inputs, learning_rate=2.0, sweeps=5000, tolerance=1e-14)
    assert trained.converged
    fitted = fit_decoders(forward=chain.forward, biases=chain.biases, inputs=inputs, weighted=True)
    for got, same, (below, rate) in zip(
        trained.autoencoders.decoders, fitted.decoders, _samples(chain, inputs), strict=True
    ):
        weight = 1.0 / np.linalg.norm(rate, axis=1)
        close(got, _least_squares(below, rate, weight), 1e-11)
        close(same, _least_squares(below, rate, weight), 1e-13)
        assert (got - _least_squares(below, rate, np.ones_like(weight))).abs().max() > 1e-4


def test_training_sample_by_sample_is_a_loop_over_the_rule() -> None:
    chain, inputs = _small(samples=7)
    trained = train_decoders(chain, inputs, learning_rate=0.1, sweeps=3, batch=1)
    decoders = [d.numpy().copy() for d in chain.decoders]
    pairs = _samples(chain, inputs)
    for _ in range(3):
        for row in range(7):
            for decoder, (below, rate) in zip(decoders, pairs, strict=True):
                missed = below[row] - decoder @ rate[row]
                decoder += 0.1 * np.outer(missed, rate[row]) / np.linalg.norm(rate[row])
    for got, wanted in zip(trained.autoencoders.decoders, decoders, strict=True):
        close(got, torch.from_numpy(wanted), 1e-14)
    assert trained.errors.shape == (3, 2)
    assert trained.sweeps == 3
    assert not trained.converged
    assert (trained.errors[1:] < trained.errors[:-1]).all()
    last = reconstruction_errors(trained.autoencoders, forward_pass(chain, inputs))
    close(last, trained.errors[-1], 1e-15)
    mean = [np.mean(np.sum((h - r @ d.T) ** 2, axis=1)) for d, (h, r) in zip(decoders, pairs, strict=True)]
    close(last, torch.tensor(mean), 1e-14)


def test_trained_decoders_make_the_targets_settle() -> None:
    chain, inputs = make_chain(sizes=(6, 6, 6, 6), batch=60)
    untrained = attrs.evolve(chain, decoders=[-0.5 * d for d in chain.decoders])
    trained = train_decoders(untrained, inputs, learning_rate=5.0, sweeps=200).autoencoders
    for each, settles in ((untrained, False), (trained, True)):
        state, _, target = make_target(each, inputs, stepsize=0.05)
        result = relax_until_settled(each, state, output_target=target, start="forward", max_steps=500)
        assert result.converged.all() == settles


@pytest.mark.parametrize("ridge", [0.0, 0.03])
def test_ridge_regression_solves_its_normal_equations(ridge: float) -> None:
    chain, inputs = _small()
    fitted = fit_decoders(forward=chain.forward, biases=chain.biases, inputs=inputs, ridge=ridge)
    for got, (below, rate) in zip(fitted.decoders, _samples(chain, inputs), strict=True):
        power = rate.T @ rate / len(rate) + ridge * np.eye(rate.shape[1])
        wanted = np.linalg.solve(power, rate.T @ below / len(rate)).T
        close(got, torch.from_numpy(wanted), 1e-12)  # rounding times the condition of the power, about 20


@pytest.mark.parametrize("weighted", [False, True])
def test_the_centred_fit_is_the_slope_of_a_regression_with_an_offset(weighted: bool) -> None:
    chain, inputs = _small("softplus")
    fitted = fit_decoders(
        forward=chain.forward,
        biases=chain.biases,
        inputs=inputs,
        hidden="softplus",
        centred=True,
        weighted=weighted,
    )
    for got, (below, rate) in zip(fitted.decoders, _samples(chain, inputs), strict=True):
        weight = 1.0 / np.linalg.norm(rate, axis=1) if weighted else np.ones(len(rate))
        extended = np.column_stack([rate, np.ones(len(rate))])
        # Condition of the extended samples, about 100, times rounding of numbers up to 10.
        close(got, _least_squares(below, extended, weight)[:, :-1], 1e-12)


def test_a_unit_that_rests_above_zero_needs_the_centred_fit() -> None:
    """Softplus about h = 0, where σ(0) = ln 2: only the centred decoders contract and give the targets."""
    chain, _ = make_chain()
    draw = torch.Generator().manual_seed(2)
    inputs = 0.5 * (2.0 * torch.rand(400, 20, generator=draw, dtype=torch.float64) - 1.0)
    forward = [chain.forward[0], *(2.0 * w for w in chain.forward[1:])]
    rest = torch.log(torch.tensor(2.0, dtype=torch.float64))
    biases = [chain.biases[0], *(-rest * w.sum(1) for w in forward[1:])]
    for centred in (False, True):
        fitted = fit_decoders(
            forward=forward, biases=biases, inputs=inputs, hidden="softplus", centred=centred
        )
        state, _, target = make_target(fitted, inputs[:3], stepsize=0.05)
        result = relax_until_settled(fitted, state, output_target=target, start="forward", max_steps=1000)
        assert result.converged.all() == centred


def test_too_few_samples_give_the_decoder_of_least_norm_and_silence_gives_none() -> None:
    chain, inputs = _small()
    few = fit_decoders(forward=chain.forward, biases=chain.biases, inputs=inputs[:2])
    for got, (below, rate) in zip(few.decoders, _samples(chain, inputs[:2]), strict=True):
        close(got, torch.from_numpy((np.linalg.pinv(rate) @ below).T), 1e-12)
    still = [0 * b for b in chain.biases]
    silent = fit_decoders(forward=chain.forward, biases=still, inputs=0 * inputs, weighted=True)
    assert not any(d.any() for d in silent.decoders)
    update = decoder_update(silent, forward_pass(silent, 0 * inputs))
    assert not any(d.any() for d in update)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("learning_rate", {"learning_rate": 0.0}),
        ("learning_rate", {"learning_rate": float("nan")}),
        ("sweeps", {"sweeps": -1}),
        ("batch", {"batch": 0}),
        ("tolerance", {"tolerance": -1.0}),
    ],
)
def test_training_refuses_settings_that_make_no_sense(name: str, settings: dict[str, float]) -> None:
    chain, inputs = _small()
    with pytest.raises(SpecError, match=name):
        train_decoders(chain, inputs, **{"learning_rate": 0.1, "sweeps": 1, **settings})


def test_fitting_refuses_a_negative_ridge_and_no_samples() -> None:
    chain, inputs = _small()
    with pytest.raises(SpecError, match="ridge"):
        fit_decoders(forward=chain.forward, biases=chain.biases, inputs=inputs, ridge=-1.0)
    with pytest.raises(DataError, match="at least one row"):
        fit_decoders(forward=chain.forward, biases=chain.biases, inputs=inputs[:0])
    with pytest.raises(DataError, match="at least one row"):
        train_decoders(chain, inputs[:0], learning_rate=0.1, sweeps=1)
