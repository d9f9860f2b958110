"""Methods that send the gradient down another path: where they must agree with the gradient."""

from __future__ import annotations

from typing import Any

from neurosim.analysis import relative_difference
from neurosim.reference import Parameters, bp_update
from neurosim.reference.training import update_of
from neurosim.result import Check
from neurosim.spec import Spec

OUTPUT_TOLERANCE = 1e-12
"""The same product of the same numbers in another order."""


def check_surrogate(spec: Spec, parameters: Parameters, inputs: Any, desired: Any) -> list[Check]:
    """The output layer is below no feedback path: its update is the gradient's."""
    own = update_of(spec.network, parameters, spec.method, inputs, desired, loss=spec.task.loss)
    gradient = bp_update(spec.network, parameters, inputs, desired, loss=spec.task.loss)
    return [
        Check(
            name="output layer",
            value=relative_difference(
                [
                    (own.forward[-1].numpy(), gradient.forward[-1].numpy()),
                    (own.biases[-1].numpy(), gradient.biases[-1].numpy()),
                ]
            ),
            tolerance=OUTPUT_TOLERANCE,
            detail="its update against −∂L/∂W",
        )
    ]
