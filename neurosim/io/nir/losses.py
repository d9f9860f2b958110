"""What NIR has no words for, in ours; draws nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurosim.io.nir.drawing import UNKNOWN_TIME_BASE, Subject


def losses_of(subject: Subject) -> tuple[str, ...]:
    """A line for each thing that the result has and the graph has not."""
    return (*_of_neurons(subject), *_of_loop(subject), *_of_devices(subject), *_always(subject))


def _of_neurons(subject: Subject) -> Iterator[str]:
    curved = {
        f"{name} of rate_{l}"
        for l, name in enumerate(subject.spec.network.activations, start=1)
        if name != "linear"
    }
    if curved:
        yield (
            f"nonlinearities ({', '.join(sorted(curved))}): the graph goes on with the argument; the nodes' "
            "metadata name what to apply"
        )
    if "time_base_second" not in subject.result.provenance:
        yield f"time: {subject.spec.method.name} was solved without dynamics; tau_u is {UNKNOWN_TIME_BASE:g} s here"


def _of_loop(subject: Subject) -> Iterator[str]:
    if subject.feedback:
        yield (
            "phases: the loop is always closed; `target` has to be given r*, which neurosim makes of the output it "
            "samples before it closes the loop"
        )
        return
    left_out = [name for name, p in subject.result.connectivity.items() if p.kind == "feedback"]
    more = f" ({', '.join(left_out)})" if left_out else ""
    yield f"feedback of {subject.spec.method.name}{more}: no controller acts on the neurons; the layers alone are here"


def _of_devices(subject: Subject) -> Iterator[str]:
    found = {
        "saturation of transconductors": ("saturation", np.inf),
        "rails": ("limit", np.inf),
        "droop of the held target": ("droop", 0.0),
        "noise": ("noise", 0.0),
    }
    for what, (suffix, ideal) in found.items():
        parts = [
            part
            for part, parameters in subject.result.devices.items()
            if any(
                name.endswith(suffix) and np.any(values[:] != ideal) for name, values in parameters.items()
            )
        ]
        if parts:
            yield f"{what} of {', '.join(parts)}"


def _always(subject: Subject) -> Iterator[str]:
    yield f"learning: weights stay as they are (plasticity of {subject.spec.method.name}, its comparators)"
    yield "what devices are behind the weights: weights have their errors in them"
    yield "units: activities have none here; seconds are those of the chip"
    result = subject.result
    if result.traces or result.spikes or result.learning or result.verification:
        yield "traces, spikes, learning curves and verification"
