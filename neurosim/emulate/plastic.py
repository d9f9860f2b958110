"""What is written into a model's weights and rates before a run; knows no engine."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import ArrayLike

from neurosim.emulate.weights import Weights
from neurosim.equations import Design, Model
from neurosim.equations.controlled import learns_feedback
from neurosim.equations.optimizer import ADAM_STATES
from neurosim.equations.synapse import CONTINUOUS
from neurosim.learning import Decoders
from neurosim.spec import Deviations


@attrs.frozen(kw_only=True)
class Rates:
    """Learning rates of one run, without unit."""

    forward: float
    """η of weights and biases."""
    feedback: float = 0.0
    """η_Q of feedback weights that are learned, Ω of decoders."""


def weight_values(
    design: Design, deviations: Deviations, weights: Weights, *, rates: Rates, plastic_steps: int
) -> dict[str, ArrayLike]:
    """Stored and effective weights, and the factors on what accumulates over `plastic_steps` of a presentation."""
    values: dict[str, ArrayLike] = {}
    for l in range(1, design.network.depth + 1):
        forward, biases = weights.forward[l - 1], weights.biases[l - 1]
        values[f"synapses_{l}.stored"] = forward
        values[f"synapses_{l}.weight"] = deviations.forward_gain[l - 1] * forward
        values[f"biases_{l}.stored"] = biases
        values[f"biases_{l}.weight"] = biases
        if not design.sleeps:
            for name in (f"synapses_{l}", f"biases_{l}"):
                values |= _factors(design, name, rates.forward, plastic_steps)
    for position, stored in enumerate(weights.feedback, start=1):
        name = f"feedback_{position}"
        values[f"{name}.stored"] = stored
        values[f"{name}.weight"] = deviations.feedback_gain[position - 1] * stored
        values |= dict(_feedback_factors(design, name, rates.feedback, plastic_steps))
    return values


def optimizer_outputs(model: Model) -> list[str]:
    """What the optimiser carries from run to run."""
    return [
        f"{group.name}.{state}"
        for group in model.groups
        if "beta1" in group.parameters
        for state in ADAM_STATES
    ]


def _factors(design: Design, name: str, rate: float, steps: int) -> dict[str, ArrayLike]:
    optimizer = design.method.optimizer
    count = steps * design.columns
    if design.method.weight_updates == CONTINUOUS:
        dt = float(design.dt_ratio * design.chip.time_base)
        return {f"{name}.update_rate": float(np.float64(rate) / count) / dt}
    values: dict[str, ArrayLike] = {}
    decay = optimizer.weight_decay
    if optimizer.name == "sgd":
        values[f"{name}.update_scale"] = float(np.float64(rate) / count)
    else:
        values[f"{name}.learning_rate"] = rate
    if optimizer.name == "adam":
        values |= {f"{name}.update_scale": 1.0 / count, f"{name}.power1": 1.0, f"{name}.power2": 1.0}
    elif decay > 0:
        decay *= rate
    if decay > 0:
        values[f"{name}.decay_scale"] = decay
    return values


def _feedback_factors(design: Design, name: str, rate: float, steps: int) -> Iterator[tuple[str, ArrayLike]]:
    """ΔQ = η_Q (−⟨v_fb uᵀ⟩/σ² − β Q), products in V²; decoders: ΔΩ = η_Ω ⟨post σᵀ⟩."""
    optimizer, sleep = design.method.optimizer, design.method.sleep
    if isinstance(design.parts.feedback, Decoders):
        scale, decay = 1.0 / design.columns, 0.0
    elif learns_feedback(design):
        volts = float(design.chip.voltage_unit)
        scale, decay = -1.0 / (steps * design.columns * (sleep.noise * volts) ** 2), sleep.decay
    else:
        return
    plain = optimizer.name != "adam"
    yield f"{name}.decay_scale", decay * rate if plain else decay
    if optimizer.name == "sgd":
        yield f"{name}.update_scale", scale * rate
        return
    yield f"{name}.learning_rate", rate * (np.sign(scale) if optimizer.name == "fixed_norm" else 1.0)
    if optimizer.name == "adam":
        yield from ((f"{name}.update_scale", scale), (f"{name}.power1", 1.0), (f"{name}.power2", 1.0))
