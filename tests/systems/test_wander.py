"""1/f and telegraph noise of an emulated chip while it learns: against torch, from passage to passage, off."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.analysis import relative_difference
from neurosim.backend import Stimulus
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.emulate.design import design_of
from neurosim.equations import assemble
from neurosim.errors import DataError, SpecError
from neurosim.experiment.learners import ChipLearner
from neurosim.reference import Parameters, simulate
from neurosim.result import INTERRUPTED
from neurosim.spec import Spec
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of, trace_pairs
from tests.systems.wandering import sampled_given, wander_given, white_normals

COLUMNS = 3
CHIP = "subthreshold_180nm"
TRAPS = {"density": "2e-4 um^-2", "fastest": "0.1 ms", "slowest": "10 ms"}
"""A quarter of a trap in a soma's three transconductors of 400 µm² each, as fast as a presentation is long."""


def noisy(**tables: Any) -> Spec:
    chip = {"name": CHIP, "process": {"traps": TRAPS}, **tables.pop("chip", {})}
    run = {"batch": COLUMNS, "settle_duration": 1.0, "learn_duration": 1.2}
    return spec_of([6, 5, 4, 3], chip=chip, run=run, **tables)


def show(chip: VirtualChip, presentations: int = 1, **options: Any) -> Passage:
    spec = chip.spec
    return chip.show(
        stimulus_of(random_dataset(spec, 3), COLUMNS, presentations),
        weights=random_weights(spec, 4),
        protocol=spec.run.protocol,
        traced=(0, presentations),
        **options,
    )


@pytest.mark.parametrize(
    ("backend", "ratios"),
    [
        ("numpy", (0.0, 0.0)),
        ("numpy", (0.1, 0.15)),
        pytest.param(
            "cpp", (0.1, 0.15), marks=pytest.mark.cpp
        ),  # (0, 0) is compiled in `test_backends_agree`
    ],
)
def test_a_noisy_presentation_is_that_of_torch(backend: str, ratios: tuple[float, float]) -> None:
    """Traces and updates of a chip with all its noise, worked out once more from the counters: the same float64 steps
    in another order, 1e-9 over 110 of them."""
    network = dict(zip(("tau_basal_ratio", "tau_apical_ratio"), ratios, strict=True))
    spec = noisy(network=network)
    chip = VirtualChip(spec, backend=backend)
    protocol = spec.run.protocol
    seen = show(chip, passage=5)
    stimulus, weights = stimulus_of(random_dataset(spec, 3), COLUMNS), random_weights(spec, 4)
    given, sampled = (told(chip, protocol, passage=5) for told in (wander_given, sampled_given))
    soma_noise, apical_noise = white_normals(chip, protocol.period, passage=5)
    assert all(np.any(values) for values in (*given.values(), *sampled.values()))
    assert any(np.any(source.steps) for source in chip.deviations.sources.values())

    def told(**options: Any) -> Any:
        return simulate(
            spec.network,
            Parameters.from_arrays(forward=weights.forward, biases=weights.biases, feedback=weights.feedback),
            spec.method,
            protocol,
            stimulus.shown(0),
            stimulus.desired[stimulus.order[0]],
            loss=spec.task.loss,
            deviations=chip.deviations,
            soma_noise=soma_noise,
            apical_noise=apical_noise,
            **options,
        )

    whole = told(wander=given, sampled=sampled)
    assert relative_difference(trace_pairs(chip, seen, whole.traces)) <= 1e-9
    changes = [
        (after - before, update.numpy())
        for after, before, update in zip(
            seen.weights.forward, weights.forward, whole.updates.forward, strict=True
        )
    ]
    assert relative_difference(changes) <= 1e-8  # a small difference of larger weights
    with pytest.raises(SpecError, match="noise that is not given"):
        told()
    without = told(wander={})
    assert not np.allclose(without.traces["layer_1"]["soma"], whole.traces["layer_1"]["soma"], atol=1e-4)
    for wrong in ({"wander": {"rate": given["soma"]}}, {"wander": {}, "sampled": {"soma": sampled["held"]}}):
        with pytest.raises(DataError, match="no such state"):
            told(**wrong)


def slow_states(chip: VirtualChip, passage: Passage) -> dict[str, np.ndarray]:
    """Relaxations of at least ten presentations, by reference; each a standard normal."""
    found = {}
    for part, source in chip.deviations.sources.items():
        for number, tau in enumerate(source.taus):
            if tau > 10 * chip.spec.run.protocol.period * chip.spec.run.dt_ratio:
                name = f"{part}_flicker_{number}"
                found[name] = passage.wander[name]
    return found


def test_slow_noise_goes_on_from_passage_to_passage() -> None:
    """φ of a relaxation that lasts τ moves by √(1 − e^(−2T/τ)) in T: the mean square over all units within four
    standard errors; without what was carried it starts anywhere, with a mean square of 2."""
    chip = VirtualChip(noisy(), backend="numpy")
    length = 2 * chip.spec.run.protocol.period * chip.spec.run.dt_ratio
    first = show(chip, 2, passage=0)
    second = show(chip, 2, passage=1, wander=first.wander)
    fresh = slow_states(chip, show(chip, 2, passage=1))
    before, after = slow_states(chip, first), slow_states(chip, second)
    taus = {
        f"{part}_flicker_{number}": tau
        for part, source in chip.deviations.sources.items()
        for number, tau in enumerate(source.taus)
    }
    assert len(before) > 20
    moved = np.concatenate(
        [
            (after[name] - np.exp(-length / taus[name]) * phi) / np.sqrt(-np.expm1(-2 * length / taus[name]))
            for name, phi in before.items()
        ]
    )
    jumped = np.concatenate([fresh[name] - phi for name, phi in before.items()])
    assert np.mean(moved**2) == pytest.approx(1, abs=4 * np.sqrt(2 / moved.size))
    assert np.mean(jumped**2) == pytest.approx(2, abs=8 * np.sqrt(2 / moved.size))


def test_two_passages_are_as_long_as_one() -> None:
    """The clock of what is held goes on: what has not moved yet at the end of a passage does so in the next. The
    last move of a passage of 110 steps is 25 steps after its 50th, which samples."""
    chip = VirtualChip(noisy(), backend="numpy")
    passage = show(chip, 1)
    clock = passage.wander["layer_1.advanced_50"]
    protocol = chip.spec.run.protocol
    assert (protocol.period, protocol.settle_steps) == (110, 50)
    assert clock / chip.model.dt == pytest.approx(75 - 110, abs=1e-9)


def test_noise_can_be_turned_off() -> None:
    """All of it: two passages of other noise are the same to the last bit; and what remembers stands still."""
    spec = noisy()
    chip = VirtualChip(spec, backend="numpy")
    one, other = (show(chip, passage=p, noise=False) for p in (1, 2))
    for part, traces in one.traces.items():
        for name, trace in traces.items():
            np.testing.assert_array_equal(trace.values, other.traces[part][name].values)
    loud = show(chip, passage=1)
    paused = show(chip, passage=2, noise=False, wander=loud.wander)
    for name, values in loud.wander.items():
        np.testing.assert_allclose(paused.wander[name], values, rtol=1e-14)  # a time goes through steps
    quiet = chip.deviations.without_noise()
    assert chip.deviations.noisy
    assert not quiet.noisy
    assert not quiet.sources


@pytest.mark.parametrize("switch", [{"noise": False}, {"process": {"n": {"flicker": "0 V^2*um^2"}}}])
def test_what_is_off_is_not_there(switch: dict[str, Any]) -> None:
    """A chip without noise has no state, no parameter and no code of it; without flicker of n devices p has some."""
    model = assemble(design_of(spec_of([4, 3], chip={"name": CHIP, **switch})))
    texts = [g.equations for g in model.groups] + [c.code for c in model.code]
    assert any("flicker" in text for text in texts) == ("noise" not in switch)
    if "noise" in switch:
        assert not any("noise" in text or "wander" in text or "xi_" in text for text in texts)


def test_only_coloured_noise_differs() -> None:
    """With the levels of 1/f noise and traps at 0, the chip is that of its white noise; with them it is not."""
    chip = VirtualChip(noisy(), backend="numpy")
    same = show(chip, passage=3), show(chip, passage=3)
    np.testing.assert_array_equal(*(x.traces["layer_2"]["soma"].values for x in same))
    other = show(chip, passage=4)
    assert not np.array_equal(
        other.traces["layer_2"]["soma"].values, same[0].traces["layer_2"]["soma"].values
    )
    starts = [attrs.asdict(p)["wander"]["layer_1.soma_flicker_0"] for p in (same[0], other)]
    assert not np.array_equal(*starts)


def test_a_learner_s_chip_is_one_chip() -> None:
    """Lessons and tests go on from each other's noise: the same passages shown one by one; and a lesson that is
    interrupted leaves the noise as it was, so that repeating it gives what it would have given."""
    spec = attrs.evolve(noisy(), source="")
    dataset = random_dataset(spec, 3, samples=2 * COLUMNS)
    order = np.arange(2 * COLUMNS, dtype=np.int32)
    chip = VirtualChip(spec, backend="numpy")
    learner, cut = ChipLearner(chip, dataset), ChipLearner(chip, dataset)
    for epoch in range(2):
        learner.learn(epoch, order, None)
        learner.test(epoch + 1)
    passage, weights = None, Weights.initial(spec)
    stimulus = Stimulus(
        inputs=dataset.train_inputs,
        desired=dataset.train_desired,
        order=order.reshape(2, COLUMNS),
        scale=dataset.scale,
    )
    still = attrs.evolve(spec.run.protocol, learn_steps=0)
    for number, (protocol, learning) in enumerate([(spec.run.protocol, True), (still, False)] * 2):
        passage = chip.show(
            stimulus,
            weights=weights,
            protocol=protocol,
            learning=learning,
            passage=number if learning else number + 2,
            wander=passage.wander if passage else None,
        )
        weights = passage.weights if learning else weights
    for a, b in zip(learner.weights.forward, weights.forward, strict=True):
        np.testing.assert_array_equal(a, b)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    cut.learn(0, order, None)
    cut.test(1)
    assert cut.learn(1, order, interrupt).status.kind == INTERRUPTED
    cut.learn(1, order, None)
    for a, b in zip(learner.weights.forward, cut.weights.forward, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("chip", "key"),
    [
        ({"slowest_noise": "1e9 s"}, "slowest_noise"),
        ({"process": {"traps": {"density": "1 um^-2"}}}, "process.traps.density"),
    ],
)
def test_noise_that_cannot_be_made_is_named(chip: dict[str, Any], key: str) -> None:
    """More decades than there are places for, and more traps in a unit than a few."""
    spec = spec_of([4, 3], chip={"name": CHIP, **chip}, run={"dt_ratio": 1e-5})
    with pytest.raises(SpecError) as caught:
        design_of(spec)
    assert f"chip.{key}" in str(caught.value)
