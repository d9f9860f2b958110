"""Direct and relayed feedback: what reaches each layer, and what the chain of relays amounts to."""

import pytest
import torch

from neurosim.errors import SpecError
from neurosim.learning import feedback_shapes, method_of
from neurosim.reference.wiring import assemble_feedback
from neurosim.spec import MethodSettings

from .cases import make_deviations, make_network, make_parameters, relayed_parameters, with_feedback

RELAYED = MethodSettings(name="DFC-relayed")


def test_a_relay_passes_on_what_the_layer_above_gets() -> None:
    network = make_network(4, 6, 5, 3)
    parameters = with_feedback(
        make_parameters(network), feedback_shapes(method_of("DFC-relayed").feedback, network.layers)
    )
    wiring = assemble_feedback(network, parameters, RELAYED)
    r = parameters.feedback
    output = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    top = output @ r[2].T
    middle = top @ r[1].T
    for ours, expected in zip(wiring.drives(output), (middle @ r[0].T, middle, top), strict=True):
        assert torch.equal(ours, expected)
    for q, drive in zip(wiring.direct, wiring.drives(output), strict=True):
        # Sums of at most 6 products in another order.
        torch.testing.assert_close(output @ q.T, drive, rtol=1e-13, atol=1e-15)


def test_a_relay_with_time_constants_passes_on_the_compartment_above() -> None:
    network = make_network(4, 6, 5, 3)
    wiring = assemble_feedback(network, relayed_parameters(network), RELAYED)
    draw = torch.Generator().manual_seed(0)
    output = torch.randn(7, 3, dtype=torch.float64, generator=draw)
    apical = [torch.randn(7, n, dtype=torch.float64, generator=draw) for n in (6, 5, 3)]
    drives = wiring.drives(output, apical)
    for l in (0, 1):
        assert torch.equal(drives[l], apical[l + 1] @ wiring.weights[l].T)
    assert torch.equal(drives[2], output @ wiring.weights[2].T)


@pytest.mark.parametrize("name", ["DFC", "DFC-fixed", "DFC-merged", "DFC-SSA", "DFA"])
def test_direct_feedback_does_not_look_at_the_compartments(name: str) -> None:
    network = make_network(4, 6, 3)
    parameters = make_parameters(network)
    wiring = assemble_feedback(network, parameters, MethodSettings(name=name))
    output = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    expected = [output @ q.T for q in parameters.feedback]
    silent = [torch.zeros(1, n, dtype=torch.float64) for n in (6, 3)]
    for apical in (None, silent):
        assert all(torch.equal(a, b) for a, b in zip(wiring.drives(output, apical), expected, strict=True))


def test_gains_multiply_what_is_stored() -> None:
    network = make_network(4, 6, 5, 3)
    parameters = relayed_parameters(network)
    shapes = feedback_shapes(method_of("DFC-relayed").feedback, network.layers)
    chip = make_deviations(network, feedback=shapes)
    wiring = assemble_feedback(network, parameters, RELAYED, deviations=chip)
    for ours, gain, stored in zip(wiring.weights, chip.feedback_gain, parameters.feedback, strict=True):
        assert torch.equal(ours, torch.tensor(gain) * stored)
    with pytest.raises(SpecError, match=r"deviations\.feedback_gain"):
        assemble_feedback(network, parameters, RELAYED, deviations=make_deviations(network))


@pytest.mark.parametrize("name", ["BP", "DI", "SLDI", "DTP"])
def test_methods_without_a_controller_of_the_neurons_are_refused(name: str) -> None:
    network = make_network(4, 6, 3)
    with pytest.raises(SpecError, match=f"{name} has no feedback from a controller"):
        assemble_feedback(network, make_parameters(network), MethodSettings(name=name))
