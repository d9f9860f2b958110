"""Settled circuits beside the network against the solved ones; knows no time constants."""

from __future__ import annotations

import numpy as np

from neurosim.analysis import relative_difference
from neurosim.backend import Stimulus
from neurosim.emulate import VirtualChip, Weights
from neurosim.experiment.stability import parameters_of
from neurosim.reference.circuit import solve_circuit
from neurosim.result import Check
from neurosim.spec import Protocol


def settle_circuit(
    chip: VirtualChip, weights: Weights, stimulus: Stimulus, protocol: Protocol, tolerance: float
) -> list[Check]:
    """Every population at the end of a long presentation, against Newton's solution of all at once."""
    spec = chip.spec
    passage = chip.show(
        stimulus, weights=weights, protocol=protocol, learning=False, noise=False, ageing=False
    ).or_interrupt()
    shown = np.concatenate([stimulus.shown(p) for p in range(stimulus.n_presentations)])
    steady = solve_circuit(
        spec.network,
        parameters_of(chip.storage.held(weights)),
        spec.method,
        shown,
        stimulus.desired[stimulus.order.ravel()],
        loss=spec.task.loss,
        deviations=chip.deviations,
    )
    flat = {name: values.reshape(-1, values.shape[-1]) for name, values in passage.endings.items()}
    pairs = [(flat[f"{name}.state"], values.numpy()) for name, values in steady.populations.items()]
    solved, inside = bool(steady.converged.all()), bool(steady.within_rails.all())
    trouble = "" if solved else "; no isolated state at rest was found"
    trouble += "" if inside else "; the solved state lies beyond the rails"
    return [
        Check(
            name="rest state",
            value=relative_difference([(flat["held"], steady.rate[-1].numpy())]),
            tolerance=tolerance,
            detail="r⁻ as sampled and held, against the feedforward pass",
        ),
        Check(
            name="steady state: circuit",
            value=relative_difference(pairs) if solved and inside else float("nan"),
            tolerance=tolerance,
            detail=f"all populations once settled, against the Newton solution{trouble}",
        ),
    ]
