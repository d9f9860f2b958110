"""Training runs: what they leave, that they learn, and that trouble becomes a status."""

from __future__ import annotations

import re

import attrs
import numpy as np
import pytest

from hardware_models import load_preset, preset_names
from neurosim.errors import SpecError, UnstableError
from neurosim.experiment import Watcher, run, verify
from neurosim.result import INTERRUPTED, Result
from neurosim.spec import Spec
from tests.experiment.cases import digits_spec


def _spec(name: str = "DFC-fixed", *, verify_samples: int = 4) -> Spec:
    rate = 0.3 if name == "BP" else 1.0
    method = {"name": name, "learning_rate": rate, "target_stepsize": 0.8}
    return digits_spec(12, samples=160, method=method, batch=8, verify_samples=verify_samples)


@pytest.mark.parametrize("method", ["DFC-fixed", "DFC-SS-fixed", "DFC-SSA-fixed", "BP"])
def test_every_method_learns_digits_and_verifies(method: str) -> None:
    """160 samples, three epochs: chance is 10 %, all methods are far above it."""
    result = run(_spec(method)).result
    accuracy = result.learning["test_accuracy"].values
    assert len(accuracy) == 4  # before training and after each epoch
    assert accuracy[-1] > 0.5 > accuracy[0]
    assert result.learning["train_loss"].values[-1] < result.learning["train_loss"].values[0]
    assert result.status.good
    assert result.verified
    assert result.verification


def test_checkpoints_hold_the_epochs_so_far() -> None:
    seen: list[Result] = []
    run(_spec(verify_samples=0), watcher=Watcher(checkpoint=seen.append))
    assert [len(r.learning["train_loss"].values) for r in seen] == [1, 2, 3]


def test_an_interrupt_keeps_what_was_finished() -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what.startswith("epoch 2") and done == 5:
            raise KeyboardInterrupt

    result = run(_spec(), watcher=Watcher(progress=interrupt)).result
    assert result.status.kind == INTERRUPTED
    assert len(result.learning["test_accuracy"].values) == 2
    assert all(np.isfinite(p.weights).all() for p in result.connectivity.values())


def test_a_network_that_does_not_fit_the_task_is_refused() -> None:
    spec = _spec()
    with pytest.raises(SpecError, match="64 inputs and 10 outputs"):
        run(attrs.evolve(spec, network=attrs.evolve(spec.network, layers=(63, 12, 10))))


@pytest.mark.parametrize("chip", [name for name in preset_names() if name != "ideal"])
def test_methods_without_dynamics_are_refused_on_real_chips(chip: str) -> None:
    """With all that the chip has listed."""
    spec = attrs.evolve(_spec("BP"), chip={"name": chip})
    listed = re.escape(", ".join(load_preset(chip).chip.imperfections))
    with pytest.raises(SpecError, match=rf"no dynamics[\s\S]*{chip}, which has {listed}"):
        run(spec)


def test_a_step_too_large_is_refused_with_the_largest_that_works() -> None:
    spec = _spec()
    large = attrs.evolve(spec, run=attrs.evolve(spec.run, dt_ratio=0.3))
    with pytest.raises(UnstableError, match="below") as caught:
        verify(large)
    largest = float(caught.value.expected.removeprefix("below "))
    works = attrs.evolve(spec, run=attrs.evolve(spec.run, dt_ratio=0.9 * largest))
    assert verify(works).passed
