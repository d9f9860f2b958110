"""How a batch becomes an update in each row: a closed form, a steady state or a simulation; trains nothing."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from neurosim.reference import simulate
from neurosim.reference.training import Rule, Shown, Taught, Terms, rule_of, settled_rule
from neurosim.spec import MethodSettings, Network, Protocol

MOST_SOLVED = 100
"""Outputs up to which the steady state is solved. With the autoencoder's 784 a simulation is far cheaper. Chosen."""
MOST_MOMENTS = 100
"""Moments of a presentation that enter the update. Chosen: no less than a tenth of the authors' steps."""


@attrs.frozen(kw_only=True)
class SimulatedRule:
    """⟨(φ(v_l) − φ(v_ff,l)) r_{l−1}ᵀ⟩ over the simulated presentation (Meulemans et al. 2021, eq. 1, 4, 5).

    It starts at the feedforward state, as in the authors' code. The mean takes every `every`-th step.
    """

    dt: float
    """Over τ_u."""
    steps: int
    at_end: bool = False
    """Only the last step counts, as in DFC-SS."""

    @property
    def every(self) -> int:
        """Steps from one moment that counts to the next."""
        return self.steps if self.at_end else max(1, self.steps // MOST_MOMENTS)

    def __call__(self, shown: Shown) -> Taught:
        """The rule. A sample whose simulation ran away teaches nothing."""
        run = simulate(
            shown.network,
            shown.parameters,
            shown.method,
            Protocol(dt_ratio=self.dt, settle_steps=1, learn_steps=self.steps),
            shown.inputs,
            shown.desired,
            loss=shown.loss,
            initial_soma=shown.rest.soma,
            accumulate=False,
            record_every=self.every,
        )
        # The first moment is the feedforward state, before the controller is on.
        layers = [run.traces[f"layer_{l + 1}"] for l in range(shown.network.depth)]
        soma, basal, rate = ([layer[name][:, 1:] for layer in layers] for name in ("soma", "basal", "rate"))
        good = torch.stack([torch.isfinite(v).flatten(1).all(1) for v in soma]).all(0)
        soma, basal, rate = ([_silenced(v, good) for v in values] for values in (soma, basal, rate))
        post = [p.difference(v, b) for p, v, b in zip(shown.plant, soma, basal, strict=True)]
        # r_0 does not change, so that layer 1 needs no more than a mean of its post-synaptic term.
        terms = Terms(
            post=(post[0].mean(1), *(p.flatten(0, 1) for p in post[1:])),
            pre=(_silenced(shown.inputs, good), *(r.flatten(0, 1) for r in rate[:-1])),
        )
        return Taught(terms=terms, settled=good)


def _silenced(values: Tensor, keep: Tensor) -> Tensor:
    return torch.where(keep.reshape(-1, *[1] * (values.ndim - 1)), values, 0.0)


def rule_for(network: Network, method: MethodSettings, *, dt: float, steps: int) -> tuple[str, Rule]:
    """The rule of a method with a name for it: DFC is simulated, DFC-SS solved, all others have their own."""
    at_end = method.name in ("DFC-SS", "DFC-SS-fixed")
    if at_end and network.layers[-1] <= MOST_SOLVED:
        return "settled", settled_rule
    if at_end or method.name in ("DFC", "DFC-fixed"):
        simulated = SimulatedRule(dt=dt, steps=steps, at_end=at_end)
        return repr(simulated), simulated
    return "own", rule_of(network, method)
