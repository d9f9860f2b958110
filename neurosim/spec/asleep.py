"""The spec of the sleep phase that belongs to a spec: the same network with other time constants and gains."""

from __future__ import annotations

import attrs

from neurosim.spec.reader import Spec


def asleep(spec: Spec) -> Spec:
    """What runs while feedback weights are learned: r_L* = r_L⁻, that is λ = 0, and the numbers of `Sleep`."""
    sleep = spec.method.sleep
    return attrs.evolve(
        spec,
        network=attrs.evolve(
            spec.network, tau_soma_ratio=sleep.tau_soma_ratio, tau_apical_ratio=sleep.tau_apical_ratio
        ),
        method=attrs.evolve(
            spec.method,
            target_stepsize=0.0,
            proportional_gain=sleep.proportional_gain,
            leak=sleep.leak,
        ),
        run=attrs.evolve(
            spec.run,
            dt_ratio=sleep.dt_ratio,
            settle_duration=sleep.settle_duration,
            learn_duration=sleep.duration,
        ),
    )
