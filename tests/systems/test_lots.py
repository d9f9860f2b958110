"""Many chips in one run against each of them alone."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from neurosim.analysis import relative_difference
from neurosim.backend import Emulator, Stimulus, build_emulator, memory
from neurosim.backend.cpp import CppEmulator
from neurosim.backend.emulator import initial_values
from neurosim.emulate import Lot, Passage, VirtualChip, Weights
from neurosim.errors import DataError, MemoryShortage, SpecError
from neurosim.result import DIVERGED, DONE
from neurosim.spec import Spec
from tests.systems.nets import random_dataset, random_weights, spec_of, stimulus_of

ROUNDING = 1e-9
"""Hundreds of float64 steps of a contracting loop, summed in another order."""
CHIP = "subthreshold_180nm"


def specs_of(
    chips: int, *, batch: int = 1, backend: str = "numpy", chip: Any = CHIP, **tables: Any
) -> list[Spec]:
    kind = chip if isinstance(chip, dict) else {"name": chip}
    method = {"learning_rate": 0.5, "target_stepsize": 0.3, "leak": 0.01, **tables.pop("method", {})}
    run = {"batch": batch, "settle_duration": 1.0, "learn_duration": 1.5, "backend": backend}
    return [
        spec_of(
            [7, 6, 4],
            chip={**kind, "seed": seed},
            method=method,
            run=run,
            **{"task": {"loss": "softmax_cross_entropy"}, **tables},
        )
        for seed in range(3, 3 + chips)
    ]


def weights_of(specs: list[Spec]) -> list[Weights]:
    """Others for each chip; the feedback as the method has it."""
    return [
        attrs.evolve(Weights.initial(spec), biases=random_weights(spec, seed).biases)
        for seed, spec in enumerate(specs)
    ]


def numbers(passage: Passage) -> list[np.ndarray]:
    traces = [trace.values for part in passage.traces.values() for trace in part.values()]
    weights, carried = passage.weights, [*passage.optimizer.values(), *passage.weights.cells.values()]
    return [
        *traces,
        *passage.endings.values(),
        *weights.forward,
        *weights.biases,
        *weights.feedback,
        *carried,
    ]


def show_alone(engine: Emulator, chip: VirtualChip, stimulus: Stimulus, **how: Any) -> Passage:
    """What `VirtualChip.show` does, on an engine that was built for a chip of the same equations."""
    showing = chip.prepared(stimulus, **how)
    values = initial_values(chip.model, showing.values)
    return chip.passage(showing, engine.run(showing.stimulus, values=values, outputs=showing.outputs))


def check_equal(specs: list[Spec], *, at_once: int | None = None, presentations: int = 3) -> None:
    """Two passages, the second going on from the first."""
    batch, protocol = specs[0].run.batch, specs[0].run.protocol
    stimulus = stimulus_of(random_dataset(specs[0], 5), batch, presentations)
    how: dict[str, Any] = {"protocol": protocol, "noise": False, "traced": (0, 2), "trace_steps": 7}
    lot, given = Lot(specs, at_once=at_once), weights_of(specs)
    first = lot.show(stimulus, weights=given, **how)
    second = lot.show(
        stimulus,
        weights=[passage.weights for passage in first],
        optimizer=[passage.optimizer for passage in first],
        wander=[passage.wander for passage in first],
        passage=1,
        **how,
    )
    engine = build_emulator(lot.chips[0].model, specs[0].run.backend)
    for chip, weights, one, two in zip(lot.chips, given, first, second, strict=True):
        expected = show_alone(engine, chip, stimulus, weights=weights, **how)
        again = show_alone(
            engine,
            chip,
            stimulus,
            weights=expected.weights,
            optimizer=expected.optimizer,
            wander=expected.wander,
            passage=1,
            **how,
        )
        for passage, wanted in ((one, expected), (two, again)):
            assert str(passage.status) == str(wanted.status)
            np.testing.assert_allclose(passage.settling, wanted.settling, rtol=1e-6, atol=ROUNDING)
            for a, b in zip(numbers(passage), numbers(wanted), strict=True):
                assert a.shape == b.shape
                assert relative_difference([(a, b)]) <= ROUNDING


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch": 3},
        {"batch": 2, "chip": "ideal", "task": {"loss": "squared_error"}},
        {"method": {"optimizer": {"name": "adam"}, "learning_rate": 0.01}},
        {"method": {"optimizer": {"name": "fixed_norm", "weight_decay": 0.1}, "learning_rate": 0.1}},
        {"method": {"weight_updates": "continuous"}, "batch": 2},
        {"method": {"name": "DFC-relayed"}},
        {"method": {"name": "DI"}, "batch": 2},
        {"method": {"name": "DTP"}, "task": {"loss": "squared_error"}},
        {"chip": "pcm_crossbar"},
        {"chip": "brainscales2", "batch": 2},
    ],
)
def test_every_chip_is_what_it_is_alone(changes: dict[str, Any]) -> None:
    """Traces, ends of presentations, weights, optimisers and cells of three chips in runs of two."""
    check_equal(specs_of(3, **changes), at_once=2)


@pytest.mark.cpp
@pytest.mark.parametrize(("chips", "batch"), [(21, 1), (3, 20)])
def test_compiled_chips_are_what_they_are_alone(chips: int, batch: int) -> None:
    """Whole vectors of chips or of columns, and what is left of them."""
    check_equal(specs_of(chips, batch=batch, backend="cpp"))


@pytest.mark.cpp
def test_runs_side_by_side_are_those_of_numpy() -> None:
    """Seven chips in runs of two, which go on in processes of their own."""
    ends = []
    for backend in ("numpy", "cpp"):
        specs = specs_of(7, backend=backend, chip="pcm_crossbar")
        stimulus = stimulus_of(random_dataset(specs[0], 5), 1, 2)
        lot = Lot(specs, at_once=2)
        ends.append(
            lot.show(stimulus, weights=weights_of(specs), protocol=specs[0].run.protocol, noise=False)
        )
    for one, other in zip(*ends, strict=True):
        for a, b in zip(numbers(one), numbers(other), strict=True):
            assert relative_difference([(a, b)]) <= ROUNDING


@pytest.mark.parametrize("backend", ["numpy", pytest.param("cpp", marks=pytest.mark.cpp)])
def test_a_chip_that_diverges_leaves_the_others_alone(backend: str) -> None:
    """Told of it where and when it happens alone; what it recorded until then is kept."""
    specs = specs_of(3, backend=backend)
    given = weights_of(specs)
    *hidden, last = given[1].feedback
    given[1] = attrs.evolve(given[1], feedback=(*hidden, -40 * last))  # pushes away from the target
    unclipped = {"name": "ideal", "mismatch": True}
    specs = [attrs.evolve(spec, chip={**unclipped, "seed": number}) for number, spec in enumerate(specs)]
    stimulus, how = stimulus_of(random_dataset(specs[0], 5), 1, 6), {"protocol": specs[0].run.protocol}
    passages = Lot(specs).show(stimulus, weights=given, **how)
    assert [passage.status.kind for passage in passages] == [DONE, DIVERGED, DONE]
    for spec, weights, passage in zip(specs, given, passages, strict=True):
        alone = VirtualChip(spec).show(stimulus, weights=weights, **how)
        assert str(passage.status) == str(alone.status)
        for name, values in alone.endings.items():
            assert (
                relative_difference([(passage.endings[name], values)]) <= 1e-6
            )  # rounding grows as it diverges


def test_chips_have_noise_of_their_own() -> None:
    """Of one law: the same spread in a lot as alone, and no two chips with the same noise."""
    specs = specs_of(40, chip={"name": "ideal", "noise": True})
    given = weights_of(specs[:1]) * 40
    stimulus, how = stimulus_of(random_dataset(specs[0], 5), 1, 2), {"protocol": specs[0].run.protocol}
    lot = Lot(specs)
    passages = lot.show(stimulus, weights=given, learning=False, **how)
    held = np.array([passage.endings["held"].ravel() for passage in passages])
    alone = np.array(
        [
            VirtualChip(spec).show(stimulus, weights=given[0], learning=False, **how).endings["held"].ravel()
            for spec in specs[:20]
        ]
    )
    assert len(np.unique(held[:, 0])) == 40
    ratio = np.std(held, axis=0, ddof=1) / np.std(alone, axis=0, ddof=1)
    # eight ratios of spreads of 40 and of 20 samples, 1/√78 + 1/√38 off each: at worst all of them by as much
    assert abs(ratio.mean() - 1) < 3 * 0.2
    assert np.std(alone) > 1e-4


def test_chips_of_other_kinds_are_refused() -> None:
    specs, how = specs_of(2), {"protocol": specs_of(1)[0].run.protocol}
    stimulus = stimulus_of(random_dataset(specs[0], 5), 1, 1)
    warmer = [*specs, *specs_of(1, chip={"name": CHIP, "temperature": "333 K"})]
    lot, given = Lot(warmer), weights_of(warmer)
    with pytest.raises(SpecError, match="share this number"):
        lot.show(stimulus, weights=given, **how)
    with pytest.raises(DataError, match="one for each chip"):
        lot.show(stimulus, weights=given[:1], **how)
    with pytest.raises(SpecError, match="same equations"):
        Lot([*specs, *specs_of(1, chip="ideal")])
    with pytest.raises(RuntimeError, match="runs in a lot"):
        lot.chips[0].show(stimulus, weights=given[0], **how)
    coarse = {"name": "brainscales2", "input_converter": {"bits": 4}}
    with pytest.raises(SpecError, match="same converters"):
        Lot([*specs_of(1, chip="brainscales2"), *specs_of(1, chip=coarse)])
    with pytest.raises(DataError, match="at_once cannot be so few"):
        Lot(specs, at_once=0)
    with pytest.raises(DataError, match="processes cannot be so few"):
        Lot(specs, processes=-1)
    with pytest.raises(DataError, match="no chips"):
        Lot([])


def test_what_does_not_fit_is_refused_before_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told how many chips at once would fit, or that no number does; a chip alone asks, too."""
    specs = specs_of(6)
    lot, given = Lot(specs, at_once=6), weights_of(specs)
    stimulus, how = stimulus_of(random_dataset(specs[0], 5), 1, 2), {"protocol": specs[0].run.protocol}
    one = sum(memory.bytes_of_run(lot.chips[0].model, {}, 2))
    monkeypatch.setattr(memory, "_machine", lambda: int(4.5 * one))
    with pytest.raises(MemoryShortage, match="lower chips at once to 4") as caught:
        lot.show(stimulus, weights=given, **how)
    assert caught.value.exit_status == 2
    assert Lot(specs).at_once == 2  # half of what is free holds so many
    assert Lot(specs, at_once=4).show(stimulus, weights=given, **how)[5].status.good
    alone = VirtualChip(specs[0])
    monkeypatch.setattr(memory, "_machine", lambda: one // 2)
    with pytest.raises(MemoryShortage, match="fewer presentations"):
        lot.show(stimulus, weights=given, **how)
    with pytest.raises(MemoryShortage, match=r"lower run\.batch"):
        alone.show(stimulus, weights=given[0], **how)


@pytest.mark.cpp
def test_an_interrupt_ends_all_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told of the progress interrupts: no process is left, and no passage that is half one."""
    specs = specs_of(4, backend="cpp")
    lot = Lot(specs, at_once=1, processes=2)
    started: list[int] = []
    run = CppEmulator.run

    def counted(self: CppEmulator, *arguments: Any, **options: Any) -> Any:
        started.append(1)
        return run(self, *arguments, **options)

    monkeypatch.setattr(CppEmulator, "run", counted)

    def interrupt(done: int, total: int) -> None:
        assert total == 4 * 20_000
        raise KeyboardInterrupt

    stimulus = stimulus_of(random_dataset(specs[0], 5), 1, 20_000)
    with pytest.raises(KeyboardInterrupt):
        lot.show(stimulus, weights=weights_of(specs), protocol=specs[0].run.protocol, progress=interrupt)
    assert len(started) < 4
