"""One call from a spec to its error budget."""

from __future__ import annotations

import json

from neurosim.emulate import Storage, VirtualChip, Weights, design_of
from neurosim.errors import SpecError
from neurosim.experiment.budget.bench import Bench
from neurosim.experiment.budget.closed import closed_rows
from neurosim.experiment.budget.emulated import with_emulated_chips
from neurosim.experiment.budget.noise import amounts_of, noise_rows, noises_of, with_emulated_noise
from neurosim.experiment.budget.rows import Budget, ranked
from neurosim.experiment.continued import CHIP_NUMBERS
from neurosim.experiment.pretraining import Watch, pretraining_epochs
from neurosim.experiment.starting import Start
from neurosim.experiment.verify import awake_weights
from neurosim.io import Dataset, load_dataset
from neurosim.learning import method_of
from neurosim.reference.wiring import CONTROLLED
from neurosim.spec import Spec
from neurosim.version import __version__


def error_budget(
    spec: Spec,
    *,
    chips: int = 50,
    samples: int = 8,
    weights: Weights | None = None,
    age: float = 0.0,
    backend: str | None = None,
    progress: Watch | None = None,
) -> Budget:
    """The budget of a spec's chip at weights that it stores (None: those a run starts with), on the first test
    samples.

    What all devices of a kind share is solved for; what differs from device to device, independently, is taken to
    first order about that, and its mean to second. Noise is taken to first order about a presentation as long as the
    spec has it, but for the noise of reading a memory. What moves no settled state is not in it: rates, poles, slew.
    On a chip with a memory everything is about the weights as they are meant, and what cells make of them when they
    are written anew stands in rows of its own, see `Memories`: given weights are meant as this chip's cells hold them,
    and those a run starts with as they are before they are written.

    Parameters
    ----------
    age : since the weights were written, s; without a memory of no effect.
    chips : emulated with each imperfection alone, and with all; 0: none, closed forms only.

    Raises
    ------
    SpecError : a method without a controller, or a chip without imperfections.
    UnstableError : the loop of the chip as designed does not settle.
    """
    watch = progress or (lambda what, done, total: None)
    if not isinstance(method_of(spec.method.name).feedback, CONTROLLED):
        raise SpecError(
            f"{spec.method.name} has no controller whose errors could be budgeted",
            where=f"{spec.source or 'spec'}: method.name",
            expected="DFC-fixed or another method with a controller",
        )
    dataset = load_dataset(spec.task)
    start = Start.of(spec) if weights is None else Start(weights=weights)
    meant = _meant(spec, start.weights, dataset, backend, watch, learned=weights is not None)
    bench = Bench.of(spec, dataset, meant, samples, age=age)
    noises = noises_of(bench)
    rows, noisy = closed_rows(bench, watch), noise_rows(bench, noises, watch)
    if chips > 0:
        rows = with_emulated_chips(bench, rows, chips, backend, watch)
        noisy = with_emulated_noise(bench, noisy, chips, backend, watch)
    return Budget(
        rows=tuple(ranked([*rows, *noisy])),
        chips=chips,
        samples=samples,
        facts={**_facts(spec), **start.facts},
        spreads={**bench.active, **amounts_of(bench, noises)},
    )


def _facts(spec: Spec) -> dict[str, str]:
    chip = design_of(spec).chip
    numbers = {path: number.text for path, number in chip.numbers.items()}
    return {"neurosim": __version__, "chip": chip.name, CHIP_NUMBERS: json.dumps(numbers)}


def _meant(
    spec: Spec, weights: Weights, dataset: Dataset, backend: str | None, watch: Watch, *, learned: bool
) -> Weights:
    """What a chip's cells hold of weights; the weights a run starts with, where nothing has been learned yet."""
    if not learned:
        if not pretraining_epochs(spec):
            return weights
        weights = awake_weights(VirtualChip(spec, backend=backend), weights, dataset, watch)
    return Storage.of(design_of(spec)).held(weights)
