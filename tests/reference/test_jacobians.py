"""The Jacobian against torch.func, and the accumulated sensitivity against the Jacobian."""

import pytest
import torch

from neurosim.learning import feedback_shapes, method_of
from neurosim.reference import feedforward, output_jacobian, phi
from neurosim.reference.jacobians import output_sensitivity
from neurosim.reference.plant import assemble_plant
from neurosim.reference.wiring import assemble_feedback
from neurosim.spec import ACTIVATIONS, Deviations, MethodSettings

from .cases import make_data, make_deviations, make_network, make_parameters, with_feedback


@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(4, 3), (4, 6, 3), (4, 6, 5, 7, 2)])
@pytest.mark.parametrize("mismatched", [False, True])
def test_jacobian_is_that_of_torch(hidden: str, sizes: tuple[int, ...], mismatched: bool) -> None:
    network = make_network(*sizes, hidden=hidden, output="sigmoid")
    parameters = make_parameters(network)
    chip = make_deviations(network) if mismatched else Deviations.ideal(network)
    inputs, _ = make_data(network, "squared_error", batch=3)
    jacobian = output_jacobian(
        network, parameters, feedforward(network, parameters, inputs, deviations=chip), chip
    )

    def pushed(pushes: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        rate, parts = x, torch.split(pushes, list(sizes[1:]))
        for l, layer in enumerate(chip.layers):
            gain, leak, offset, slope = (
                torch.tensor(a) for a in (layer.basal_gain, layer.leak, layer.offset, layer.slope)
            )
            w = torch.tensor(chip.forward_gain[l]) * parameters.forward[l]
            compartments = layer.basal, layer.apical
            basal_leak, basal_offset, apical_offset = (
                torch.tensor(a) for a in (layer.basal.leak, *(x.offset for x in compartments))
            )
            basal = (w @ rate + parameters.biases[l]) / basal_leak - basal_offset
            feedback = -torch.tensor(layer.apical_gain) * apical_offset
            soma = (gain * basal + feedback + offset) / leak + parts[l]
            rate = phi(network.activations[l], slope * soma)
        return rate

    zero = torch.zeros(sum(sizes[1:]), dtype=torch.float64)
    expected = torch.stack([torch.func.jacrev(lambda d, x=x: pushed(d, x))(zero) for x in inputs])
    # Products of at most four matrices with entries about 1: rounding only.
    torch.testing.assert_close(jacobian, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("mismatched", [False, True])
@pytest.mark.parametrize("name", ["DFC-fixed", "DFC-relayed"])
def test_sensitivity_is_the_jacobian_times_the_feedback(mismatched: bool, name: str) -> None:
    network = make_network(4, 6, 5, 3)
    shapes = feedback_shapes(method_of(name).feedback, network.layers)
    parameters = with_feedback(make_parameters(network), shapes)
    chip = make_deviations(network, feedback=shapes) if mismatched else None
    plant = assemble_plant(network, parameters, deviations=chip)
    wiring = assemble_feedback(network, parameters, MethodSettings(name=name), deviations=chip)
    inputs, _ = make_data(network, "squared_error")
    activity = feedforward(network, parameters, inputs, deviations=chip)
    feedback = torch.cat(
        [(x.apical_gain / x.leak)[:, None] * q for x, q in zip(plant, wiring.direct, strict=True)]
    )
    expected = output_jacobian(network, parameters, activity, chip) @ feedback
    sensitivity = output_sensitivity(plant, wiring.direct, activity)
    # Products of at most six matrices with entries about 1: rounding only.
    torch.testing.assert_close(sensitivity, expected, rtol=1e-12, atol=1e-14)
