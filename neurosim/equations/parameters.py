"""Parameters of a chip as those of a Model, and the lines that declare them; knows no group."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from brian2 import Quantity

from hardware_models import Parameter
from neurosim.equations.model import ModelParameter
from neurosim.equations.units import unit_text


def model_parameter(parameter: Parameter) -> ModelParameter:
    """A chip's parameter as plain SI numbers and a unit's name."""
    value = Quantity(parameter.value)
    plain = np.asarray(value, dtype=float)
    return ModelParameter(
        value=float(plain) if plain.ndim == 0 else plain,
        unit=unit_text(value),
        meaning=parameter.meaning,
    )


def declarations(parameters: Mapping[str, ModelParameter]) -> list[str]:
    """The lines that declare parameters in a group's equations."""
    return [
        f"{name} : integer (shared, constant)"
        if p.integer
        else f"{name} : {p.unit} ({'shared, constant' if p.shared else 'constant'})"
        for name, p in parameters.items()
    ]


def noise_key_parameter() -> ModelParameter:
    """What chooses a group's random numbers."""
    return ModelParameter(value=0.0, unit="1", meaning="which noise, set for each run", integer=True)
