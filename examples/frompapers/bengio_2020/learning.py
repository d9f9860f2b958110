"""Digits learned by BP and by target propagation with learned decoders; knows no figure.

The paper has no experiment; network, task and rates are chosen here. The rates are the best of a few tries
on one seed. All layers are small, so everything runs on the CPU.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import attrs
import numpy as np
import torch
from common import Arrays, Part, load_split

from neurosim.learning import method_of
from neurosim.learning.initial import initial_weights
from neurosim.learning.initial_feedback import initial_feedback
from neurosim.learning.plasticity import TargetDifference
from neurosim.reference.parameters import Parameters
from neurosim.reference.targetprop import (
    Autoencoders,
    decoder_update,
    displacements,
    forward_pass,
    influence_scales,
    output_target,
    reconstruction_errors,
    relaxation,
    train_decoders,
)
from neurosim.reference.targetprop.output_iteration import Start
from neurosim.reference.training import Rule, Shown, Taught, Terms, evaluate, train_epochs
from neurosim.reference.training.iterate import iterate_until_rest
from neurosim.reference.training.targets import autoencoders_of, forward_pass_of
from neurosim.reference.training.terms import leave_out
from neurosim.spec import MethodSettings, Network, Sleep, Task
from neurosim.spec.streams import stream

NETWORK = Network(layers=(64, 32, 32, 32, 10), initial_weights="orthogonal")
"""Square hidden layers, as the paper asks for, under a smaller output layer; tanh, linear output."""
LOSS = "squared_error"
"""To one-hot labels. With cross-entropy targets never end to move out, until no tanh can reach them."""
BATCH = 32
STEPSIZE = 0.1
"""β."""
DECODER_RATE, DECODER_SWEEPS = 0.3, 20
"""Decoders start near zero and learn alone for so many sweeps, then along with the encoders."""
MOST_STEPS, TOLERANCE = 100, 1e-4
"""What counts as converged: moves that small beside the displacement, or that many steps."""


@attrs.frozen(kw_only=True)
class Learner:
    """A curve of the figure."""

    name: str
    method: str
    """BP, or the line of the table of methods that DTP1 or DTP stand in."""
    rate: float
    steps: int | None = None
    """Relaxation steps, all layers at once; None: until converged. BP has none."""
    start: Start = "forward"
    """Where they begin: τ_l = h_l, or τ_{l−1} = g_l(τ_l)."""

    @property
    def targets(self) -> bool:
        """Whether it sends targets down."""
        return self.method != "BP"


RATES = {"DTP1": 0.5, "DTP": 3.0}
"""DTP1 at 1 and more diverges with converged targets after some ten epochs."""
SCHEDULES: dict[str, tuple[int | None, Start]] = {
    "g alone": (0, "decoded"),
    "0 steps": (0, "forward"),
    "1 step": (1, "forward"),
    "5 steps": (5, "forward"),
    "converged": (None, "forward"),
}
LEARNERS = (
    Learner(name="BP", method="BP", rate=0.3),
    *(
        Learner(name=f"{name}, {words}", method=f"{name}-iterated", rate=rate, steps=steps, start=start)
        for name, rate in RATES.items()
        for words, (steps, start) in SCHEDULES.items()
    ),
)


def learn(learner: Learner, seed: int, *, epochs: int) -> Arrays:
    """Train and look after every epoch; entry 0 is before the first. NaN from where it diverged.

    loss, accuracy : (epochs + 1,), on the test set. train_loss : likewise, on the training set.
    reconstruction : (epochs + 1, L − 1), mean ‖h_{l−1} − g_l(h_l)‖² over mean ‖h_{l−1}‖², layers 2..L.
    radius : (epochs + 1, L − 1), largest spectral radius of id − f_l∘g_l over 50 samples.
    warm : (sweeps, L − 1), the reconstruction error while the decoders learn alone.
    """
    train, test = centred_digits()
    method = MethodSettings(
        name=learner.method,
        learning_rate=learner.rate,
        target_stepsize=STEPSIZE,
        initial_feedback="random" if learner.targets else "default",
        initial_feedback_gain=0.01,
        sleep=Sleep(learning_rate=DECODER_RATE),
    )
    parameters, warm = _begin(learner, method, train, seed)
    orders = [stream(seed, "order", epoch).permutation(len(train.inputs)) for epoch in range(epochs)]
    rows = [_look(learner, parameters, train, test)]
    rule = relaxing_rule(learner) if learner.targets else None
    for epoch in train_epochs(
        NETWORK,
        parameters,
        method,
        train.inputs,
        train.desired,
        orders,
        loss=LOSS,
        batch=BATCH,
        rule=rule,
        seed=seed,
    ):
        if not np.isfinite(epoch.loss):
            break
        rows.append(_look(learner, epoch.parameters, train, test))
    rows += [{name: np.full_like(value, np.nan) for name, value in rows[0].items()}] * (
        epochs + 1 - len(rows)
    )
    return {**{name: np.stack([row[name] for row in rows]) for name in rows[0]}, "warm": warm}


def relaxing_rule(learner: Learner) -> Rule:
    """The update of DTP1 or DTP from targets relaxed for so many steps; the decoders learn beside it.

    A sample whose targets ran away teaches nothing.
    """

    plasticity = method_of(learner.method).plasticity
    assert isinstance(plasticity, TargetDifference)  # of both lines of the table

    def rule(shown: Shown) -> Taught:
        chain, state = autoencoders_of(shown.network, shown.parameters), forward_pass_of(shown)
        step = shown.method.target_stepsize
        target = output_target(chain, state, desired=shown.desired, loss=shown.loss, stepsize=step)
        path = relaxation(chain, state, output_target=target, start=learner.start)
        usable = torch.ones(len(target), dtype=torch.bool)
        if learner.steps is None:
            rested = iterate_until_rest(path, origin=state.soma, tolerance=TOLERANCE, most_steps=MOST_STEPS)
            targets, usable = rested.states, rested.usable
        else:
            targets = next(path)
            for _ in range(learner.steps):
                targets = next(path)
        moves = displacements(state, targets)
        if plasticity.influence:
            scales = influence_scales(state, targets)
            moves = tuple(scale[:, None] * move for scale, move in zip(scales, moves, strict=True))
        # the bias is a weight on a constant 1, which counts in ‖σ‖²
        post = tuple(
            m / (r.square().sum(1, keepdim=True) + 1.0) for m, r in zip(moves, shown.pre, strict=True)
        )
        terms = leave_out(Terms(post=post, pre=shown.pre), usable)
        return Taught(terms=terms, feedback=decoder_update(chain, state))

    return rule


@functools.cache
def centred_digits() -> tuple[Part, Part]:
    """Training and test samples less the mean training image: decoders have no bias to learn a mean with."""
    split = load_split(Task(name="digits", loss=LOSS))
    mean = split.train.inputs.mean(0)
    train, test = (attrs.evolve(part, inputs=part.inputs - mean) for part in (split.train, split.test))
    return train, test


def _begin(learner: Learner, method: MethodSettings, train: Part, seed: int) -> tuple[Parameters, np.ndarray]:
    """Weights before the first epoch, and the errors of the decoders while they learned alone."""
    forward, biases = initial_weights(NETWORK, seed)
    feedback = initial_feedback(method_of(method.name), method, NETWORK, forward=forward, seed=seed)
    parameters = Parameters.from_arrays(forward=forward, biases=biases, feedback=feedback)
    if not learner.targets:
        return parameters, np.zeros((0, NETWORK.depth - 1))
    trained = train_decoders(
        autoencoders_of(NETWORK, parameters),
        train.inputs,
        learning_rate=DECODER_RATE,
        sweeps=DECODER_SWEEPS,
        batch=BATCH,
    )
    errors = trained.errors.numpy() / _powers(trained.autoencoders, train)
    return attrs.evolve(parameters, feedback=trained.autoencoders.decoders), errors


def _look(learner: Learner, parameters: Parameters, train: Part, test: Part) -> Arrays:
    loss, accuracy = evaluate(NETWORK, parameters, test.inputs, test.desired, LOSS)
    train_loss, _ = evaluate(NETWORK, parameters, train.inputs, train.desired, LOSS)
    nothing = np.full(NETWORK.depth - 1, np.nan)
    seen = {"reconstruction": nothing, "radius": nothing}
    if learner.targets:
        chain = autoencoders_of(NETWORK, parameters)
        errors = reconstruction_errors(chain, forward_pass(chain, train.inputs)).numpy()
        seen = {"reconstruction": errors / _powers(chain, train), "radius": _radii(chain, test.inputs[:50])}
    return {
        "loss": np.array(loss),
        "accuracy": np.array(accuracy),
        "train_loss": np.array(train_loss),
        **seen,
    }


def _powers(chain: Autoencoders, train: Part) -> np.ndarray:
    """Mean ‖h_l‖² of layers 1..L − 1."""
    return np.array([float(h.square().sum(1).mean()) for h in forward_pass(chain, train.inputs).soma[:-1]])


def _radii(chain: Autoencoders, inputs: np.ndarray) -> np.ndarray:
    """Of I − F_l G_l, which has the spectrum of I − G_l F_l but for the part that g_l cannot reach."""
    soma: Sequence[torch.Tensor] = forward_pass(chain, inputs).soma
    found = []
    for layer in range(2, chain.depth + 1):
        product = chain.encoder_slope(layer, soma[layer - 2]) @ chain.decoder_slope(layer, soma[layer - 1])
        found.append(float(torch.linalg.eigvals(torch.eye(product.shape[1]) - product).abs().max()))
    return np.array(found)
