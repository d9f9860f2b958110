"""The state at rest against the equations it solves."""

import torch

from neurosim.reference import feedforward, phi
from neurosim.spec import Deviations

from .cases import make_data, make_deviations, make_network, make_parameters


def test_ideal_chip_is_no_chip() -> None:
    network = make_network(4, 6, 3, hidden="softplus")
    parameters = make_parameters(network)
    inputs, _ = make_data(network, "squared_error")
    bare = feedforward(network, parameters, inputs)
    chip = feedforward(network, parameters, inputs, deviations=Deviations.ideal(network))
    assert all(torch.equal(a, b) for a, b in zip(bare.soma, chip.soma, strict=True))
    expected = phi("softplus", inputs @ parameters.forward[0].T + parameters.biases[0])
    torch.testing.assert_close(bare.rate[0], expected, rtol=1e-14, atol=0)


def test_nothing_pulls_on_a_soma_at_rest() -> None:
    network = make_network(4, 6, 5, 3, hidden="sigmoid")
    parameters = make_parameters(network)
    chip = make_deviations(network)
    inputs, _ = make_data(network, "squared_error")
    state = feedforward(network, parameters, inputs, deviations=chip)
    for soma, basal, layer in zip(state.soma, state.basal, chip.layers, strict=True):
        leak, gain, offset = (torch.tensor(a) for a in (layer.leak, layer.basal_gain, layer.offset))
        feedback = torch.tensor(layer.apical_gain) * -torch.tensor(
            layer.apical.offset
        )  # behind a current of 0
        pull = -leak * soma + gain * basal + feedback + offset
        assert float(pull.abs().max()) < 1e-15 * 20  # a dozen roundings of numbers about 1
