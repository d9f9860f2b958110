"""A chip that computes in single precision against itself in double; knows no equations."""

from __future__ import annotations

import attrs

from neurosim.analysis import relative_difference
from neurosim.backend import Stimulus
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.emulate.weights import named_arrays
from neurosim.result import DIVERGED, Check

SINGLE_TOLERANCE = 1e-3
"""Of what one presentation changes weights by, relative: far below what mismatch and noise of any chip do to it. Seen
are some 1e-6; more where an update is a small difference of large numbers."""


def in_double(chip: VirtualChip) -> VirtualChip:
    """The same chip computing in double precision; itself if it does."""
    if chip.model.precision == "float64":
        return chip
    spec = attrs.evolve(chip.spec, run=attrs.evolve(chip.spec.run, precision="float64"))
    return VirtualChip(spec, columns=chip.model.n_columns, backend=chip.backend, chip=chip.chip)


def check_arithmetic(
    chip: VirtualChip, exact: VirtualChip, weights: Weights, stimulus: Stimulus
) -> list[Check]:
    """What one presentation changes weights by on both, without noise; none where both are the same chip."""
    if exact is chip:
        return []
    first = attrs.evolve(chip.door.given(stimulus), order=stimulus.order[:1])

    def show(which: VirtualChip) -> Passage:
        protocol = chip.spec.run.protocol
        return which.show(first, weights=weights, protocol=protocol, noise=False).or_interrupt()

    single, double = show(chip), show(exact)
    broken = DIVERGED in (single.status.kind, double.status.kind)
    before, of_single, of_double = (dict(named_arrays(w)) for w in (weights, single.weights, double.weights))
    changes = [(of_single[name] - start, of_double[name] - start) for name, start in before.items()]
    return [
        Check(
            name="single precision",
            value=float("nan") if broken else relative_difference(changes),
            tolerance=SINGLE_TOLERANCE,
            detail="weight change of one presentation in float32 against float64; all other checks are of float64",
        )
    ]
