"""What noise does to a presentation, against noise put in step by step, and against theory where it is known."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch

from neurosim.reference import Parameters, simulate
from neurosim.reference.noise_response import Quiet, noise_responses
from neurosim.spec import Deviations, Spec
from tests.systems.nets import random_dataset, random_weights, spec_of

STEPS = 16
FIRST = slice(1)


def small(**tables: Any) -> Spec:
    method = {"proportional_gain": 0.5, **tables.pop("method", {})}
    run = {"settle_duration": 0.4, "learn_duration": 0.4, "dt_ratio": 0.05}
    return spec_of([4, 3, 2], method=method, run=run, **tables)


def parts(spec: Spec, samples: slice) -> tuple[Parameters, np.ndarray, np.ndarray]:
    data, weights = random_dataset(spec, 3), random_weights(spec, 4)
    parameters = Parameters.from_arrays(
        forward=weights.forward, biases=weights.biases, feedback=weights.feedback
    )
    return parameters, data.train_inputs[samples], data.train_desired[samples]


def found(spec: Spec, deviations: Deviations | None = None, samples: slice = FIRST) -> Quiet:
    parameters, inputs, desired = parts(spec, samples)
    return noise_responses(
        spec.network,
        parameters,
        spec.method,
        spec.run.protocol,
        inputs,
        desired,
        loss=spec.task.loss,
        deviations=deviations,
    )


def signals(spec: Spec, deviations: Deviations | None, **noise: Any) -> dict[str, np.ndarray]:
    parameters, inputs, desired = parts(spec, FIRST)
    shown = simulate(
        spec.network,
        parameters,
        attrs.evolve(spec.method, weight_updates="buffered", learning_rate=1.0),
        spec.run.protocol,
        inputs,
        desired,
        loss=spec.task.loss,
        deviations=deviations,
        **{"wander": {}, **noise},
    )
    layers = [shown.traces[f"layer_{l}"] for l in (1, 2)]
    moved = {
        f"displacement_{l}": (layer["soma"] - layer["basal"])[:, -1]
        for l, layer in enumerate(layers, start=1)
    }
    pieces = zip(shown.updates.forward, shown.updates.biases, strict=True)
    update = torch.cat([x.reshape(-1) for pair in pieces for x in pair])
    everything = {"output": shown.traces["controller"]["output"][:, -1], **moved, "update": update}
    return {name: y.reshape(-1).numpy() for name, y in everything.items()}


SIZES = {"soma": 5, "basal": 5, "apical": 5, "integrator": 2, "held": 2, "difference": 5}
TAUS = pytest.mark.parametrize("taus", [(0.0, 0.0), (0.1, 0.15)])


@pytest.mark.parametrize("entrance", SIZES)
@TAUS
def test_the_response_is_that_of_every_step_one_by_one(entrance: str, taus: tuple[float, float]) -> None:
    """Σ over steps and units of the squared central difference, of white noise; and of noise that stays as
    it is, the square of what a constant does. Differences of 1e-4 leave 1e-7."""
    network = dict(zip(("tau_basal_ratio", "tau_apical_ratio"), taus, strict=True))
    spec = small(network=network)
    chip = attrs.evolve(Deviations.ideal(spec.network), auto_zero=True)
    quiet, h = found(spec, chip), 1e-4
    once = entrance in ("held", "difference")
    shape = (1, SIZES[entrance]) if once else (STEPS, 1, SIZES[entrance])

    def differences(noise: np.ndarray) -> dict[str, np.ndarray]:
        kind = "sampled" if once else "wander"
        up, down = (signals(spec, chip, **{kind: {entrance: s * h * noise}}) for s in (1, -1))
        return {name: (up[name] - down[name]) / (2 * h) for name in up}

    base = signals(spec, chip)
    white = {name: [0.0, 0.0] for name in base}
    constant = dict.fromkeys(base, 0.0)
    for unit in range(SIZES[entrance]):
        for place in [()] if once else [(k,) for k in range(STEPS)]:
            noise = np.zeros(shape)
            noise[(*place, 0, unit)] = 1
            for name, change in differences(noise).items():
                along = change @ base[name] / np.linalg.norm(base[name])
                white[name][0] += change @ change
                white[name][1] += change @ change - along**2
        noise = np.zeros(shape)
        noise[..., unit] = 1
        for name, change in differences(noise).items():
            constant[name] += change @ change
    for name, (square, across) in white.items():
        response, one = quiet.responses[name], {entrance: torch.ones(1, 1, dtype=torch.float64)}
        assert response.square(one) == pytest.approx(square, rel=1e-6, abs=1e-14)
        assert response.square_across(one) == pytest.approx(across, rel=1e-6, abs=1e-9 * square + 1e-14)
        for_ever = {entrance: torch.ones(1, 1 if once else STEPS, dtype=torch.float64)}
        assert response.square(for_ever) == pytest.approx(constant[name], rel=1e-6, abs=1e-12)
        np.testing.assert_allclose(
            dict(zip(base, quiet.signals.parts().values(), strict=True))[name], base[name], atol=1e-14
        )


def test_columns_have_noise_of_their_own() -> None:
    """What two samples do together is what each does alone; of their mean update, a quarter."""
    spec = small()
    both, *each = (found(spec, samples=samples) for samples in (slice(2), slice(1), slice(1, 2)))
    for name, response in both.responses.items():
        alone = [one.responses[name] for one in each]
        for entrance, values in response.whole.items():
            total = sum(one.whole[entrance] for one in alone) / (4 if name == "update" else 1)
            np.testing.assert_allclose(values, total, rtol=1e-9, atol=1e-12)


def test_many_entries_are_met_by_random_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spread of 256 directions for all entries has a standard error of 4 % at most; three of them."""
    spec = small()
    exact = found(spec)
    monkeypatch.setattr("neurosim.reference.noise_response.MOST_COLUMNS", 1)
    probed = found(spec)
    one = {"soma": torch.ones(1, 1, dtype=torch.float64)}
    for name, response in exact.responses.items():
        assert probed.responses[name].square(one) ** 0.5 == pytest.approx(
            response.square(one) ** 0.5, rel=0.12
        )
    np.testing.assert_array_equal(
        probed.responses["update"].along["soma"], exact.responses["update"].along["soma"]
    )


def test_slow_noise_hardly_reaches_an_update_that_is_zeroed() -> None:
    """Noise of the basal compartments that lasts much longer than a presentation is an offset that auto-zero takes
    off, what it does to the rates left; without auto-zero it is in every post-synaptic term."""
    spec = small()
    chip = Deviations.ideal(spec.network)
    for_ever = {"soma": torch.ones(1, STEPS, dtype=torch.float64)}
    plain, zeroed = (
        found(spec, attrs.evolve(chip, auto_zero=on)).responses["update"].square(for_ever)
        for on in (False, True)
    )
    assert zeroed < 0.05 * plain
