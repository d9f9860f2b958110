"""The table of methods: one name, one line."""

from __future__ import annotations

import attrs

from neurosim.errors import SpecError, nearest
from neurosim.learning.feedback import Feedback, FixedDirect, LayerwiseTranspose
from neurosim.learning.inversion import Inversion, OpenLoop, Simulated, Solved
from neurosim.learning.plasticity import AtSteadyState, Controlled, Gradient, Plasticity


@attrs.frozen(kw_only=True)
class Method:
    """A combination of parts."""

    feedback: Feedback
    inversion: Inversion
    plasticity: Plasticity

    @property
    def dynamical(self) -> bool:
        """Whether it runs as dynamics on a chip; otherwise the torch reference carries it out."""
        return isinstance(self.inversion, Simulated)


METHODS: dict[str, Method] = {
    "BP": Method(feedback=LayerwiseTranspose(), inversion=OpenLoop(), plasticity=Gradient()),
    "DFC": Method(feedback=FixedDirect(), inversion=Simulated(), plasticity=Controlled()),
    "DFC-SS": Method(feedback=FixedDirect(), inversion=Simulated(), plasticity=AtSteadyState()),
    "DFC-SSA": Method(feedback=FixedDirect(), inversion=Solved(), plasticity=AtSteadyState()),
}


def method_of(name: str) -> Method:
    """The parts behind a name; SpecError suggests the nearest."""
    if name not in METHODS:
        raise SpecError(
            f'unknown method "{name}"',
            where="method.name",
            expected="one of " + ", ".join(METHODS),
            remedy=nearest(name, METHODS),
        )
    return METHODS[name]
