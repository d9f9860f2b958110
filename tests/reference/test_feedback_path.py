"""What the controller's output comes to in apical compartments at rest, and how it answers to small changes."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import torch

from neurosim.learning import feedback_shapes, method_of
from neurosim.reference.feedback_path import apical_slopes, resting_apicals
from neurosim.reference.plant import assemble_plant
from neurosim.reference.wiring import assemble_feedback
from neurosim.spec import MethodSettings

from .cases import make_deviations, make_network, make_parameters, relayed_parameters

SIZES = (4, 6, 5, 3)
CASES = [("DFC-fixed", 0.0), ("DFC-fixed", 0.3), ("DFC-relayed", 0.0), ("DFC-relayed", 0.3)]


def path(name: str, tau: float, limit: float) -> tuple[Any, Any]:
    network = attrs.evolve(make_network(*SIZES), tau_apical_ratio=tau)
    parameters = relayed_parameters(network) if name == "DFC-relayed" else make_parameters(network)
    shapes = feedback_shapes(method_of(name).feedback, network.layers)
    chip = make_deviations(network, feedback=shapes, saturation=1.5, soma_limit=limit)
    plant = assemble_plant(network, parameters, deviations=chip)
    return plant, assemble_feedback(network, parameters, MethodSettings(name=name), deviations=chip)


def outputs() -> torch.Tensor:
    return 0.4 * torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("name", "tau"), CASES)
def test_nothing_flows_into_a_compartment_at_rest(name: str, tau: float) -> None:
    """leak·S(v_fb + offset) is the current that drives it: Q u, or R of what the layer above holds or is driven by."""
    plant, wiring = path(name, tau, 1e3)
    output = outputs()
    apicals = resting_apicals(plant, wiring, output)
    drives = wiring.drives(output, apicals if tau > 0 else None)
    for layer, drive, here in zip(plant, drives, apicals, strict=True):
        # a dozen roundings of currents about 1, and of an inverse tangent whose slope is below 10 here
        assert float(layer.apical.push(drive, here).abs().max()) < 1e-13


@pytest.mark.parametrize("limit", [1e3, 0.6])
@pytest.mark.parametrize(("name", "tau"), CASES)
def test_slopes_are_the_derivatives(name: str, tau: float, limit: float) -> None:
    """Against automatic differentiation, also where some compartments are at a rail: rounding alone."""
    plant, wiring = path(name, tau, limit)
    output = outputs()
    apicals = resting_apicals(plant, wiring, output)
    for l, slope in enumerate(apical_slopes(plant, wiring, apicals)):
        expected = torch.stack(
            [
                torch.func.jacrev(lambda u, l=l: resting_apicals(plant, wiring, u[None])[l][0])(u)
                for u in output
            ]
        )
        torch.testing.assert_close(slope, expected, rtol=1e-11, atol=1e-13)
    at_rail = [
        (v + x.apical.offset).abs() >= limit * (1 - 1e-12) for v, x in zip(apicals, plant, strict=True)
    ]
    assert any(bool(here.any()) for here in at_rail) == (limit < 1)
    assert not all(bool(here.all()) for here in at_rail)
