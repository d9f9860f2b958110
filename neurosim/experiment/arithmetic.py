"""A chip that computes in single precision, or passes what is at rest, against itself without; knows no equations."""

from __future__ import annotations

import attrs

from neurosim.analysis import relative_difference
from neurosim.backend import Stimulus
from neurosim.emulate import Passage, VirtualChip, Weights
from neurosim.emulate.weights import named_arrays
from neurosim.result import DIVERGED, Check

TOLERANCE = 1e-3
"""Of what one presentation changes weights by, relative: far below what mismatch and noise of any chip do to it. Seen
are some 1e-6 in single precision, and about what `run.fast_forward` is; more where an update is a small difference of
large numbers."""


def exactly(chip: VirtualChip) -> VirtualChip:
    """The same chip computing every step in double precision; itself if it does."""
    run = chip.spec.run
    if chip.model.precision == "float64" and run.fast_forward == 0:
        return chip
    spec = attrs.evolve(chip.spec, run=attrs.evolve(run, precision="float64", fast_forward=0.0))
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

    own, reference = show(chip), show(exact)
    broken = DIVERGED in (own.status.kind, reference.status.kind)
    before, of_own, of_reference = (dict(named_arrays(w)) for w in (weights, own.weights, reference.weights))
    changes = [(of_own[name] - start, of_reference[name] - start) for name, start in before.items()]
    short = {
        "single precision": chip.model.precision != exact.model.precision,
        "fast forward": chip.spec.run.fast_forward != exact.spec.run.fast_forward,
    }
    return [
        Check(
            name=", ".join(name for name, differs in short.items() if differs) or "arithmetic",
            value=float("nan") if broken else relative_difference(changes),
            tolerance=TOLERANCE,
            detail="weight change of one presentation against every step in float64, of which all other checks are",
        )
    ]
