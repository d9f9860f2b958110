"""Losses and their gradients against torch."""

import pytest
import torch

from neurosim.errors import DataError, SpecError
from neurosim.reference import loss, loss_gradient, target

from .cases import LOSSES


def _pair(batch: int = 6, n: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(3)
    output = 3 * torch.randn(batch, n, generator=draw, dtype=torch.float64)
    return output, torch.rand(batch, n, generator=draw, dtype=torch.float64)  # rows need not sum to 1


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_that_of_autograd(name: str) -> None:
    output, desired = _pair()
    output.requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(name, output, desired).sum(), output)
    torch.testing.assert_close(
        loss_gradient(name, output.detach(), desired), gradient, rtol=1e-14, atol=1e-15
    )


def test_cross_entropy_of_labels_is_torchs_own() -> None:
    output, _ = _pair()
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    desired = torch.nn.functional.one_hot(labels, 4).to(torch.float64)
    expected = torch.nn.functional.cross_entropy(output, labels, reduction="none")
    torch.testing.assert_close(loss("softmax_cross_entropy", output, desired), expected, rtol=1e-14, atol=0)


def test_softmax_survives_large_outputs() -> None:
    output = torch.tensor([[1000.0, -1000.0]], dtype=torch.float64)
    desired = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    assert loss("softmax_cross_entropy", output, desired).item() == 2000.0
    assert loss_gradient("softmax_cross_entropy", output, desired).tolist() == [[1.0, -1.0]]


def test_target_steps_each_sample_by_itself() -> None:
    output, desired = _pair()
    expected = output - 0.1 * (output - desired)
    torch.testing.assert_close(target("squared_error", output, desired, 0.1), expected, rtol=1e-15, atol=0)


def test_misfits_are_named() -> None:
    output, desired = _pair()
    with pytest.raises(SpecError, match="squared_error"):
        loss("squared_eror", output, desired)
    with pytest.raises(DataError, match="expected"):
        loss("squared_error", output, desired[:, :2])
