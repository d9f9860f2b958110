"""The numbers of another chip of the same lot as values for a model that is built already; knows no engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.equations import Model
from neurosim.equations.layer import UNLIMITED
from neurosim.spec import ControllerDeviations, Deviations, LayerDeviations
from neurosim.spec.deviations import named

VOLTS = {
    *("offset", "saturation", "limit", "output_saturation", "output_offset"),
    *(f"{part}_{field}" for part in ("basal", "apical") for field in ("offset", "saturation", "limit")),
}
"""Deviations that are voltages in the equations."""
_LAYER = {
    "saturation": "V_linear",
    "limit": "soma_limit",
    "basal_saturation": "basal_range",
    "apical_saturation": "apical_range",
}
_CONTROLLER = {
    "limit": "V_limit",
    "saturation": "input_range",
    "output_saturation": "output_range",
    "output_tau": "tau_output",
    "droop": "droop_rate",
}
"""Parameters in the equations that have other names than the deviations."""


def redrawn_values(
    model: Model, chips: Sequence[Deviations], *, volts: float, seconds: float
) -> dict[str, ArrayLike]:
    """Values of layers, controller and synapse gains that make the model's chip this one; noise is left alone.

    What the model has no parameter for is left out, so it must have been built for a chip with all that these have.

    Parameters
    ----------
    chips : one for all columns, or one for each; then they share the synapses and what is one number for a group.
    volts, seconds : of an activity and of a time of 1.
    """
    first = chips[0]
    values: dict[str, ArrayLike] = {}
    for l in range(1, len(first.layers) + 1):
        parts = [chip.layers[l - 1] for chip in chips]
        values |= dict(_part(model, f"layer_{l}", parts, _LAYER, volts, seconds))
    controllers = [chip.controller for chip in chips]
    values |= dict(_part(model, "controller", controllers, _CONTROLLER, volts, seconds))
    for kind, gains in (("synapses", first.forward_gain), ("feedback", first.feedback_gain)):
        for position, gain in enumerate(gains, start=1):
            if "gain" in model.group(f"{kind}_{position}").parameters:
                values[f"{kind}_{position}.gain"] = gain
    return values


def _part(
    model: Model,
    name: str,
    parts: Sequence[LayerDeviations] | Sequence[ControllerDeviations],
    names: dict[str, str],
    volts: float,
    seconds: float,
) -> Iterator[tuple[str, NDArray[np.float64] | float]]:
    group = model.group(name)
    scales = {**dict.fromkeys(VOLTS, volts), "output_tau": seconds, "droop": 1 / seconds}
    numbers = [named(part) for part in parts]
    for field in numbers[0]:
        parameter = names.get(field, field)
        if "noise" in field or parameter not in group.parameters:
            continue
        value = np.stack([np.asarray(each[field], float) for each in numbers], axis=-1)
        value = np.where(np.isfinite(value), value * scales.get(field, 1.0), UNLIMITED)
        if group.parameters[parameter].shared:
            yield f"{name}.{parameter}", float(value.ravel()[0])
        else:
            yield f"{name}.{parameter}", np.broadcast_to(value, (group.n_units, group.n_columns)).ravel()
