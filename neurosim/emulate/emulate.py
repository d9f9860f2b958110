"""One call from spec and stimulus to a Result."""

from __future__ import annotations

from neurosim.backend import Stimulus
from neurosim.emulate.chip import VirtualChip
from neurosim.emulate.weights import Weights
from neurosim.result import Result
from neurosim.spec import Spec, write_spec


def emulate(
    spec: Spec,
    stimulus: Stimulus,
    *,
    weights: Weights | None = None,
    backend: str | None = None,
    learning: bool = True,
    noise: bool = True,
    traced: tuple[int, int] = (0, 1),
) -> Result:
    """Show a stimulus to the spec's chip once and return everything known after it.

    Parameters
    ----------
    stimulus : inputs (n_samples, n_0), desired (n_samples, n_L), order (n_presentations, batch).
    weights : stored when it starts; None: those a run of the spec would start with, written into the chip.
    traced : first and last + 1 presentation of which traces are kept.

    Raises
    ------
    SpecError, DataError, CompileError, EngineError
    """
    chip = VirtualChip(spec, columns=stimulus.order.shape[1], backend=backend)
    passage = chip.show(
        stimulus,
        weights=weights or chip.written(Weights.initial(spec)),
        protocol=spec.run.protocol,
        learning=learning,
        noise=noise,
        traced=traced,
        trace_steps=spec.run.trace_steps,
    )
    return Result(
        spec=write_spec(spec),
        seed=spec.run.seed,
        backend=chip.backend,
        status=passage.status,
        connectivity=chip.projections(passage.weights),
        traces=passage.traces,
        devices=chip.devices(),
        provenance={**chip.provenance(), "wall_seconds": passage.wall_seconds},
    )
