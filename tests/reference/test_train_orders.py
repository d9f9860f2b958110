"""What training refuses at the call: methods, settings, data, and orders that are no lists of samples."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference import evaluate, pretrain, train_epochs
from neurosim.spec import MethodSettings

from .cases import make_network, make_parameters, make_start


def test_refusals_come_at_the_call() -> None:
    network = make_network(2, 2)
    parameters = make_parameters(network)
    data = (np.zeros((3, 2)), np.zeros((3, 2)))
    dfc, bp = MethodSettings(), MethodSettings(name="BP")
    with pytest.raises(SpecError, match=r"DFC-fixed runs as dynamics[\s\S]*BP, FA[\s\S]*settled_rule"):
        train_epochs(network, parameters, dfc, *data, [], loss="squared_error", batch=1)
    with pytest.raises(SpecError, match="batch"):
        train_epochs(network, parameters, bp, *data, [], loss="squared_error", batch=0)
    with pytest.raises(SpecError, match="float16"):
        train_epochs(network, parameters, bp, *data, [], loss="squared_error", batch=1, dtype=torch.float16)
    for bad in (2.5, True, "8"):
        with pytest.raises(SpecError, match="batch"):
            train_epochs(network, parameters, bp, *data, [], loss="squared_error", batch=bad)
    with pytest.raises(DataError, match="desired"):
        train_epochs(network, parameters, bp, data[0], data[1][:2], [], loss="squared_error", batch=1)
    with pytest.raises(DataError, match="no samples"):
        evaluate(network, parameters, np.zeros((0, 2)), np.zeros((0, 2)), "squared_error")


def test_feedback_that_cannot_invert_its_layers_is_refused() -> None:
    expanding, data = make_network(3, 2, 4), (np.zeros((3, 2)), np.zeros((3, 2)))
    ndi = MethodSettings(name="NDI", leak=0.0)
    deep = make_network(2, 2, 2)
    singular = attrs.evolve(
        make_parameters(deep),
        forward=(torch.ones(2, 2), torch.ones(2, 2)),
        feedback=(-torch.ones(2, 2),),
    )
    with pytest.raises(SpecError, match="singular"):
        train_epochs(deep, singular, ndi, *data, [], loss="squared_error", batch=1)
    wide = make_start(expanding, ndi)
    wrong = (np.zeros((3, 3)), np.zeros((3, 4)))
    with pytest.raises(SpecError, match=r"layer 2 cannot be inverted without a leak"):
        train_epochs(expanding, wide, ndi, *wrong, [], loss="squared_error", batch=1)
    with pytest.raises(SpecError, match=r"parameters\.feedback"):
        train_epochs(
            expanding,
            attrs.evolve(wide, feedback=()),
            attrs.evolve(ndi, leak=0.1),
            *wrong,
            [],
            loss="squared_error",
            batch=1,
        )


@pytest.mark.parametrize(
    "order",
    [
        np.ones(3, bool),
        np.array([0.0, 1.0]),
        np.array([-1, 0]),
        np.array([3]),
        np.array([], int),
        np.eye(2, dtype=int),
        1,
    ],
    ids=["mask", "floats", "negative", "beyond", "empty", "matrix", "number"],
)
def test_an_order_is_a_list_of_samples(order: Any) -> None:
    """A mask or a negative index would quietly train on other samples."""
    network = make_network(2, 2, tau_soma_ratio=0.01, tau_apical_ratio=0.3)
    data = (np.zeros((3, 2)), np.zeros((3, 2)))
    bp, dfc = MethodSettings(name="BP"), MethodSettings(name="DFC-SSA")
    parameters = make_parameters(network)
    with pytest.raises(DataError, match=r"orders[\s\S]*0 to 2"):
        list(train_epochs(network, parameters, bp, *data, [order], loss="squared_error", batch=1))
    with pytest.raises(DataError, match=r"orders[\s\S]*0 to 2"):
        list(pretrain(network, parameters, dfc, data[0], [order], batch=1))
