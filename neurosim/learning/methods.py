"""The table of methods: one name, one line."""

from __future__ import annotations

from typing import Any

import attrs

from neurosim.errors import SpecError, nearest
from neurosim.learning.feedback import (
    Decoders,
    Feedback,
    FixedDirect,
    FixedLayerwise,
    FixedRelayed,
    LayerwisePseudoinverse,
    LayerwiseTranspose,
    LearnedDirect,
    SingleLoop,
)
from neurosim.learning.inversion import (
    DYNAMICAL,
    InputRelaxation,
    Inversion,
    Iterated,
    NonlinearChain,
    OpenLoop,
    OutputRelaxation,
    PairsAtOnce,
    PairsInTurn,
    Simulated,
    Solved,
)
from neurosim.learning.plasticity import (
    Anytime,
    AtSteadyState,
    Controlled,
    Gradient,
    Plasticity,
    TargetDifference,
)

_DIRECT = (FixedDirect, LearnedDirect, FixedRelayed)
_ERRORS, _TARGETS = (Gradient,), (TargetDifference, Anytime)

FITTING: dict[type[Any], tuple[tuple[type[Any], ...], tuple[type[Any], ...]]] = {
    OpenLoop: (
        (LayerwiseTranspose, LayerwisePseudoinverse, FixedLayerwise, FixedDirect, LearnedDirect),
        _ERRORS,
    ),
    Solved: ((FixedLayerwise, *_DIRECT), (Gradient, AtSteadyState)),
    Simulated: (_DIRECT, (Controlled, AtSteadyState)),
    PairsInTurn: ((FixedLayerwise,), _ERRORS),
    PairsAtOnce: ((FixedLayerwise,), _ERRORS),
    NonlinearChain: ((SingleLoop,), _ERRORS),
    OutputRelaxation: ((Decoders,), _TARGETS),
    InputRelaxation: ((Decoders,), _TARGETS),
    Iterated: ((Decoders,), (TargetDifference,)),
}
"""Which feedback and which plasticity fit each inversion."""


@attrs.frozen
class Method:
    """A combination of parts."""

    feedback: Feedback
    inversion: Inversion
    plasticity: Plasticity

    def __attrs_post_init__(self) -> None:
        """Refuse parts that do not fit each other; SpecError names both and what would fit."""
        feedbacks, plasticities = FITTING[type(self.inversion)]
        for part, fitting in ((self.feedback, feedbacks), (self.plasticity, plasticities)):
            if not isinstance(part, fitting):
                raise SpecError(
                    f"{type(part).__name__} does not fit {type(self.inversion).__name__}",
                    where="method",
                    expected=" or ".join(kind.__name__ for kind in fitting) + f" with {self.inversion}",
                    got=str(part),
                    remedy="take a part that fits, or another inversion",
                )

    @property
    def dynamical(self) -> bool:
        """Whether it runs as dynamics on a chip; otherwise the torch reference carries it out."""
        return isinstance(self.inversion, DYNAMICAL)

    @property
    def sleeps(self) -> bool:
        """Whether its feedback weights are learned in a phase of their own."""
        return isinstance(self.feedback, LearnedDirect) and not self.feedback.awake


METHODS: dict[str, Method] = {
    # controls
    "BP": Method(LayerwiseTranspose(), OpenLoop(), Gradient()),
    "FA": Method(FixedLayerwise(initial="random", sign=1), OpenLoop(), Gradient()),
    "DFA": Method(FixedDirect(initial="random"), OpenLoop(), Gradient()),
    "PBP": Method(LayerwisePseudoinverse(), OpenLoop(), Gradient()),
    # Dynamic Inversion
    "NDI": Method(FixedLayerwise(), Solved(), Gradient()),
    "DI": Method(FixedLayerwise(), PairsInTurn(), Gradient()),
    "DI-repeat": Method(FixedLayerwise(), PairsAtOnce(), Gradient()),
    "SLDI": Method(SingleLoop(), NonlinearChain(), Gradient()),
    # Deep Feedback Control
    "DFC": Method(LearnedDirect(), Simulated(), Controlled()),
    "DFC-SS": Method(LearnedDirect(), Simulated(), AtSteadyState()),
    "DFC-SSA": Method(LearnedDirect(), Solved(), AtSteadyState()),
    "DFC-fixed": Method(FixedDirect(), Simulated(), Controlled()),
    "DFC-SS-fixed": Method(FixedDirect(), Simulated(), AtSteadyState()),
    "DFC-SSA-fixed": Method(FixedDirect(), Solved(), AtSteadyState()),
    "DFC-merged": Method(LearnedDirect(awake=True), Simulated(), Controlled()),
    "DFC-relayed": Method(FixedRelayed(), Simulated(), Controlled()),
    # Differential Target Propagation
    "DTP1": Method(Decoders(), OutputRelaxation(), TargetDifference(influence=False)),
    "DTP": Method(Decoders(), OutputRelaxation(), TargetDifference(influence=True)),
    "DTP-input": Method(Decoders(), InputRelaxation(), TargetDifference(influence=True)),
    "DTP-online": Method(Decoders(), OutputRelaxation(), Anytime()),
    "DTP1-iterated": Method(Decoders(), Iterated("output"), TargetDifference(influence=False)),
    "DTP-iterated": Method(Decoders(), Iterated("output"), TargetDifference(influence=True)),
    "DTP-input-iterated": Method(Decoders(), Iterated("input"), TargetDifference(influence=True)),
    "DTP-corrected": Method(Decoders(), Iterated("once"), TargetDifference(influence=True)),
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
