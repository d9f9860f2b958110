"""Which feedback is learned from noise, and what that asks of the neurons; knows no engine."""

from __future__ import annotations

from neurosim.errors import SpecError
from neurosim.learning.feedback import LearnedDirect
from neurosim.learning.methods import METHODS, Method, method_of
from neurosim.spec.method import MethodSettings
from neurosim.spec.network import Network


def learns_from_noise(method: Method, *, asleep: bool) -> bool:
    """Whether feedback weights change while noise is put in: in a sleep phase, or all the time."""
    feedback = method.feedback
    return isinstance(feedback, LearnedDirect) and (asleep or feedback.awake)


def check_learnable(network: Network, method: MethodSettings) -> LearnedDirect:
    """The method's feedback, if noise can teach it.

    Raises
    ------
    SpecError : the method's feedback is not learned, or the apical compartment has no time constant: then
        v_fb holds the noise of this very moment, of which u knows nothing yet.
    """
    feedback = method_of(method.name).feedback
    if not isinstance(feedback, LearnedDirect):
        learned = [name for name, m in METHODS.items() if isinstance(m.feedback, LearnedDirect)]
        raise SpecError(
            f"{method.name} does not learn its feedback from noise",
            where="method.name",
            expected="one of " + ", ".join(learned),
        )
    if network.tau_apical_ratio == 0:
        raise SpecError(
            "feedback weights cannot be learned: the apical compartment has no time constant",
            where="network.tau_apical_ratio",
            expected="> 0",
            got="0",
            remedy=f"set network.tau_apical_ratio, such as {method.sleep.tau_apical_ratio:g}"
            + ("" if feedback.awake else "; neurosim.spec.asleep does so for the sleep phase"),
        )
    return feedback
